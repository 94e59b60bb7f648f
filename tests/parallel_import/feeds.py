"""A pilot's feed source as its own software would use it: signed pushes, a server to be pulled from, and waiting for the result."""

import base64
import hashlib
import hmac
import json
from typing import Any

from marketplace.core.crypto import new_signing_key, public_key_of, sign
from marketplace.parallel_import.service.inbound import lanes
from marketplace.vehicles.domain import complete_vin
from tests.imports import PAPERS
from tests.market import Market
from tests.people import Person

BASE = "/marketplace/v1"
SECRET = "a-secret-of-the-pilots-own-making"
KEY = new_signing_key()


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def signed(content: bytes, sequence: int = 0, *, secret: str | None = SECRET) -> dict[str, str]:
    """The headers of a feed: by HMAC, or with ``secret`` None by Ed25519."""
    text = f"{sequence} {digest(content)}".encode()
    signature = hmac.new(secret.encode(), text, hashlib.sha256).digest() if secret else sign(KEY, text)
    found = {"Feed-Signature": base64.b64encode(signature).decode()}
    return found | ({"Feed-Sequence": str(sequence)} if sequence else {})


def source(api: Market, pilot: Person, **changes: Any) -> dict[str, Any]:
    """A source of the pilot: pushes JSON, signed by HMAC."""
    body = {"name": "ERP", "mode": "push", "form": "json", "signing": "hmac_sha256", "secret": SECRET, **changes}
    if body["signing"] == "ed25519":
        body |= {"secret": None, "public_key": base64.b64encode(public_key_of(KEY)).decode()}
    answer = api.post(f"{BASE}/import-sources", json=body, headers=pilot.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def push(api: Market, pilot: Person, source_id: str, content: bytes, sequence: int, **headers: str) -> Any:
    return api.post(
        f"{BASE}/import-sources/{source_id}/pushes",
        content=content,
        headers={**pilot.headers, "Content-Type": "application/json", **signed(content, sequence), **headers},
    )


def settle(api: Market) -> None:
    """Run the jobs, those in lanes of their own too, until nothing is left."""
    while True:
        ran = api.relay()
        assert lanes.PULLING.wait_idle(within_s=60)
        assert lanes.READING.wait_idle(within_s=100)
        if not ran and not api.relay():
            return


def get(api: Market, pilot: Person, path: str) -> Any:
    answer = api.get(f"{BASE}{path}", headers=pilot.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def run_of(api: Market, pilot: Person, source_id: str) -> dict[str, Any]:
    """The source's last run, at its end."""
    settle(api)
    found: dict[str, Any] = get(api, pilot, f"/import-sources/{source_id}")["last_run"]
    return found


def rows_of(api: Market, pilot: Person, run: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(api, pilot, f"/import-runs/{run['id']}/rows")["items"]
    return found


def car(n: int, **changes: Any) -> dict[str, Any]:
    """Car ``n`` of the feed, arrived, with every paper it needs to be sold."""
    return {
        "ref": f"PI-{n}",
        "vin": complete_vin("JTMHX05J", f"S4{500_000 + n:06d}"),
        "brand": "丰田",
        "series": "兰德酷路泽",
        "model": "2025款 LC300 3.5T GXR 中东版",
        "model_year": 2025,
        "odometer_km": 60,
        "city": "天津",
        "emission_stage": "cn6b",
        "displacement_ml": 3_445,
        "colour": "white",
        "import_version": "gcc",
        "state": "on_sale",
        "arrived_on": "2026-10-08",
        "cleared_on": "2026-10-15",
        "ask_minor": 79_800_000 + n * 100_000,
        "warranty_giver": "天津某某国际贸易有限公司",
        "warranty_terms": "整车三包 3 年或 10 万公里",
        "recall_contact": "400-000-0000",
        "repair_outlets": "天津滨海新区河南路 8 号",
        "papers": [{"kind": kind, "number": f"{kind}-{n}"} for kind in PAPERS],
        **changes,
    }


def document(*cars: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({**members, "cars": cars}, ensure_ascii=False).encode()
