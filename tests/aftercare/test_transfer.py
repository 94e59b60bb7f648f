"""From the store page to the payout over HTTP on both databases, exact to the fen; and a transfer's refusals."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from marketplace.core.outbox import OutboxEvent
from marketplace.listings.api import Channel, find_claim, publish
from marketplace.vehicles.api import Capacity, require_holding
from tests.cars import register_car
from tests.market import Market
from tests.people import operator, organization, payout_account, sign_up, with_second_factor
from tests.purchases import (
    BASE,
    balance,
    buy,
    dealer_listing,
    get,
    give_papers,
    hand_over_and_accept,
    money,
    pay,
    post,
    purchase,
    sign_both,
    transfer_of,
)

ASK = 8_800_000


class World:
    """A dealer who can be paid, with one car in the store; a buyer with money; the market's clerk."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.clerk = operator(api)
        self.dealer = organization(api, "dealer", by=self.clerk)
        payout_account(api, self.dealer)
        self.listing = dealer_listing(api, self.dealer, ask_minor=ASK)
        self.buyer = sign_up(api, "李四")
        money(api, self.buyer, 10_000_000)

    def handed_over(self) -> tuple[str, dict[str, Any]]:
        """An order at its transfer."""
        order = buy(self.api, self.buyer, self.listing["id"])
        sign_both(self.api, self.dealer, self.buyer, order["id"])
        pay(self.api, self.buyer, order["id"])
        hand_over_and_accept(self.api, self.dealer, self.buyer, order["id"])
        self.api.relay()
        return order["id"], transfer_of(self.api, self.buyer, order["id"])

    def event(self, name: str) -> dict[str, Any]:
        with self.api.database.reading() as session:
            return dict(session.exec(select(OutboxEvent.payload).where(col(OutboxEvent.name) == name)).one())


@pytest.fixture
def world(api: Market) -> World:
    return World(api)


@pytest.fixture
def quick_world(quick_api: Market) -> World:
    """For what no database decides."""
    return World(quick_api)


