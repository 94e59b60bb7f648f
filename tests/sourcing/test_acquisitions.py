"""Acquisition 收购: offers with a period, confidential; re-inspection with reasons and consent; contract, money, stock."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from marketplace.core.audit import AuditEntry
from marketplace.core.outbox import use_database
from marketplace.listings.api import find_claim
from marketplace.orders import tasks as order_tasks
from marketplace.payments.api import balances, ledger_sum
from marketplace.sourcing import tasks
from marketplace.sourcing.models import AcquisitionOffer
from tests.market import Market
from tests.people import BASE, operator, organization, payout_account, sign_up
from tests.purchases import balance, get, give_papers, hand_over_and_accept, money, pay, post, sign_both, transfer_of
from tests.sourcing.acquiring import (
    PRICE,
    accept,
    accepted,
    acquirer,
    answer,
    asked,
    inspect,
    offer,
    offer_id,
    ordered,
    shown,
)
from tests.sourcing.supplying import Source

PAINT = {"reason": "body_repair", "text": "右后门钣金修复", "change_minor": -200_000}


def sweep(api: Market) -> None:
    with use_database(api.database):
        tasks.end_acquisitions()


def claim_of(api: Market, car: dict[str, Any]) -> str | None:
    with api.database.reading() as session:
        found = find_claim(session, vehicle_id=UUID(car["id"]))
        return found.kind.value if found else None


class TestAsk:
    def test_only_the_owner_of_a_tradable_car_asks_once(self, api: Market) -> None:
        deal = asked(api)
        body = {"vehicle_id": deal.car["id"], "days": 7}
        again = api.post(f"{BASE}/acquisitions", json=body, headers=deal.owner.headers)
        assert (again.status_code, again.json()["code"]) == (409, "already_asked")
        other = api.post(f"{BASE}/acquisitions", json=body, headers=sign_up(api, "王五").headers)
        assert other.status_code == 404
        dealer = acquirer(api)
        assert api.post(f"{BASE}/acquisitions", json=body, headers=dealer.headers).status_code == 403

    def test_days_have_bounds(self, api: Market) -> None:
        deal = asked(api)
        path = f"{BASE}/acquisitions/{deal.id}/withdrawal"
        assert api.post(path, json={"reason": "再想想"}, headers=deal.owner.headers).json()["state"] == "cancelled"
        body = {"vehicle_id": deal.car["id"], "days": 61}
        assert api.post(f"{BASE}/acquisitions", json=body, headers=deal.owner.headers).status_code == 422


class TestOffers:
    def test_are_seen_by_the_owner_and_each_dealer_sees_his_own(self, api: Market) -> None:
        first, second = acquirer(api), acquirer(api)
        deal = asked(api, expected_minor=9_000_000, disclosures=[{"reason": "body_repair", "text": "补过漆"}])
        offer_id(api, first, deal, 8_000_000)
        offer_id(api, second, deal, 8_300_000)
        owner = shown(api, deal.owner, deal)
        assert [one["price_minor"] for one in owner["offers"]] == [8_300_000, 8_000_000]
        assert owner["expected_minor"] == 9_000_000
        for dealer, price in ((first, 8_000_000), (second, 8_300_000)):
            seen = shown(api, dealer, deal)
            assert [one["price_minor"] for one in seen["offers"]] == [price]
            assert (seen["expected_minor"], seen["is_owner"]) == (None, False)
            listed = api.get(f"{BASE}/acquisition-requests", headers=dealer.headers).json()["items"]
            assert [[one["price_minor"] for one in item["offers"]] for item in listed] == [[price]]
        text = api.get(f"{BASE}/acquisitions/{deal.id}", headers=first.headers).text
        assert str(deal.owner.id) not in text
        assert "8300000" not in text
        assert str(second.organization_id) not in text

    def test_binds_until_it_lapses_and_may_only_be_raised(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = asked(api)
        offer_id(api, dealer, deal, hours=48)
        for price, hours in ((PRICE - 1, 72), (PRICE + 1, 2)):
            refused = offer(api, dealer, deal, price, hours=hours)
            assert (refused.status_code, refused.json()["code"]) == (409, "offer_binding")
            assert refused.json()["rule"]["article"] == "民法典 第四百七十六条"
            assert refused.json()["least_minor"] == PRICE
        raised = offer(api, dealer, deal, PRICE + 100_000, hours=72)
        assert [(one["number"], one["price_minor"], one["state"]) for one in raised.json()["offers"]] == [
            (2, PRICE + 100_000, "open"),
            (1, PRICE, "raised"),
        ]

    def test_lapses_by_the_clock_before_any_sweep_has_run(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = asked(api)
        chosen = offer_id(api, dealer, deal, hours=2)
        api.advance(timedelta(hours=2))
        deal.owner.sign_in(api)
        late = accept(api, deal, chosen)
        assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "offer_lapsed", "lapsed")
        assert claim_of(api, deal.car) is None
        sweep(api)
        assert [one["state"] for one in shown(api, deal.owner, deal)["offers"]] == ["lapsed"]

    def test_the_owners_silence_is_no(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = asked(api, days=1)
        offer_id(api, dealer, deal, hours=72)
        api.advance(timedelta(days=1))
        sweep(api)
        deal.owner.sign_in(api)
        found = shown(api, deal.owner, deal)
        assert (found["state"], found["end_reason"], [one["state"] for one in found["offers"]]) == ("expired", "closed", ["lost"])
        assert claim_of(api, deal.car) is None

    def test_come_from_filed_dealers_or_the_filed_market_alone(self, api: Market) -> None:
        deal = asked(api)
        for kind in ("broker", "auction_house"):
            refused = offer(api, organization(api, kind), deal)
            assert refused.status_code == 403
        clerk = operator(api)
        refused = offer(api, clerk, deal)
        assert (refused.status_code, refused.json()["code"]) == (403, "licence_missing")
        with api.database.reading() as session:
            assert session.exec(select(AcquisitionOffer)).all() == []


class TestAccept:
    def test_takes_the_car_and_the_other_offers_are_lost(self, api: Market) -> None:
        winner, loser = acquirer(api), acquirer(api)
        deal = asked(api)
        chosen = offer_id(api, winner, deal)
        offer_id(api, loser, deal, PRICE - 100_000)
        taken = accept(api, deal, chosen)
        assert (taken.status_code, taken.json()["state"], taken.json()["agreed_minor"]) == (200, "accepted", PRICE)
        assert [one["state"] for one in taken.json()["offers"]] == ["accepted", "lost"]
        assert claim_of(api, deal.car) == "acquisition"
        assert shown(api, winner, deal)["agreed_minor"] == PRICE
        assert api.get(f"{BASE}/acquisitions/{deal.id}", headers=loser.headers).status_code == 404

    def test_a_stranger_cannot(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = asked(api)
        chosen = offer_id(api, dealer, deal)
        path = f"{BASE}/acquisitions/{deal.id}/offers/{chosen}/acceptance"
        assert api.post(path, json={}, headers=sign_up(api, "王五").headers).status_code == 404
        assert shown(api, deal.owner, deal)["state"] == "open"

    def test_declined_binds_nobody(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = asked(api)
        chosen = offer_id(api, dealer, deal)
        path = f"{BASE}/acquisitions/{deal.id}/offers/{chosen}/refusal"
        assert api.post(path, json={}, headers=deal.owner.headers).json()["offers"][0]["state"] == "declined"
        assert accept(api, deal, chosen).json()["code"] == "offer_lapsed"
        assert offer(api, dealer, deal, PRICE - 500_000).status_code == 201  # a declined offer holds nobody to its price


class TestReinspection:
    def test_without_a_reduction_the_contract_is_drawn_up_at_the_offered_price(self, api: Market) -> None:
        dealer = acquirer(api)
        deal, order_id = ordered(api, dealer)
        order = get(api, f"/orders/{order_id}", dealer)
        assert (order["price_minor"], order["contract_kind"], order["channel"]) == (PRICE, "purchase", "acquisition")
        assert claim_of(api, deal.car) == "order"
        contract = get(api, f"/orders/{order_id}/contract", deal.owner)["document"]
        assert (contract["title"], contract["annex"]["offered_minor"]) == ("二手车收购合同", PRICE)

    def test_a_lower_price_waits_for_the_owners_signed_consent(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = accepted(api, dealer, disclosures=[{"reason": "body_repair", "text": "右后门补过漆"}])
        proposed = inspect(api, dealer, deal, [PAINT])
        assert (proposed.status_code, proposed.json()["state"], proposed.json()["price_minor"]) == (201, "price_change", PRICE)
        found = shown(api, deal.owner, deal)["inspections"][0]
        assert found["price_minor"] == PRICE - 200_000
        assert found["changes"] == [PAINT | {"name": "外观修复", "was_disclosed": True}]
        assert inspect(api, dealer, deal).json()["code"] == "consent_needed"
        wrong = answer(api, deal, consent=True, passphrase="not the password")
        assert wrong.status_code in {401, 403, 409, 422}
        assert shown(api, deal.owner, deal)["order_id"] is None
        stale = answer(api, deal, consent=True, content_hash="0" * 64)
        assert (stale.status_code, stale.json()["code"]) == (409, "proposal_changed")
        agreed = answer(api, deal, consent=True, content_hash=found["content_hash"])
        assert (agreed.status_code, agreed.json()["state"], agreed.json()["price_minor"]) == (200, "ordered", PRICE - 200_000)
        contract = get(api, f"/orders/{agreed.json()['order_id']}/contract", dealer)["document"]
        assert contract["price"]["amount_minor"] == PRICE - 200_000
        assert contract["annex"]["inspections"][0]["changes"][0]["text"] == "右后门钣金修复"

    def test_refused_the_agreed_price_stands(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = accepted(api, dealer)
        inspect(api, dealer, deal, [PAINT])
        refused = answer(api, deal, consent=False)
        assert (refused.json()["state"], refused.json()["price_minor"]) == ("accepted", PRICE)
        done = inspect(api, dealer, deal)
        assert (done.json()["state"], get(api, f"/orders/{done.json()['order_id']}", dealer)["price_minor"]) == ("ordered", PRICE)

    @pytest.mark.parametrize(
        "change",
        [
            PAINT | {"change_minor": 0},
            PAINT | {"change_minor": 100_000},
            PAINT | {"reason": "better_than_told"},
            PAINT | {"change_minor": -PRICE},
        ],
    )
    def test_a_change_needs_a_reason_of_its_direction_and_leaves_a_price(self, api: Market, change: dict[str, Any]) -> None:
        dealer = acquirer(api)
        deal = accepted(api, dealer)
        refused = inspect(api, dealer, deal, [change])
        assert (refused.status_code, refused.json()["code"]) == (422, "change_out_of_bounds")
        assert shown(api, deal.owner, deal)["inspections"] == []

    def test_a_reason_outside_the_list_is_malformed(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = accepted(api, dealer)
        assert inspect(api, dealer, deal, [PAINT | {"reason": "market_fell"}]).status_code == 422

    def test_the_owner_walks_away_without_cost_and_the_car_is_free(self, api: Market) -> None:
        dealer = acquirer(api)
        deal = accepted(api, dealer)
        inspect(api, dealer, deal, [PAINT])
        gone = api.post(f"{BASE}/acquisitions/{deal.id}/withdrawal", json={"reason": "价格太低"}, headers=deal.owner.headers)
        assert (gone.status_code, gone.json()["state"], gone.json()["order_id"]) == (200, "walked_away", None)
        assert claim_of(api, deal.car) is None
        with api.database.reading() as session:
            assert sum(balances(session).values()) == 0
        again = api.post(f"{BASE}/acquisitions", json={"vehicle_id": deal.car["id"], "days": 7}, headers=deal.owner.headers)
        assert again.status_code == 201

    @pytest.mark.parametrize(("with_proposal", "days", "state", "reason"), [
        (True, 2, "walked_away", "owner_silent"),
        (False, 7, "fallen_through", "not_inspected"),
    ])  # fmt: skip
    def test_silence_of_either_ends_it_and_frees_the_car(
        self, api: Market, with_proposal: bool, days: int, state: str, reason: str
    ) -> None:
        dealer = acquirer(api)
        deal = accepted(api, dealer)
        if with_proposal:
            inspect(api, dealer, deal, [PAINT])
        api.advance(timedelta(days=days, seconds=-30))
        sweep(api)
        assert claim_of(api, deal.car) == "acquisition"
        api.advance(timedelta(seconds=60))
        sweep(api)
        deal.owner.sign_in(api)
        found = shown(api, deal.owner, deal)
        assert (found["state"], found["end_reason"]) == (state, reason)
        assert claim_of(api, deal.car) is None

    def test_a_dealers_reductions_are_on_his_record_for_every_owner(self, api: Market) -> None:
        dealer = acquirer(api)
        first = accepted(api, dealer, disclosures=[{"reason": "body_repair", "text": "补过漆"}])
        inspect(api, dealer, first, [PAINT])
        answer(api, first, consent=False)
        ordered(api, dealer)
        third = accepted(api, dealer)
        backed = api.post(f"{BASE}/acquisitions/{third.id}/withdrawal", json={"reason": "资金紧张"}, headers=dealer.headers)
        assert backed.json()["state"] == "backed_out"
        record = get(api, f"/acquirers/{dealer.organization_id}/record", sign_up(api, "王五"))
        assert record == {
            "accepted": 3,
            "inspected": 2,
            "reduced": 1,
            "reduction_rate_bps": 5_000,
            "mean_reduction_bps": 243,
            "reduced_for_disclosed": 1,
            "completed": 0,
            "backed_out": 1,
            "not_inspected": 0,
            "unpaid": 0,
        }
        fourth = asked(api)
        offer_id(api, dealer, fourth)
        assert shown(api, fourth.owner, fourth)["offers"][0]["record"] == record
        assert shown(api, dealer, fourth)["offers"][0]["record"] is None


def complete(api: Market, dealer: Any, deal: Any, order_id: str, clerk: Any, *, issuer: Any = None) -> dict[str, Any]:
    """Signed, paid, handed over, transferred, paid out; the transfer's invoice."""
    sign_both(api, deal.owner, dealer, order_id)
    pay(api, dealer, order_id)
    hand_over_and_accept(api, deal.owner, dealer, order_id)
    api.relay()
    case = transfer_of(api, dealer, order_id)
    give_papers(api, dealer, clerk, case)
    invoice = post(api, f"/transfers/{case['id']}/invoice", issuer or clerk, {})
    post(api, f"/transfers/{case['id']}/submit", clerk, {})
    for _ in range(4):
        api.relay()
    return invoice


