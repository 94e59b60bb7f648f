"""Appraisals for tests of any feature: ``signed_appraisal(api, owner, vehicle_id)`` gives a whole, issued report over HTTP."""

from typing import Any
from uuid import UUID

from tests.cars import picture
from tests.market import Market
from tests.people import Person, appraisers

BASE = "/valuation/v1"
SOUND: dict[str, Any] = {"records": [{"code": "21XS2"}, {"code": "14HH1"}, {"code": "44B"}], "remaining_sound": True}
"""A worksheet of 96.5 points: 二级 needs more defects, an accident ``{"code": "8BX"}``."""


def requested(api: Market, owner: Person, vehicle_id: UUID, institution_id: UUID | None, *, purpose: str = "sale") -> UUID:
    """The holder's order."""
    body = {"vehicle_id": str(vehicle_id), "institution_id": str(institution_id), "purpose": purpose}
    answer = api.post(f"{BASE}/appraisals", json=body, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


def offered(api: Market, appraiser: Person, appraisal_id: UUID) -> Any:
    """The institution accepts and offers the engagement letter."""
    answer = api.post(f"{BASE}/appraisals/{appraisal_id}/accept", json={}, headers=appraiser.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def accepted(api: Market, appraiser: Person, appraisal_id: UUID, owner: Person) -> Any:
    """The institution accepts, the client signs the engagement letter."""
    offered(api, appraiser, appraisal_id)
    path = f"{BASE}/appraisals/{appraisal_id}/engagement-letter/signatures"
    answer = api.post(path, json={"passphrase": owner.password}, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def add_photo(api: Market, appraiser: Person, appraisal_id: UUID) -> Any:
    """A photo of the working papers."""
    files = {"photo": ("car.jpg", picture(), "image/jpeg")}
    answer = api.post(f"{BASE}/appraisals/{appraisal_id}/photos", files=files, headers=appraiser.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def inspected(api: Market, appraiser: Person, appraisal_id: UUID, worksheet: dict[str, Any] | None = None) -> Any:
    answer = api.put(f"{BASE}/appraisals/{appraisal_id}/inspection", json=worksheet or SOUND, headers=appraiser.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def signed(api: Market, appraiser: Person, appraisal_id: UUID) -> Any:
    answer = api.post(f"{BASE}/appraisals/{appraisal_id}/signatures", json={"passphrase": appraiser.password}, headers=appraiser.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def signed_appraisal(
    api: Market,
    owner: Person,
    vehicle_id: UUID,
    *,
    pair: tuple[Person, Person] | None = None,
    worksheet: dict[str, Any] | None = None,
    purpose: str = "sale",
) -> dict[str, Any]:
    """The issued appraisal's body. ``pair`` are the two appraisers (``people.appraisers``); new ones when left out."""
    first, second = pair or appraisers(api)
    appraisal_id = requested(api, owner, vehicle_id, first.organization_id, purpose=purpose)
    accepted(api, first, appraisal_id, owner)
    inspected(api, first, appraisal_id, worksheet)
    signed(api, first, appraisal_id)
    issued: dict[str, Any] = signed(api, second, appraisal_id)
    return issued