class TestPurchase:
    def test_from_the_store_to_the_payout(self, world: World) -> None:
        api = world.api
        done = purchase(api, listing_id=world.listing["id"], seller=world.dealer, buyer=world.buyer, clerk=world.clerk)
        assert done["state"] == "completed"
        assert balance(api, world.buyer) == 10_000_000 - ASK
        assert balance(api, world.dealer) == ASK - 88_000
        payouts = get(api, "/payouts", world.dealer)["items"]
        assert [(one["state"], one["amount_minor"]) for one in payouts] == [("paid", ASK - 88_000)]
        summary = get(api, "/ledger/summary", world.clerk)
        assert (summary["sum_minor"], summary["broken_accounts"]) == (0, [])
        assert {one["kind"]: one["balance_minor"] for one in summary["accounts"]} == {
            "clearing": 88_000,
            "escrow": 0,
            "market_fees": 88_000,
            "payouts_payable": 0,
        }

    def test_the_car_is_the_buyers_and_nobody_can_order_it_again(self, world: World) -> None:
        api = world.api
        vehicle_id = UUID(world.listing["vehicle_id"])
        purchase(api, listing_id=world.listing["id"], seller=world.dealer, buyer=world.buyer, clerk=world.clerk)
        with api.database.reading() as session:
            holding = require_holding(session, vehicle_id=vehicle_id, party_id=world.buyer.id)
            assert holding.capacity is Capacity.OWNER
            assert holding.proof.startswith("transfer:")
            assert find_claim(session, vehicle_id=vehicle_id) is None
        body = {"listing_id": world.listing["id"], "confirmations": ["seven_day_return_excluded", "condition_read"]}
        late = api.post(f"{BASE}/orders", json=body, headers=sign_up(api, "王五").headers)
        assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "listing_not_live", "sold")

    def test_the_sale_is_announced_with_its_facts(self, world: World) -> None:
        purchase(world.api, listing_id=world.listing["id"], seller=world.dealer, buyer=world.buyer, clerk=world.clerk)
        sale = world.event("orders.order_completed")
        assert {
            name: sale[name] for name in ("channel", "price_minor", "price_kind", "segment", "city", "days_in_stock", "seller_kind")
        } == {
            "channel": "b2c_store",
            "price_minor": ASK,
            "price_kind": "asking",
            "segment": "b",
            "city": "天津",
            "days_in_stock": 0,
            "seller_kind": "dealer",
        }

    def test_a_consigned_car_pays_owner_and_broker(self, world: World) -> None:
        api = world.api
        owner, broker = sign_up(api, "孙七"), organization(api, "broker", by=world.clerk)
        for one in (owner, broker):
            payout_account(api, one)
        car = register_car(api, owner)
        with api.database.writing() as session:
            listing = publish(
                session,
                principal=None,
                vehicle_id=UUID(car["id"]),
                seller_id=owner.id,
                channel=Channel.C2C_VIRTUAL,
                ask_minor=ASK,
                agent_id=broker.party_id,
                seller_fee_bps=300,
                source_kind="consignment",
                source_id=UUID(car["id"]),
            )
        done = purchase(api, listing_id=str(listing.id), seller=owner, buyer=world.buyer, clerk=world.clerk)
        assert done["state"] == "completed"
        assert balance(api, owner) == ASK - 264_000
        assert balance(api, broker) == 264_000
        assert get(api, "/ledger/summary", world.clerk)["sum_minor"] == 0

    def test_waits_for_the_sellers_account_and_pays_when_he_names_one(self, api: Market) -> None:
        from marketplace.core import outbox
        from marketplace.payments import tasks

        clerk, owner, buyer = operator(api), sign_up(api, "孙七"), sign_up(api, "李四")
        money(api, buyer, ASK)
        car = register_car(api, owner)
        with api.database.writing() as session:
            listing = publish(
                session,
                principal=None,
                vehicle_id=UUID(car["id"]),
                seller_id=owner.id,
                channel=Channel.C2C_VIRTUAL,
                ask_minor=ASK,
                source_kind="consignment",
                source_id=UUID(car["id"]),
            )
        purchase(api, listing_id=str(listing.id), seller=owner, buyer=buyer, clerk=clerk)
        assert [one["state"] for one in get(api, "/payouts", owner)["items"]] == ["waiting"]
        with_second_factor(api, owner)
        payout_account(api, owner)
        with outbox.use_database(api.database):
            tasks.sweep_waiting_payouts()
        api.relay()
        assert balance(api, owner) == ASK