class TestPurchase:
    def test_from_question_to_payout_and_stock(self, api: Market) -> None:
        clerk = operator(api)
        dealer = acquirer(api, by=clerk)
        deal, order_id = ordered(api, dealer)
        complete(api, dealer, deal, order_id, clerk, issuer=dealer)
        assert shown(api, deal.owner, deal)["state"] == "completed"
        assert balance(api, dealer) == 90_000_000 - PRICE
        with api.database.reading() as session:
            assert ledger_sum(session) == 0
            assert balances(session)["escrow"] == 0
        (line,) = [one for one in get(api, "/stock", dealer)["items"] if one["vehicle_id"] == deal.car["id"]]
        assert (line["state"], line["cost_minor"], line["ask_minor"]) == ("bought", PRICE, None)
        annotation = get(api, f"/stock/{deal.car['id']}/annotation", dealer)
        assert (annotation["text"], annotation["plates_max"], annotation["plates"]) == ("二手车待销售", 3, [])
        priced = api.put(f"{BASE}/stock/{deal.car['id']}", json={"ask_minor": 8_900_000, "cost_minor": PRICE}, headers=dealer.headers)
        assert (priced.status_code, priced.json()["state"], priced.json()["ask_minor"]) == (200, "in_stock", 8_900_000)

    def test_the_reverse_invoice_is_the_dealers_own(self, api: Market) -> None:
        clerk = operator(api)
        dealer = acquirer(api, by=clerk)
        deal, order_id = ordered(api, dealer)
        early = api.post(f"{BASE}/purchases/{order_id}/reverse-invoice", json={}, headers=dealer.headers)
        assert (early.status_code, early.json()["code"]) == (409, "acquisition_state_refused")
        complete(api, dealer, deal, order_id, clerk, issuer=dealer)
        found = get(api, f"/purchases/{order_id}/reverse-invoice", dealer)
        content = found["content"]
        assert (found["is_intact"], found["amount_minor"], content["reverse"], content["mark"]) == (True, PRICE, True, "反向开具")
        assert (content["seller"]["name"], content["vat_minor"]) == ("李四", 0)
        assert len(content["seller"]["number"]) == 18
        assert len(content["vehicle"]["vin"]) == 17
        assert api.get(f"{BASE}/purchases/{order_id}/reverse-invoice", headers=acquirer(api, by=clerk).headers).status_code == 404
        with api.database.reading() as session:
            trail = session.exec(select(AuditEntry).where(AuditEntry.act == "identity_number.reveal")).all()
            assert len(trail) == 2
            assert content["seller"]["number"] not in str([entry.model_dump() for entry in trail])

    def test_an_organizations_car_is_invoiced_by_the_market(self, api: Market) -> None:
        clerk = operator(api)
        dealer = acquirer(api, by=clerk)
        source = Source(api, clerk)
        deal = source.asked_car()
        taken = accept(api, deal, offer_id(api, dealer, deal))
        assert taken.status_code == 200, taken.text
        order_id = inspect(api, dealer, deal).json()["order_id"]
        sign_both(api, deal.owner, dealer, order_id)
        pay(api, dealer, order_id)
        barred = api.post(f"{BASE}/purchases/{order_id}/reverse-invoice", json={}, headers=dealer.headers)
        assert (barred.status_code, barred.json()["code"], barred.json()["codes"]) == (
            409,
            "reverse_invoice_barred",
            ["seller_no_natural_person"],
        )

    def test_unpaid_it_falls_through_and_the_car_is_free(self, api: Market) -> None:
        dealer = acquirer(api)
        deal, order_id = ordered(api, dealer)
        sign_both(api, deal.owner, dealer, order_id)
        api.advance(timedelta(hours=73))
        with use_database(api.database):
            order_tasks.sweep_overdue()
        api.relay()
        deal.owner.sign_in(api)
        found = shown(api, deal.owner, deal)
        assert (found["state"], found["end_reason"]) == ("fallen_through", "unpaid")
        assert claim_of(api, deal.car) is None
        assert get(api, f"/acquirers/{dealer.organization_id}/record", deal.owner)["unpaid"] == 1


