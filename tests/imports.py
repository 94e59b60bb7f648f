"""Parallel-import cars for tests of any feature, made over HTTP as a pilot would."""

from datetime import date
from itertools import count
from typing import Any

from marketplace.vehicles.domain import complete_vin
from tests.market import Market
from tests.people import Person, licence, operator, organization

BASE = "/marketplace/v1/imports"
PAPERS = (
    "import_certificate",
    "import_licence",
    "inspection_sheet",
    "conformity_certificate",
    "ccc_certificate",
    "emission_disclosure",
    "three_guarantees",
)
"""Papers without which no car may be published."""

_serials = count(1)


PILOTS = "/marketplace/v1/import-pilots"
CONDITIONS = {
    "registered_capital_wan": 3_000,
    "paid_in_capital_wan": 1_500,
    "car_sales_wan": 45_000,
    "risk_guarantee": True,
    "repair_and_parts": True,
    "funding": True,
    "penalties_parallel_3y": 0,
}
"""What an enterprise states that meets every condition."""


def pilot_applied(api: Market, *, by: Person | None = None, valid_to: date | None = None) -> Person:
    """An organization of importers with its approval on file that has applied."""
    clerk = by or operator(api)
    pilot = organization(api, "import_pilot", by=clerk, licences=("business_licence",))
    licence(api, pilot, "import_pilot_approval", by=clerk, valid_to=valid_to)
    body = {"kind": "enterprise", "zone": "天津港保税区", "stated": CONDITIONS}
    answer = api.post(PILOTS, json=body, headers=pilot.headers)
    assert answer.status_code == 201, answer.text
    return pilot


def verified_pilot(api: Market, *, by: Person | None = None, valid_to: date | None = None) -> Person:
    """A pilot that may act."""
    clerk = by or operator(api)
    pilot = pilot_applied(api, by=clerk, valid_to=valid_to)
    answer = api.post(f"{PILOTS}/{pilot.party_id}/decision", json={"verified": True}, headers=clerk.headers)
    assert answer.status_code == 200, answer.text
    return pilot


def import_facts(**changes: Any) -> dict[str, Any]:
    """The body of a good registration; ``car``, ``shown`` and top-level members may be changed."""
    car = {
        "vin": complete_vin("JTMHX05J", f"S4{next(_serials):06d}"),
        "brand": "丰田",
        "series": "兰德酷路泽",
        "model": "2025款 LC300 3.5T GXR 中东版",
        "model_year": 2025,
        "odometer_km": 60,
        "city": "天津",
        "emission_stage": "cn6b",
        "displacement_ml": 3_445,
        "seats": 7,
        "colour": "white",
    }
    shown = {
        "warranty_giver": "天津某某国际贸易有限公司",
        "warranty_terms": "整车三包 3 年或 10 万公里",
        "recall_contact": "400-000-0000",
        "repair_outlets": "天津滨海新区河南路 8 号",
    }
    body: dict[str, Any] = {"import_version": "gcc", "arrived_on": "2026-10-08"}
    body |= {name: value for name, value in changes.items() if name not in {"car", "shown"}}
    return body | {"car": car | changes.get("car", {}), "shown": shown | changes.get("shown", {})}


def register_import(api: Market, pilot: Person, **changes: Any) -> dict[str, Any]:
    """An arrived car of the pilot, without papers; the answer's body."""
    answer = api.post(BASE, json=import_facts(**changes), headers=pilot.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def add_papers(api: Market, pilot: Person, import_id: str, *kinds: str) -> None:
    for kind in kinds:
        body = {"kind": kind, "number": f"{kind}-{next(_serials)}"}
        answer = api.post(f"{BASE}/{import_id}/papers", json=body, headers=pilot.headers)
        assert answer.status_code == 201, answer.text


def clear(api: Market, pilot: Person, import_id: str) -> None:
    """Through customs; the papers for it must be on file."""
    answer = api.post(f"{BASE}/{import_id}/steps", json={"step": "cleared", "on": "2026-10-15"}, headers=pilot.headers)
    assert answer.status_code == 200, answer.text


def publish_import(api: Market, pilot: Person, *, ask_minor: int = 79_800_000, **changes: Any) -> dict[str, Any]:
    """A car with its whole dossier, on sale; the answer's body."""
    found = register_import(api, pilot, **changes)
    add_papers(api, pilot, found["id"], *PAPERS)
    clear(api, pilot, found["id"])
    answer = api.post(f"{BASE}/{found['id']}/publication", json={"ask_minor": ask_minor}, headers=pilot.headers)
    assert answer.status_code == 201, answer.text
    published: dict[str, Any] = answer.json()
    return published
