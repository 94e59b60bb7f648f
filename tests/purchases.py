"""A purchase step by step over HTTP, as its two sides make it, for tests of any feature.

``listing = dealer_listing(api, dealer, ask_minor=8_800_000)``; ``order = buy(api, buyer, listing["id"])``; ``sign_both``; ``pay``;
``hand_over_and_accept``; ``transfer``. ``purchase(api, …)`` does all of it.
"""

from typing import Any

from marketplace.orders.domain import HANDED_OVER_DOCUMENTS
from tests.cars import register_car
from tests.market import Market
from tests.people import Person

BASE = "/marketplace/v1"
CONFIRMATIONS = ["seven_day_return_excluded", "condition_read"]
PAPERS = sorted(HANDED_OVER_DOCUMENTS)


def post(api: Market, path: str, person: Person, body: dict[str, Any], *, status: int = 201) -> dict[str, Any]:
    """The answer's body; fails with it when the status is another one."""
    answer = api.post(f"{BASE}{path}", json=body, headers=person.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def get(api: Market, path: str, person: Person) -> dict[str, Any]:
    answer = api.get(f"{BASE}{path}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def money(api: Market, person: Person, amount_minor: int) -> dict[str, Any]:
    """An account at the sandbox bank with this much in it."""
    return post(api, "/sandbox-bank/accounts", person, {"opening_minor": amount_minor})


def balance(api: Market, person: Person) -> int:
    """Fen on the party's account at the sandbox bank."""
    found: int = get(api, "/sandbox-bank/accounts/own", person)["balance_minor"]
    return found


def dealer_listing(api: Market, dealer: Person, *, ask_minor: int = 8_800_000, **car: Any) -> dict[str, Any]:
    """A stock car of ``dealer`` in the store."""
    vehicle = register_car(api, dealer, **car)
    return post(api, "/listings", dealer, {"vehicle_id": vehicle["id"], "ask_minor": ask_minor})


def buy(api: Market, buyer: Person, listing_id: str, *, city: str = "天津") -> dict[str, Any]:
    """An order of the listed car."""
    return post(api, "/orders", buyer, {"listing_id": listing_id, "buyer_city": city, "confirmations": CONFIRMATIONS})


def sign(api: Market, person: Person, order_id: str) -> dict[str, Any]:
    return post(api, f"/orders/{order_id}/signatures", person, {"passphrase": person.password})


def sign_both(api: Market, seller: Person, buyer: Person, order_id: str) -> dict[str, Any]:
    """Seller first, then the buyer, who sees what he owes."""
    sign(api, seller, order_id)
    return sign(api, buyer, order_id)


def pay(api: Market, buyer: Person, order_id: str) -> dict[str, Any]:
    """Transfer what is due from the buyer's own bank; the order as it stands afterwards."""
    due = get(api, f"/orders/{order_id}", buyer)["payment"]
    post(api, "/sandbox-bank/transfers", buyer, {"reference": due["reference"], "amount_minor": due["amount_minor"]})
    api.relay()
    return get(api, f"/orders/{order_id}", buyer)


def hand_over_and_accept(api: Market, seller: Person, buyer: Person, order_id: str, *, odometer_km: int = 42_100) -> dict[str, Any]:
    body = {"odometer_km": odometer_km, "keys": 2, "documents": PAPERS}
    post(api, f"/orders/{order_id}/handover", seller, body)
    return post(api, f"/orders/{order_id}/acceptance", buyer, body)


def transfer_of(api: Market, person: Person, order_id: str) -> dict[str, Any]:
    """The order's transfer of registration; run the jobs after the acceptance first."""
    (line,) = get(api, f"/transfers?order_id={order_id}", person)["items"]
    return get(api, f"/transfers/{line['id']}", person)


def give_papers(api: Market, giver: Person, clerk: Person, case: dict[str, Any]) -> None:
    """Every paper the case wants, handed in and checked."""
    kinds = [paper["kind"] for paper in case["papers"]]
    documents = [{"kind": kind, "number": f"120000{position:06d}"} for position, kind in enumerate(kinds)]
    post(api, f"/transfers/{case['id']}/documents", giver, {"documents": documents})
    post(api, f"/transfers/{case['id']}/checks", clerk, {"approved": kinds})


def transfer(api: Market, clerk: Person, buyer: Person, order_id: str, *, issuer: Person | None = None) -> dict[str, Any]:
    """Papers, checks, invoice, submission, the office's answer; the case as it stands afterwards."""
    api.relay()
    case = transfer_of(api, buyer, order_id)
    give_papers(api, buyer, clerk, case)
    post(api, f"/transfers/{case['id']}/invoice", issuer or clerk, {})
    post(api, f"/transfers/{case['id']}/submit", clerk, {})
    api.relay()
    return get(api, f"/transfers/{case['id']}", buyer)


def purchase(api: Market, *, listing_id: str, seller: Person, buyer: Person, clerk: Person, city: str = "天津") -> dict[str, Any]:
    """A listed car from order to payout; the order as it stands afterwards. The buyer has money already."""
    order = buy(api, buyer, listing_id, city=city)
    sign_both(api, seller, buyer, order["id"])
    pay(api, buyer, order["id"])
    hand_over_and_accept(api, seller, buyer, order["id"])
    case = transfer(api, clerk, buyer, order["id"])
    assert case["state"] == "completed", case
    return get(api, f"/orders/{order['id']}", buyer)
