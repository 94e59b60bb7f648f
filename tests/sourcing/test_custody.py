"""Custody: bays, receipts, keys and papers from hand to hand, storage and fees, over HTTP on both databases."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.outbox import use_database
from marketplace.payments import api as payments
from marketplace.sourcing import tasks
from marketplace.sourcing.domain.custody import (
    ContractRuns,
    Dues,
    DuesUnpaid,
    PieceKind,
    StorageAccrued,
    StorageTerms,
    check_return,
    compute_storage,
)
from tests.cars import register_car
from tests.market import Market
from tests.people import Person, operator, payout_account, sign_up
from tests.purchases import balance, get, money, post, purchase
from tests.racing import at_once
from tests.stock import BASE, broker, consigned_car, custody_request, offer_consignment, register_bay, take_custody

TERMS = StorageTerms(free_days=30, day_minor=2_000)
TAKEN = date(2026, 11, 1)


class TestStorage:
    @pytest.mark.parametrize(
        ("until", "fen"),
        [(date(2026, 11, 1), 0), (date(2026, 12, 1), 0), (date(2026, 12, 2), 2_000), (date(2026, 12, 31), 60_000)],
    )
    def test_each_day_beyond_the_free_ones_costs(self, until: date, fen: int) -> None:
        assert compute_storage(TAKEN, until, TERMS) == fen

    @given(first=st.integers(0, 400), second=st.integers(0, 400))
    def test_two_statements_are_together_one(self, first: int, second: int) -> None:
        middle, end = TAKEN + timedelta(days=first), TAKEN + timedelta(days=first + second)
        later = compute_storage(TAKEN, end, TERMS) - compute_storage(TAKEN, middle, TERMS)
        assert later >= 0
        assert compute_storage(TAKEN, middle, TERMS) + later == compute_storage(TAKEN, end, TERMS)

    def test_what_may_leave_and_when(self) -> None:
        clear = Dues(unpaid_minor=0, accrued_minor=0, billed_until=None)
        keys, car = [PieceKind.KEY], [PieceKind.CAR]

        def may(kinds: list[PieceKind], *, runs: bool, dues: Dues = clear) -> None:
            check_return(kinds, contract_runs=runs, dues=dues, today=date(2026, 12, 10), collect_within_days=3)

        may(keys, runs=True)
        may(car, runs=False)
        with pytest.raises(ContractRuns):
            may(car, runs=True)
        with pytest.raises(DuesUnpaid) as owed:
            may(keys, runs=False, dues=Dues(unpaid_minor=5, accrued_minor=0, billed_until=None))
        assert owed.value.fields == {"due_minor": 5}
        accrued = Dues(unpaid_minor=0, accrued_minor=2_000, billed_until=date(2026, 12, 7))
        may(car, runs=False, dues=accrued)  # paid through the 7th, three days to fetch it
        late = Dues(unpaid_minor=0, accrued_minor=2_000, billed_until=date(2026, 12, 6))
        with pytest.raises(StorageAccrued):
            may(car, runs=False, dues=late)


def custody(api: Market, who: Person, consignment_id: str) -> dict[str, Any]:
    return get(api, f"/consignments/{consignment_id}/custody", who)


def pieces(api: Market, who: Person, consignment_id: str, *kinds: str) -> list[str]:
    return [one["id"] for one in custody(api, who, consignment_id)["pieces"] if not kinds or one["kind"] in kinds]


def give(api: Market, who: Person, consignment_id: str, ids: list[str]) -> Any:
    body = {"piece_ids": ids, "purpose": "交还", "passphrase": who.password}
    return api.post(f"{BASE}/consignments/{consignment_id}/custody/movements", json=body, headers=who.headers)


def receive(api: Market, who: Person, consignment_id: str, movement_id: str) -> Any:
    path = f"{BASE}/consignments/{consignment_id}/custody/movements/{movement_id}/receipt"
    return api.post(path, json={"passphrase": who.password}, headers=who.headers)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    return body


class TestBays:
    def test_the_register_knows_each_bay_and_what_stands_in_it(self, api: Market) -> None:
        agent = operator(api)
        register_bay(api, agent, number="A-001")
        register_bay(api, agent, number="A-002")
        refused(api.post(f"{BASE}/custody-bays", json={"number": "A-001"}, headers=agent.headers), 409, "bay_registered")
        owner = sign_up(api, "李四")
        made = offer_consignment(api, owner, register_car(api, owner)["id"], kind="physical").json()
        path = f"{BASE}/consignments/{made['id']}/custody"
        refused(api.post(path, json=custody_request(agent, "Z-999"), headers=agent.headers), 404, "bay_not_found")
        taken = api.post(path, json=custody_request(agent, "A-001"), headers=agent.headers)
        assert taken.status_code == 200, taken.text
        bays = {one["number"]: one for one in get(api, "/custody-bays", agent)["items"]}
        assert bays["A-001"]["consignment_id"] == made["id"]
        assert (bays["A-002"]["consignment_id"], bays["A-002"]["is_open"]) == (None, True)
        closing = api.patch(f"{BASE}/custody-bays/{bays['A-001']['id']}", json={"is_open": False}, headers=agent.headers)
        refused(closing, 409, "bay_taken")
        moved = post(api, f"/consignments/{made['id']}/bay", agent, {"bay_number": "A-002"}, status=200)
        assert moved["bay_number"] == "A-002"
        closed = api.patch(f"{BASE}/custody-bays/{bays['A-001']['id']}", json={"is_open": False, "note": "维修"}, headers=agent.headers)
        assert (closed.status_code, closed.json()["is_open"]) == (200, False)
        back = api.post(f"{BASE}/consignments/{made['id']}/bay", json={"bay_number": "A-001"}, headers=agent.headers)
        refused(back, 409, "bay_closed")

    def test_another_agents_bay_is_not_found(self, api: Market) -> None:
        clerk = operator(api)
        agent = broker(api, by=clerk)
        register_bay(api, agent, number="B-1")
        bay_id = get(api, "/custody-bays", agent)["items"][0]["id"]
        assert get(api, "/custody-bays", clerk)["items"] == []
        refused(api.patch(f"{BASE}/custody-bays/{bay_id}", json={"is_open": False}, headers=clerk.headers), 404, "bay_not_found")

    def test_two_cars_one_bay_one_gets_it(self, postgres: Any) -> None:
        with Market(postgres) as api:
            agent = operator(api)
            register_bay(api, agent, number="A-001")
            owner = sign_up(api, "李四")
            made = [offer_consignment(api, owner, register_car(api, owner)["id"], kind="physical").json()["id"] for _ in range(4)]
            body = custody_request(agent, "A-001")
            answers = at_once(
                [
                    lambda one=one: api.post(f"{BASE}/consignments/{one}/custody", json=body, headers=agent.headers)  # type: ignore[misc]
                    for one in made
                ]
            )
            assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
            assert {one.json()["code"] for one in answers if one.status_code == 409} == {"bay_taken"}
            assert sum(one["consignment_id"] is not None for one in get(api, "/custody-bays", agent)["items"]) == 1


class TestReceipt:
    def test_is_signed_by_the_keeper_and_anybody_can_check_its_hash(self, api: Market) -> None:
        listed = consigned_car(api, kind="physical")
        assert listed.consignment is not None
        found = custody(api, listed.seller, listed.consignment["id"])
        document = found["document"]
        assert found["content_hash"] == sha256_hex(canonical_json(document))
        assert found["is_intact"]
        assert [one["is_valid"] for one in found["signatures"]] == [True]
        assert (document["depositor"]["name"], document["odometer_km"], document["bay"]) == ("李四", 42_013, found["bay_number"])
        assert document["storage"] == {"free_days": 30, "day_minor": 2_000, "currency": "CNY"}
        assert [one["label"] for one in found["pieces"]] == ["车辆", "钥匙 1", "钥匙 2", "registration_certificate"]
        assert {one["holder"] for one in found["pieces"]} == {"agent"}
        stranger = sign_up(api, "王五")
        assert api.get(f"{BASE}/consignments/{listed.consignment['id']}/custody", headers=stranger.headers).status_code == 404

    def test_a_wrong_password_takes_nothing_in(self, api: Market) -> None:
        agent = operator(api)
        owner = sign_up(api, "李四")
        made = offer_consignment(api, owner, register_car(api, owner)["id"], kind="physical").json()
        body = custody_request(agent, register_bay(api, agent), passphrase="not my password")
        refused(api.post(f"{BASE}/consignments/{made['id']}/custody", json=body, headers=agent.headers), 403, "wrong_passphrase")
        refused(api.get(f"{BASE}/consignments/{made['id']}/custody", headers=owner.headers), 404, "custody_not_found")

    def test_is_taken_once(self, api: Market) -> None:
        agent, owner = operator(api), sign_up(api, "李四")
        made = offer_consignment(api, owner, register_car(api, owner)["id"], kind="physical").json()
        take_custody(api, agent, made["id"])
        body = custody_request(agent, register_bay(api, agent))
        refused(api.post(f"{BASE}/consignments/{made['id']}/custody", json=body, headers=agent.headers), 409, "custody_taken")

    def test_on_paper(self, quick_api: Market) -> None:
        listed = consigned_car(quick_api, kind="physical")
        assert listed.consignment is not None
        path = f"{BASE}/consignments/{listed.consignment['id']}/custody/receipt.pdf"
        paper = quick_api.get(path, headers=listed.seller.headers)
        assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf"), paper.text
        assert paper.content.startswith(b"%PDF-")
        assert quick_api.get(path, headers=listed.seller.headers).content == paper.content


class TestMovements:
    def test_a_paper_is_lent_and_comes_back_signed_by_both(self, api: Market) -> None:
        listed = consigned_car(api, kind="physical")
        assert listed.consignment is not None
        assert listed.agent is not None
        one, owner, agent = listed.consignment["id"], listed.seller, listed.agent
        paper = pieces(api, owner, one, "document")
        refused(give(api, owner, one, paper), 409, "piece_not_yours")
        given = give(api, agent, one, paper)
        assert (given.status_code, given.json()["state"]) == (201, "given")
        refused(give(api, agent, one, paper), 409, "piece_on_its_way")
        refused(receive(api, agent, one, given.json()["id"]), 409, "not_the_receiver")
        assert receive(api, owner, one, given.json()["id"]).json()["state"] == "received"
        refused(receive(api, owner, one, given.json()["id"]), 409, "movement_closed")
        now = custody(api, owner, one)
        assert [piece["holder"] for piece in now["pieces"] if piece["kind"] == "document"] == ["consignor"]
        assert [signature["is_valid"] for signature in now["movements"][0]["signatures"]] == [True, True]
        back = give(api, owner, one, paper).json()
        assert receive(api, agent, one, back["id"]).status_code == 200
        assert {piece["holder"] for piece in custody(api, owner, one)["pieces"]} == {"agent"}

    def test_the_car_stays_while_the_contract_runs(self, api: Market) -> None:
        listed = consigned_car(api, kind="physical")
        assert listed.consignment is not None
        assert listed.agent is not None
        one = listed.consignment["id"]
        refused(give(api, listed.agent, one, pieces(api, listed.agent, one, "car")), 409, "contract_runs")
        assert custody(api, listed.agent, one)["movements"] == []

    def test_what_nobody_signed_for_is_called_off(self, api: Market) -> None:
        listed = consigned_car(api, kind="physical")
        assert listed.consignment is not None
        assert listed.agent is not None
        one = listed.consignment["id"]
        given = give(api, listed.agent, one, pieces(api, listed.agent, one, "key")).json()
        path = f"{BASE}/consignments/{one}/custody/movements/{given['id']}/cancellation"
        assert api.post(path, headers=listed.seller.headers).status_code == 404
        assert api.post(path, headers=listed.agent.headers).json()["state"] == "called_off"
        refused(receive(api, listed.seller, one, given["id"]), 409, "movement_closed")


class TestCharges:
    def test_the_early_withdrawal_fee_is_collected_before_anything_goes_back(self, api: Market) -> None:
        clerk = operator(api)
        agent = broker(api, by=clerk)
        payout_account(api, agent)
        listed = consigned_car(api, agent=agent, kind="physical", withdrawal_fee_minor=80_000)
        assert listed.consignment is not None
        one, owner = listed.consignment["id"], listed.seller
        money(api, owner, 1_000_000)
        post(api, f"/consignments/{one}/withdrawal", owner, {"reason": "车主自用"}, status=200)
        for kind in ("car", "key", "document"):
            body = refused(give(api, agent, one, pieces(api, agent, one, kind)), 409, "dues_unpaid")
            assert (body["due_minor"], body["rule"]["article"]) == (80_000, "民法典 第九百五十九条")
        again = offer_consignment(api, owner, listed.car_id, agent_id=str(agent.party_id))
        refused(again, 409, "dues_unpaid")
        owed = get(api, f"/consignments/{one}/charges", owner)
        assert (owed["unpaid_minor"], owed["charges"][0]["kind"]) == (80_000, "withdrawal_fee")
        assert get(api, f"/consignments/{one}/charges", agent)["charges"][0]["payment"] is None
        due = owed["charges"][0]["payment"]
        post(api, "/sandbox-bank/transfers", owner, {"reference": due["reference"], "amount_minor": due["amount_minor"]})
        api.relay()
        assert get(api, f"/consignments/{one}/charges", owner)["unpaid_minor"] == 0
        given = give(api, agent, one, pieces(api, agent, one))
        assert given.status_code == 201, given.text
        assert receive(api, owner, one, given.json()["id"]).status_code == 200
        after = custody(api, owner, one)
        assert {piece["holder"] for piece in after["pieces"]} == {"consignor"}
        assert after["returned_at"] is not None
        assert [bay["consignment_id"] for bay in get(api, "/custody-bays", agent)["items"]] == [None]
        assert balance(api, owner) == 1_000_000 - 80_000
        payouts = get(api, "/payouts", agent)["items"]
        assert [(payout["amount_minor"], payout["state"]) for payout in payouts] == [(80_000, "paid")]
        assert get(api, "/ledger/summary", clerk)["sum_minor"] == 0

    def test_storage_is_charged_by_the_day_at_the_end_and_again_when_the_car_is_left_standing(self, api: Market) -> None:
        listed = consigned_car(api, kind="physical", term_days=40)
        assert listed.consignment is not None
        one, owner = listed.consignment["id"], listed.seller
        money(api, owner, 1_000_000)
        api.advance(timedelta(days=42))
        owner.sign_in(api)
        with use_database(api.database):
            tasks.expire_consignments()
        found = get(api, f"/consignments/{one}/charges", owner)
        assert [(line["kind"], line["days"], line["amount_minor"]) for line in found["charges"]] == [("storage", 12, 24_000)]
        due = found["charges"][0]["payment"]
        post(api, "/sandbox-bank/transfers", owner, {"reference": due["reference"], "amount_minor": due["amount_minor"]})
        api.relay()
        with api.database.reading() as session:
            assert payments.balances(session)  # the ledger carries it
        api.advance(timedelta(days=4))
        owner.sign_in(api)
        assert custody(api, owner, one)["storage_accrued_minor"] == 8_000
        again = post(api, f"/consignments/{one}/charges", owner, {}, status=200)
        assert [line["amount_minor"] for line in again["charges"]] == [24_000, 8_000]
        assert [line["state"] for line in again["charges"]] == ["paid", "due"]
        same = post(api, f"/consignments/{one}/charges", owner, {}, status=200)
        assert same["unpaid_minor"] == 8_000  # asked once

    def test_a_sale_takes_the_car_out_of_custody_and_charges_no_storage(self, api: Market) -> None:
        clerk = operator(api)
        agent = broker(api, by=clerk)
        owner, buyer = sign_up(api, "李四"), sign_up(api, "王五")
        for one in (agent, owner):
            payout_account(api, one)
        money(api, buyer, 10_000_000)
        listed = consigned_car(api, owner, agent=agent, kind="physical", commission_bps=250)
        assert listed.consignment is not None
        purchase(api, listing_id=str(listed.listing_id), seller=agent, buyer=buyer, clerk=clerk)
        api.relay()
        found = custody(api, owner, listed.consignment["id"])
        assert {piece["holder"] for piece in found["pieces"]} == {"buyer"}
        assert found["returned_at"] is not None
        assert found["movements"][0]["order_id"] is not None
        assert get(api, f"/consignments/{listed.consignment['id']}/charges", owner)["charges"] == []
        assert [bay["consignment_id"] for bay in get(api, "/custody-bays", agent)["items"]] == [None]


class TestPricePlan:
    STEPS = [{"after_days": 14, "ask_minor": 8_580_000}, {"after_days": 30, "ask_minor": 8_100_000}]

    @pytest.mark.parametrize(
        ("steps", "wrong"),
        [
            ([{"after_days": 2, "ask_minor": 8_500_000}], "day"),
            ([{"after_days": 61, "ask_minor": 8_500_000}], "day"),
            ([{"after_days": 10, "ask_minor": 8_500_000}, {"after_days": 12, "ask_minor": 8_400_000}], "day"),
            ([{"after_days": 10, "ask_minor": 8_880_000}], "price"),
            ([{"after_days": 10, "ask_minor": 7_999_999}], "floor"),
        ],
    )
    def test_a_plan_that_does_not_hold_is_refused(self, quick_api: Market, steps: list[dict[str, int]], wrong: str) -> None:
        operator(quick_api)
        owner = sign_up(quick_api, "李四")
        answer = offer_consignment(quick_api, owner, register_car(quick_api, owner)["id"], price_steps=steps)
        assert refused(answer, 422, "bad_price_step")["wrong"] == wrong
        assert get(quick_api, "/consignments", owner)["items"] == []

    def _drop(self, api: Market) -> None:
        with use_database(api.database):
            tasks.drop_prices()

    def _prices(self, api: Market, listing_id: UUID) -> list[int]:
        return [one["price_minor"] for one in api.get(f"{BASE}/listings/{listing_id}").json()["prices"]]

    def test_the_price_falls_on_its_day_and_not_before(self, api: Market) -> None:
        listed = consigned_car(api, price_steps=self.STEPS)
        assert listed.consignment is not None
        with api.database.reading() as session:
            now = clock.now(session)
        due = clock.start_of_day(clock.shanghai_day(now) + timedelta(days=14))
        api.advance(due - now - timedelta(seconds=30))
        self._drop(api)
        assert self._prices(api, listed.listing_id) == [8_880_000]
        api.advance(timedelta(seconds=60))
        for _ in range(2):  # twice is once
            self._drop(api)
        assert self._prices(api, listed.listing_id) == [8_880_000, 8_580_000]
        owner = listed.seller.sign_in(api)
        found = get(api, f"/consignments/{listed.consignment['id']}", owner)
        assert (found["ask_minor"], [step["outcome"] for step in found["price_steps"]]) == (8_580_000, ["applied", None])

    def test_never_below_the_floor_nor_up(self, api: Market) -> None:
        listed = consigned_car(api, price_steps=self.STEPS)
        assert listed.consignment is not None
        one, owner = listed.consignment["id"], listed.seller
        post(api, f"/consignments/{one}/floor", owner, {"floor_minor": 8_300_000, "passphrase": owner.password}, status=200)
        post(api, f"/consignments/{one}/price", owner, {"ask_minor": 8_400_000}, status=200)
        api.advance(timedelta(days=31))
        self._drop(api)
        assert self._prices(api, listed.listing_id) == [8_880_000, 8_400_000, 8_300_000]
        found = get(api, f"/consignments/{one}", owner.sign_in(api))
        assert [step["outcome"] for step in found["price_steps"]] == ["low_already", "applied"]

    def test_an_ordered_car_keeps_its_price_until_it_is_free_again(self, api: Market) -> None:
        listed = consigned_car(api, price_steps=self.STEPS)
        buyer = sign_up(api, "王五")
        api.advance(timedelta(days=13, hours=23))
        buyer.sign_in(api)
        body = {
            "listing_id": str(listed.listing_id),
            "buyer_city": "天津",
            "confirmations": ["seven_day_return_excluded", "condition_read"],
        }
        order = post(api, "/orders", buyer, body)
        api.advance(timedelta(hours=20))
        self._drop(api)
        assert self._prices(api, listed.listing_id) == [8_880_000]
        assert order["price_minor"] == 8_880_000
        post(api, f"/orders/{order['id']}/cancellation", buyer.sign_in(api), {"reason": "不买了"})
        self._drop(api)
        assert self._prices(api, listed.listing_id) == [8_880_000, 8_580_000]

    def test_the_sweep_racing_the_order_leaves_one_truth(self, postgres: Any) -> None:
        with Market(postgres) as api:
            for _ in range(4):
                listed = consigned_car(api, price_steps=[{"after_days": 3, "ask_minor": 8_500_000}])
                buyer = sign_up(api, "王五")
                api.advance(timedelta(days=4))
                buyer.sign_in(api)
                body = {
                    "listing_id": str(listed.listing_id),
                    "buyer_city": "天津",
                    "confirmations": ["seven_day_return_excluded", "condition_read"],
                }
                order, _ = at_once(
                    [lambda: api.post(f"{BASE}/orders", json=body, headers=buyer.headers), lambda: self._drop(api)]  # noqa: B023  # run at once
                )
                assert order.status_code == 201, order.text
                marked = self._prices(api, listed.listing_id)
                assert order.json()["price_minor"] == marked[-1]
                assert marked in ([8_880_000], [8_880_000, 8_500_000])