class TestTransfer:
    def test_opens_by_itself_with_its_papers_and_term(self, quick_world: World) -> None:
        _order_id, case = quick_world.handed_over()
        assert (case["kind"], case["state"], case["invoice_issuer"], case["is_overdue"]) == ("transfer", "collecting", "dealer", False)
        kinds = [paper["kind"] for paper in case["papers"]]
        assert kinds == [
            "registration_certificate",
            "driving_licence",
            "buyer_identity",
            "vehicle_inspected",
            "violations_settled",
            "plate_quota",
        ]
        assert [step["state"] for step in case["steps"]] == ["open", "later", "later", "later", "later"]
        quick_world.api.advance(timedelta(days=30))
        assert get(quick_world.api, f"/transfers/{case['id']}", quick_world.clerk)["is_overdue"] is True

    def test_is_not_handed_in_before_papers_and_invoice(self, quick_world: World) -> None:
        _order_id, case = quick_world.handed_over()
        path = f"{BASE}/transfers/{case['id']}/submit"
        early = quick_world.api.post(path, json={}, headers=quick_world.clerk.headers)
        assert (early.status_code, early.json()["code"]) == (409, "papers_not_checked")
        assert "plate_quota" in early.json()["open_papers"]
        give_papers(quick_world.api, quick_world.buyer, quick_world.clerk, case)
        without = quick_world.api.post(path, json={}, headers=quick_world.clerk.headers)
        assert (without.status_code, without.json()["code"]) == (409, "invoice_missing")

    def test_a_rejected_paper_is_given_again(self, quick_world: World) -> None:
        _order_id, case = quick_world.handed_over()
        give_papers(quick_world.api, quick_world.buyer, quick_world.clerk, case)
        path = f"/transfers/{case['id']}"
        checked = post(quick_world.api, f"{path}/checks", quick_world.clerk, {"rejected": {"buyer_identity": "照片模糊"}})
        (identity,) = [paper for paper in checked["papers"] if paper["kind"] == "buyer_identity"]
        assert (identity["state"], identity["note"]) == ("rejected", "照片模糊")
        post(quick_world.api, f"{path}/documents", quick_world.buyer, {"documents": [{"kind": "buyer_identity", "number": "x1"}]})
        again = post(quick_world.api, f"{path}/checks", quick_world.clerk, {"approved": ["buyer_identity"]})
        assert {paper["state"] for paper in again["papers"]} == {"checked"}

    def test_the_office_refuses_a_lien_and_registers_once_it_is_gone(self, quick_world: World) -> None:
        api = quick_world.api
        order_id, case = quick_world.handed_over()
        mark = {"vehicle_id": case["vehicle_id"], "kind": "lien"}
        post(api, "/sandbox-registration-office/marks", quick_world.clerk, mark)
        give_papers(api, quick_world.buyer, quick_world.clerk, case)
        post(api, f"/transfers/{case['id']}/invoice", quick_world.dealer, {})
        post(api, f"/transfers/{case['id']}/submit", quick_world.clerk, {})
        api.relay()
        refused = get(api, f"/transfers/{case['id']}", quick_world.buyer)
        assert (refused["state"], refused["refusal_reasons"]) == ("refused", ["lien_registered"])
        assert get(api, f"/orders/{order_id}", quick_world.buyer)["state"] == "handed_over"
        assert balance(api, quick_world.buyer) == 10_000_000 - ASK
        post(api, "/sandbox-registration-office/marks", quick_world.clerk, mark | {"present": False})
        post(api, f"/transfers/{case['id']}/submit", quick_world.clerk, {})
        api.relay()
        assert get(api, f"/transfers/{case['id']}", quick_world.buyer)["state"] == "completed"
        assert balance(api, quick_world.dealer) == ASK - 88_000

    def test_the_invoice_is_issued_once_by_whom_the_rule_names(self, quick_world: World) -> None:
        _order_id, case = quick_world.handed_over()
        path = f"{BASE}/transfers/{case['id']}/invoice"
        wrong = quick_world.api.post(path, json={}, headers=quick_world.buyer.headers)
        assert (wrong.status_code, wrong.json()["code"], wrong.json()["issuer"]) == (403, "not_the_issuer", "dealer")
        first, second = (post(quick_world.api, f"/transfers/{case['id']}/invoice", quick_world.dealer, {}) for _ in range(2))
        assert first["id"] == second["id"]
        assert (first["amount_minor"], first["content"]["amount_in_words"]) == (ASK, "捌万捌仟元整")
        assert first["content"]["issuer"] == {"kind": "dealer", "name": quick_world.dealer.organization_name}

    def test_strangers_see_nothing_and_sides_do_not_check(self, quick_world: World) -> None:
        _order_id, case = quick_world.handed_over()
        stranger = sign_up(quick_world.api, "赵六")
        for path in ("", "/invoice"):
            assert quick_world.api.get(f"{BASE}/transfers/{case['id']}{path}", headers=stranger.headers).status_code == 404
        assert get(quick_world.api, "/transfers", stranger)["items"] == []
        refused = quick_world.api.post(f"{BASE}/transfers/{case['id']}/checks", json={"approved": []}, headers=quick_world.buyer.headers)
        assert refused.status_code == 403

    def test_the_offices_answer_twice_is_once(self, quick_world: World) -> None:
        from marketplace.aftercare.service.cases import hear_answer

        order_id, case = quick_world.handed_over()
        give_papers(quick_world.api, quick_world.buyer, quick_world.clerk, case)
        post(quick_world.api, f"/transfers/{case['id']}/invoice", quick_world.dealer, {})
        post(quick_world.api, f"/transfers/{case['id']}/submit", quick_world.clerk, {})
        quick_world.api.relay()
        with quick_world.api.database.writing() as session:
            hear_answer(session, case_id=UUID(case["id"]), attempt=1, reasons=[], certificate_no="x")
        quick_world.api.relay()
        assert balance(quick_world.api, quick_world.dealer) == ASK - 88_000
        assert get(quick_world.api, f"/orders/{order_id}", quick_world.buyer)["state"] == "completed"