class TestTemporaryPlates:
    def test_at_most_three_while_in_stock(self, api: Market) -> None:
        clerk = operator(api)
        dealer = acquirer(api, by=clerk)
        deal, order_id = ordered(api, dealer)
        complete(api, dealer, deal, order_id, clerk)
        path = f"{BASE}/stock/{deal.car['id']}/temporary-plates"
        body = {"plate": "津A0001临", "purpose": "inspection", "valid_from": "2026-12-01", "valid_to": "2026-12-10"}
        too_long = api.post(path, json=body | {"valid_to": "2026-12-31"}, headers=dealer.headers)
        assert (too_long.status_code, too_long.json()["code"]) == (422, "temporary_plate_days")
        for number in (1, 2, 3):
            given = api.post(path, json=body, headers=dealer.headers)
            assert (given.status_code, len(given.json()["plates"])) == (201, number)
            assert "津A0001" not in given.text
        refused = api.post(path, json=body, headers=dealer.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_temporary_plates")
        assert api.post(path, json=body, headers=acquirer(api, by=clerk).headers).status_code == 404


def test_the_owner_is_paid_what_the_contract_says(api: Market) -> None:
    clerk = operator(api)
    dealer = acquirer(api, by=clerk)
    owner = sign_up(api, "赵六")
    money(api, owner, 0)
    payout_account(api, owner)
    deal, order_id = ordered(api, dealer, owner=owner)
    complete(api, dealer, deal, order_id, clerk)
    assert balance(api, owner) == PRICE
