"""A dealer's real file: every planted mistake is found, nothing else is refused. Skipped where the file is not there."""

import json
import os
from pathlib import Path

import pytest

from tests.market import Market
from tests.stock import BASE, dealer, upload_stock

VARIABLE = "HENANROAD_TEST_STOCK_FILES"
FOLDER = Path(os.environ.get(VARIABLE, Path(__file__).parents[3] / "shared" / "data" / "stock"))
FILE = FOLDER / "jinbin.csv"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no stock file at {FILE}; {VARIABLE} names its folder")


def test_jinbin_names_every_bad_row_and_no_other(quick_api: Market) -> None:
    expected = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))["jinbin"]
    seller = dealer(quick_api)
    made = upload_stock(quick_api, seller, FILE.read_bytes(), dry_run=True).json()
    quick_api.relay()
    body = quick_api.get(f"{BASE}/stock-imports/{made['id']}", headers=seller.headers).json()
    assert (body["state"], body["encoding"], body["rows_total"]) == ("checked", "gb18030", expected["rows"])
    found: dict[str, list[str]] = {}
    cursor = None
    while True:
        params = {"outcome": "bad", "limit": 100} | ({"cursor": cursor} if cursor else {})
        page = quick_api.get(f"{BASE}/stock-imports/{made['id']}/rows", params=params, headers=seller.headers).json()
        for row in page["items"]:
            found[str(row["n"])] = [finding["code"] for finding in row["findings"] if finding["severity"] == "error"]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == {n: [code] for n, code in expected["planted"].items()}
