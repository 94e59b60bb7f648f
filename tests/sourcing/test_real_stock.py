"""Three dealers' real files: every planted mistake is found, nothing else is refused. Skipped where the files are not there."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.market import Market
from tests.stock import BASE, dealer, stock_of, upload_stock

VARIABLE = "HENANROAD_TEST_STOCK_FILES"
FOLDER = Path(os.environ.get(VARIABLE, Path(__file__).parents[3] / "shared" / "data" / "stock"))

pytestmark = pytest.mark.skipif(
    not (FOLDER / "expected.json").exists(), reason=f"no stock files in {FOLDER}; {VARIABLE} names their folder"
)


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))[name]
    return found


def bad_rows(api: Market, seller: Any, import_id: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    cursor = None
    while True:
        params = {"outcome": "bad", "limit": 100} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"{BASE}/stock-imports/{import_id}/rows", params=params, headers=seller.headers).json()
        for row in page["items"]:
            found[str(row["n"])] = [finding["code"] for finding in row["findings"] if finding["severity"] == "error"]
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("name", "format_", "encoding"), [("jinbin", "csv", "gb18030"), ("haihe", "xlsx", None), ("tanggu", "json", "utf-8")]
)
def test_every_planted_row_is_named_and_no_other(quick_api: Market, name: str, format_: str, encoding: str | None) -> None:
    wanted = expected(name)
    seller = dealer(quick_api)
    made = upload_stock(quick_api, seller, (FOLDER / wanted["file"]).read_bytes()).json()
    quick_api.relay()
    body = quick_api.get(f"{BASE}/stock-imports/{made['id']}", headers=seller.headers).json()
    assert (body["state"], body["format"], body["encoding"], body["problem"]) == ("applied", format_, encoding, None)
    assert (body["rows_total"], body["progress_permille"], body["is_settled"]) == (wanted["rows"], 1_000, True)
    assert bad_rows(quick_api, seller, made["id"]) == {n: [code] for n, code in wanted["planted"].items()}
    assert body["rows_added"] == wanted["rows"] - len(wanted["planted"])
    assert len(stock_of(quick_api, seller)) == 100
    again = upload_stock(quick_api, seller, (FOLDER / wanted["file"]).read_bytes(), mode="full").json()
    quick_api.relay()
    counts = quick_api.get(f"{BASE}/stock-imports/{again['id']}", headers=seller.headers).json()
    assert (counts["rows_unchanged"], counts["rows_added"], counts["rows_changed"], counts["rows_removed"]) == (body["rows_added"], 0, 0, 0)
