"""What a buyer's purchase leaves behind about him: exported in full, erased as far as the law lets, and not while it runs."""

from uuid import UUID

import pytest

from marketplace import subscriptions
from marketplace.accounts.api import PrivacyHold
from marketplace.aftercare.api import PERSONAL_DATA as AFTERCARE
from marketplace.core.db import Session
from marketplace.orders.api import PERSONAL_DATA as ORDERS
from marketplace.payments.api import PERSONAL_DATA as PAYMENTS
from tests.market import Market
from tests.people import operator, organization, payout_account, sign_up
from tests.purchases import buy, dealer_listing, money, purchase

FEATURES = (PAYMENTS, ORDERS, AFTERCARE)


def test_each_is_registered() -> None:
    assert set(FEATURES) <= set(subscriptions.PERSONAL_DATA)


def test_exported_and_erased_after_the_sale_and_not_during_it(quick_api: Market) -> None:
    api = quick_api
    clerk = operator(api)
    dealer = organization(api, "dealer", by=clerk)
    payout_account(api, dealer)
    buyer = sign_up(api, "李四")
    money(api, buyer, 10_000_000)
    listing = dealer_listing(api, dealer)
    order = buy(api, buyer, listing["id"])
    with api.database.reading() as session, pytest.raises(PrivacyHold):
        ORDERS.erase(session, buyer.id)
    api.post(f"/marketplace/v1/orders/{order['id']}/cancellation", json={"reason": "x"}, headers=buyer.headers)
    purchase(api, listing_id=listing["id"], seller=dealer, buyer=buyer, clerk=clerk)
    with api.database.writing() as session:
        exported = {feature.feature: feature.export(session, buyer.id) for feature in FEATURES}
        _check_export(exported["orders"]["orders"])
        assert len(exported["payments"]["payments"]) == 1
        assert [one["state"] for one in exported["aftercare"]["transfers"]] == ["completed"]
        _check_erasure(session, buyer.id)


def _check_export(orders: list[dict[str, object]]) -> None:
    """His own name stands in his contracts, the seller's does not."""
    assert [one["state"] for one in orders] == ["cancelled", "completed"]
    for one in orders:
        contract = one["contract"]
        assert isinstance(contract, dict)
        assert contract["buyer"]["name"] == "李四"
        assert set(contract["seller"]) == {"party_id"}


def _check_erasure(session: Session, party_id: UUID) -> None:
    for feature in FEATURES:
        report = feature.erase(session, party_id)
        assert report.kept
    again = AFTERCARE.export(session, party_id)
    assert {paper["number"] for case in again["transfers"] for paper in case["papers"]} == {None}
