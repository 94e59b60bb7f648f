"""A consigned car from its window to the payout, over HTTP on both databases, exact to the fen."""

import pytest

from marketplace.sourcing.domain import ConsignmentState
from tests.market import Market
from tests.people import operator, payout_account, sign_up
from tests.purchases import balance, get, money, purchase
from tests.stock import BASE, broker, consigned_car


@pytest.mark.parametrize("kind", ["virtual", "physical"])
def test_the_owner_gets_the_price_less_the_agreed_commission(api: Market, kind: str) -> None:
    clerk = operator(api)
    agent = broker(api, by=clerk)
    payout_account(api, agent)
    owner, buyer = sign_up(api, "李四"), sign_up(api, "王五")
    payout_account(api, owner)
    money(api, buyer, 10_000_000)
    listed = consigned_car(api, owner, agent=agent, kind=kind, commission_bps=250)
    assert listed.consignment is not None
    seller = owner if kind == "virtual" else agent  # 行纪: the agent sells in his own name
    done = purchase(api, listing_id=str(listed.listing_id), seller=seller, buyer=buyer, clerk=clerk)
    assert done["state"] == "completed"
    api.relay()
    ended = get(api, f"/consignments/{listed.consignment['id']}", owner)
    assert (ended["state"], ended["order_id"], ended["price_minor"], ended["commission_minor"]) == (
        ConsignmentState.SOLD,
        done["id"],
        8_880_000,
        222_000,
    )
    assert balance(api, buyer) == 10_000_000 - 8_880_000
    assert balance(api, owner) == 8_880_000 - 222_000
    shown = api.get(f"{BASE}/listings/{listed.listing_id}").json()
    assert (shown["availability"], shown["state"]) == ("sold", "sold")
    again = api.get(f"{BASE}/vehicles/{listed.car_id}/holding", headers=buyer.headers)
    assert again.status_code == 200
    assert get(api, "/ledger/summary", clerk)["sum_minor"] == 0
