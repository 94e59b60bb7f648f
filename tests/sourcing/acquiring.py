"""An acquisition step by step over HTTP, for tests of any feature.

``deal = asked(api)``; ``offer(api, dealer, deal)``; ``accept(api, deal, offer_id)``; ``inspect``; then the order by ``tests.purchases``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marketplace.core import clock
from tests.cars import register_car
from tests.market import Market
from tests.people import BASE, Person, organization, payout_account, sign_up
from tests.purchases import money

PRICE = 8_200_000


@dataclass
class Asked:
    """A request with its owner and the car."""

    owner: Person
    car: dict[str, Any]
    id: str


def now(api: Market) -> datetime:
    with api.database.reading() as session:
        return clock.now(session)


def until(api: Market, *, hours: int = 48) -> str:
    return (now(api) + timedelta(hours=hours)).isoformat()


def asked(api: Market, owner: Person | None = None, *, days: int = 7, facts: dict[str, Any] | None = None, **body: Any) -> Asked:
    """An owner's car for which he asks offers; he has where to be paid."""
    if owner is None:
        owner = sign_up(api, "李四")
        payout_account(api, owner)
    car = register_car(api, owner, **(facts or {}))
    answer = api.post(f"{BASE}/acquisitions", json={"vehicle_id": car["id"], "days": days, **body}, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    return Asked(owner, car, answer.json()["id"])


def acquirer(api: Market, **options: Any) -> Person:
    """A dealer with a filing and money at the bank."""
    dealer = organization(api, "dealer", **options)
    money(api, dealer, 90_000_000)
    return dealer


def offer(api: Market, dealer: Person, deal: Asked, price_minor: int = PRICE, *, hours: int = 48) -> Any:
    body = {"price_minor": price_minor, "valid_until": until(api, hours=hours)}
    return api.post(f"{BASE}/acquisitions/{deal.id}/offers", json=body, headers=dealer.headers)


def offer_id(api: Market, dealer: Person, deal: Asked, price_minor: int = PRICE, *, hours: int = 48) -> str:
    answer = offer(api, dealer, deal, price_minor, hours=hours)
    assert answer.status_code == 201, answer.text
    found: str = next(one["id"] for one in answer.json()["offers"] if one["state"] == "open")
    return found


def accept(api: Market, deal: Asked, chosen: str) -> Any:
    return api.post(f"{BASE}/acquisitions/{deal.id}/offers/{chosen}/acceptance", json={}, headers=deal.owner.headers)


def inspect(api: Market, dealer: Person, deal: Asked, changes: list[dict[str, Any]] | None = None, *, odometer_km: int = 42_050) -> Any:
    body = {"odometer_km": odometer_km, "changes": changes or []}
    return api.post(f"{BASE}/acquisitions/{deal.id}/inspections", json=body, headers=dealer.headers)


def answer(api: Market, deal: Asked, *, consent: bool, passphrase: str | None = None, content_hash: str | None = None) -> Any:
    body: dict[str, Any] = {"consent": consent, "passphrase": passphrase or deal.owner.password}
    if content_hash is not None:
        body["content_hash"] = content_hash
    return api.post(f"{BASE}/acquisitions/{deal.id}/answer", json=body, headers=deal.owner.headers)


def shown(api: Market, who: Person, deal: Asked) -> dict[str, Any]:
    found = api.get(f"{BASE}/acquisitions/{deal.id}", headers=who.headers)
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def accepted(api: Market, dealer: Person, **options: Any) -> Asked:
    """An acquisition whose re-inspection is ahead."""
    deal = asked(api, **options)
    taken = accept(api, deal, offer_id(api, dealer, deal))
    assert taken.status_code == 200, taken.text
    return deal


def ordered(api: Market, dealer: Person, **options: Any) -> tuple[Asked, str]:
    """An acquisition with its purchase contract drawn up; the order's id."""
    deal = accepted(api, dealer, **options)
    done = inspect(api, dealer, deal)
    assert done.status_code == 201, done.text
    return deal, done.json()["order_id"]
