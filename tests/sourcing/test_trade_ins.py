"""Trade-in 置换: old car against new, both orders or neither, only the difference is paid; the subsidy explained."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.outbox import use_database
from marketplace.core.rules import load
from marketplace.listings.api import find_claim
from marketplace.orders import tasks as order_tasks
from marketplace.payments.api import balances, ledger_sum
from marketplace.sourcing import tasks
from marketplace.sourcing.domain.subsidies import Programme, ProofKind, SubsidyCase, compute_subsidy, evaluate_subsidy
from marketplace.sourcing.domain.trade_ins import Payer, compute_difference
from marketplace.sourcing.service.tables import _TABLES
from tests.cars import register_car
from tests.market import Market
from tests.people import BASE, Person, operator, payout_account, sign_up
from tests.purchases import (
    CONFIRMATIONS,
    balance,
    buy,
    dealer_listing,
    get,
    hand_over_and_accept,
    money,
    pay,
    post,
    sign,
    sign_both,
    transfer,
)
from tests.sourcing.acquiring import acquirer, until

NEW, OLD = 8_800_000, 5_200_000
FEE = 88_000  # the market's 1 % of the new car
NEW_EV = {"title": "比亚迪 秦PLUS 2026款 EV", "fuel": "bev"}


class Stage:
    """An owner with an old car, a dealer with one in the store."""

    def __init__(self, api: Market, *, ask_minor: int = NEW) -> None:
        self.api = api
        self.clerk = operator(api)
        self.dealer = acquirer(api, by=self.clerk)
        payout_account(api, self.dealer)
        self.owner = sign_up(api, "李四")
        money(api, self.owner, 20_000_000)
        payout_account(api, self.owner)
        self.old = register_car(api, self.owner)
        self.listing = dealer_listing(api, self.dealer, ask_minor=ask_minor)

    def ask(self, **body: Any) -> Any:
        wish = {"vehicle_id": self.old["id"], "listing_id": self.listing["id"], "buyer_city": "天津"}
        return self.api.post(f"{BASE}/trade-ins", json=wish | body, headers=self.owner.headers)

    def ask_outside(self, **new_car: Any) -> Any:
        return self.ask(listing_id=None, dealer_id=str(self.dealer.organization_id), new_car=NEW_EV | new_car)

    def offer(self, trade_in: str, old_minor: int = OLD, **body: Any) -> Any:
        wanted = {"old_price_minor": old_minor, "valid_until": until(self.api)} | body
        return self.api.post(f"{BASE}/trade-ins/{trade_in}/offer", json=wanted, headers=self.dealer.headers)

    def accept(self, trade_in: str) -> Any:
        body = {"confirmations": CONFIRMATIONS}
        return self.api.post(f"{BASE}/trade-ins/{trade_in}/acceptance", json=body, headers=self.owner.headers)

    def ordered(self, old_minor: int = OLD) -> dict[str, Any]:
        asked = self.ask()
        assert asked.status_code == 201, asked.text
        offered = self.offer(asked.json()["id"], old_minor)
        assert offered.status_code == 201, offered.text
        accepted = self.accept(asked.json()["id"])
        assert accepted.status_code == 200, accepted.text
        body: dict[str, Any] = accepted.json()
        return body

    def claims(self) -> list[str | None]:
        """Of the old and the new car."""
        with self.api.database.reading() as session:
            found = [find_claim(session, vehicle_id=UUID(one)) for one in (self.old["id"], self.listing["vehicle_id"])]
        return [one.kind.value if one else None for one in found]

    def show(self, trade_in: str, who: Person | None = None) -> dict[str, Any]:
        return get(self.api, f"/trade-ins/{trade_in}", who or self.owner)


def finish(stage: Stage, trade: dict[str, Any], payer: Person) -> None:
    """Both contracts signed, the difference paid, both cars handed over and transferred."""
    api, owner, dealer = stage.api, stage.owner, stage.dealer
    sign_both(api, dealer, owner, trade["new_order_id"])
    sign_both(api, owner, dealer, trade["old_order_id"])
    for order_id, buyer in ((trade["new_order_id"], owner), (trade["old_order_id"], dealer)):
        if get(api, f"/orders/{order_id}", buyer)["state"] == "awaiting_payment":
            pay(api, buyer, order_id)
    hand_over_and_accept(api, owner, dealer, trade["old_order_id"])
    hand_over_and_accept(api, dealer, owner, trade["new_order_id"])
    for order_id, buyer, issuer in ((trade["old_order_id"], dealer, stage.clerk), (trade["new_order_id"], owner, dealer)):
        assert transfer(api, stage.clerk, buyer, order_id, issuer=issuer)["state"] == "completed"
    for _ in range(4):
        api.relay()
    assert payer.party_id in {owner.party_id, dealer.party_id}


@pytest.mark.parametrize("old_minor", [OLD, NEW + 1_000_000, NEW])
def test_only_the_difference_moves_in_either_direction(api: Market, old_minor: int) -> None:
    stage = Stage(api)
    trade = stage.ordered(old_minor)
    gap = NEW - old_minor
    payer = {True: "owner", False: "dealer"}[gap > 0] if gap else "nobody"
    assert (trade["difference_minor"], trade["difference_payer"]) == (abs(gap), payer)
    new = get(api, f"/orders/{trade['new_order_id']}", stage.owner)
    old = get(api, f"/orders/{trade['old_order_id']}", stage.dealer)
    assert (new["total_minor"], old["total_minor"]) == (max(gap, 0), max(-gap, 0) + FEE)
    assert (new["linked_order_id"], old["linked_order_id"]) == (old["id"], new["id"])
    document = get(api, f"/orders/{new['id']}/contract", stage.owner)["document"]
    assert document["payment"]["set_off_minor"] == min(NEW, old_minor)
    assert document["payment"]["balance_minor"] == max(gap, 0)
    finish(stage, trade, stage.owner if gap > 0 else stage.dealer)
    assert stage.show(trade["id"])["state"] == "completed"
    assert balance(api, stage.owner) == 20_000_000 - gap
    assert balance(api, stage.dealer) == 90_000_000 + gap - FEE
    with api.database.reading() as session:
        assert ledger_sum(session) == 0
        assert (balances(session)["escrow"], balances(session)["market_fees"]) == (0, FEE)


class TestAtomic:
    def test_neither_order_is_made_when_the_new_car_is_taken(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask().json()["id"]
        stage.offer(trade)
        other = sign_up(api, "王五")
        buy(api, other, stage.listing["id"])
        refused = stage.accept(trade)
        assert (refused.status_code, refused.json()["code"]) == (409, "vehicle_claimed")
        assert stage.claims() == [None, "order"]
        assert stage.show(trade)["state"] == "offered"
        assert get(api, "/orders", stage.owner)["items"] == []

    def test_neither_order_is_made_when_a_confirmation_is_missing(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask().json()["id"]
        stage.offer(trade)
        path = f"{BASE}/trade-ins/{trade}/acceptance"
        refused = api.post(path, json={"confirmations": []}, headers=stage.owner.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "confirmation_missing")
        assert stage.claims() == [None, None]

    @pytest.mark.parametrize("side", ["old_order_id", "new_order_id"])
    def test_one_called_off_undoes_the_other(self, api: Market, side: str) -> None:
        stage = Stage(api)
        trade = stage.ordered()
        assert stage.claims() == ["order", "order"]
        post(api, f"/orders/{trade[side]}/cancellation", stage.owner, {"reason": "改变主意"})
        api.relay()
        states = {get(api, f"/orders/{trade[one]}", stage.owner)["state"] for one in ("old_order_id", "new_order_id")}
        assert states == {"cancelled"}
        assert stage.claims() == [None, None]
        assert stage.show(trade["id"])["state"] == "fallen_through"

    def test_unpaid_both_end_and_what_was_paid_goes_back(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ordered()
        sign_both(api, stage.dealer, stage.owner, trade["new_order_id"])
        pay(api, stage.owner, trade["new_order_id"])
        sign(api, stage.owner, trade["old_order_id"])
        api.advance(timedelta(hours=80))
        with use_database(api.database):
            order_tasks.sweep_overdue()
        for _ in range(4):
            api.relay()
        stage.owner.sign_in(api)
        states = {get(api, f"/orders/{trade[one]}", stage.owner)["state"] for one in ("old_order_id", "new_order_id")}
        assert states == {"cancelled"}
        assert balance(api, stage.owner) == 20_000_000
        assert stage.claims() == [None, None]

    def test_no_car_is_handed_over_before_both_orders_are_paid(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ordered()
        sign_both(api, stage.dealer, stage.owner, trade["new_order_id"])
        pay(api, stage.owner, trade["new_order_id"])
        body = {"odometer_km": 42_100, "keys": 2, "documents": []}
        refused = api.post(f"{BASE}/orders/{trade['new_order_id']}/handover", json=body, headers=stage.dealer.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "linked_order_behind")


class TestOffer:
    def test_binds_the_dealer_and_lapses_by_the_clock(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask().json()["id"]
        assert stage.accept(trade).json()["code"] == "trade_in_state_refused"
        stage.offer(trade)
        lower = stage.offer(trade, OLD - 1)
        assert (lower.status_code, lower.json()["code"]) == (409, "offer_binding")
        body = {"reason": "不收了"}
        assert api.post(f"{BASE}/trade-ins/{trade}/withdrawal", json=body, headers=stage.dealer.headers).status_code == 409
        api.advance(timedelta(hours=49))
        stage.owner.sign_in(api)
        late = stage.accept(trade)
        assert (late.status_code, late.json()["code"]) == (409, "trade_in_offer_lapsed")
        with use_database(api.database):
            tasks.end_acquisitions()
        assert stage.show(trade)["state"] == "lapsed"

    def test_is_nobody_elses(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask().json()["id"]
        stranger, dealer = sign_up(api, "王五"), acquirer(api, by=stage.clerk)
        for one in (stranger, dealer):
            assert api.get(f"{BASE}/trade-ins/{trade}", headers=one.headers).status_code == 404
        body = {"old_price_minor": 1, "valid_until": until(api)}
        assert api.post(f"{BASE}/trade-ins/{trade}/offer", json=body, headers=dealer.headers).status_code == 404

    def test_one_at_a_time_and_one_new_car(self, api: Market) -> None:
        stage = Stage(api)
        unclear = stage.ask(new_car=NEW_EV, dealer_id=str(stage.dealer.organization_id))
        assert (unclear.status_code, unclear.json()["code"]) == (422, "new_car_unclear")
        stage.ask()
        assert stage.ask().json()["code"] == "already_traded_in"


class TestSubsidy:
    def test_a_used_car_gets_none_and_the_article_says_why(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask().json()["id"]
        found = get(api, f"/trade-ins/{trade}/subsidy", stage.owner)
        assert (found["is_barred"], found["amount_minor"], found["table_number"]) == (True, 0, 1)
        assert (found["findings"][0]["code"], found["findings"][0]["article"]) == ("new_is_used", "2026年汽车以旧换新补贴政策")

    def test_a_new_electric_car_of_a_dealer_gets_eight_percent(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask_outside().json()["id"]
        assert stage.offer(trade).json()["code"] == "new_price_missing"
        stage.offer(trade, new_price_minor=12_345_600)
        found = get(api, f"/trade-ins/{trade}/subsidy", stage.owner)
        assert (found["is_barred"], found["amount_minor"], found["apply_by"]) == (False, 987_700, "2027-01-10")
        assert {one["code"] for one in found["findings"]} == {"old_still_there", "new_not_bought", "apply_by_doubtful"}
        proofs = {"proofs": [{"kind": "new_invoice", "number": "012002600104-00012345"}]}
        shown = post(api, f"/trade-ins/{trade}/proofs", stage.owner, proofs)
        assert shown["proofs"] == ["new_invoice"]
        lines = get(api, f"/trade-ins/{trade}/subsidy", stage.owner)["proofs"]
        assert [one["kind"] for one in lines if one["is_given"]] == ["new_invoice"]
        assert len(lines) == 6
        ordered = stage.accept(trade)
        assert (ordered.json()["state"], ordered.json()["new_order_id"]) == ("ordered", None)
        document = get(api, f"/orders/{ordered.json()['old_order_id']}/contract", stage.owner)["document"]
        assert (document["annex"]["difference_minor"], document["annex"]["new_car"]["title"]) == (12_345_600 - OLD, NEW_EV["title"])

    def test_a_large_fuel_car_gets_none(self, api: Market) -> None:
        stage = Stage(api)
        trade = stage.ask_outside(fuel="petrol", displacement_ml=2_998).json()["id"]
        found = get(api, f"/trade-ins/{trade}/subsidy", stage.owner)
        assert [one["code"] for one in found["findings"] if one["severity"] == "bars"] == ["displacement_too_large"]


VALUES = load(_TABLES / "subsidy.toml", on=date(2026, 6, 1)).values


def case(**changes: Any) -> SubsidyCase:
    facts: dict[str, Any] = {
        "on": date(2026, 6, 1),
        "programme": Programme.REPLACE,
        "applicant_is_person": True,
        "old_owner_is_applicant": True,
        "old_kind": "passenger_small",
        "old_is_new_energy": False,
        "old_is_petrol": True,
        "old_registered_on": date(2013, 6, 30),
        "old_gone_on": date(2026, 5, 1),
        "new_buyer_is_applicant": True,
        "new_is_new": True,
        "new_kind": "passenger_small",
        "new_is_new_energy": True,
        "new_displacement_ml": None,
        "new_bought_on": date(2026, 5, 2),
        "price_minor": 10_000_000,
        "already_subsidized": False,
    }
    return SubsidyCase(**facts | changes)


@pytest.mark.parametrize(
    ("changes", "amount_minor"),
    [
        ({}, 800_000),
        ({"price_minor": 10_000_100}, 800_100),  # 80,000.8 fen above: up to the whole yuan
        ({"price_minor": 18_750_000}, 1_500_000),
        ({"price_minor": 30_000_000}, 1_500_000),
        ({"new_is_new_energy": False, "new_displacement_ml": 2_000}, 600_000),
        ({"new_is_new_energy": False, "new_displacement_ml": 1_498, "price_minor": 40_000_000}, 1_300_000),
        ({"programme": Programme.SCRAP}, 1_200_000),
        ({"programme": Programme.SCRAP, "price_minor": 30_000_000}, 2_000_000),
        ({"programme": Programme.SCRAP, "new_is_new_energy": False, "new_displacement_ml": 1_498}, 1_000_000),
        ({"new_is_new_energy": False, "new_displacement_ml": 2_001}, 0),
        ({"programme": Programme.SCRAP, "old_registered_on": date(2013, 7, 1)}, 0),
        ({"programme": Programme.SCRAP, "old_is_petrol": False, "old_registered_on": date(2015, 6, 30)}, 1_200_000),
        ({"programme": Programme.SCRAP, "old_is_new_energy": True, "old_registered_on": date(2019, 12, 31)}, 1_200_000),
        ({"applicant_is_person": False}, 0),
        ({"old_owner_is_applicant": False}, 0),
        ({"new_buyer_is_applicant": False}, 0),
        ({"already_subsidized": True}, 0),
        ({"old_kind": "truck_light"}, 0),
        ({"old_gone_on": date(2025, 12, 31)}, 0),
        ({"new_bought_on": date(2027, 1, 1), "on": date(2027, 1, 2)}, 0),
        ({"on": date(2027, 1, 10)}, 800_000),
        ({"on": date(2027, 1, 11)}, 0),
        ({"on": date(2027, 1, 1), "old_gone_on": None}, 0),
    ],
)
def test_the_amount_by_the_table_of_2026(changes: dict[str, Any], amount_minor: int) -> None:
    found = evaluate_subsidy(case(**changes), VALUES)
    assert (found.amount_minor, found.is_barred) == (amount_minor, amount_minor == 0)
    assert all(one.article and one.zh and one.en for one in found.findings)


def test_the_proofs_missing_are_those_not_given() -> None:
    found = evaluate_subsidy(case(proofs=[ProofKind.IDENTITY, ProofKind.NEW_INVOICE]), VALUES)
    assert found.missing == (ProofKind.OLD_SALE_INVOICE, ProofKind.OLD_REGISTRATION, ProofKind.NEW_REGISTRATION, ProofKind.BANK_CARD)


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_the_subsidy_grows_with_the_price_up_to_its_ceiling(first: int, second: int) -> None:
    low, high = sorted((first, second))
    rules = {"rate_bps": 800, "max_minor": 1_500_000, "step": 100}
    assert 0 <= compute_subsidy(low, **rules) <= compute_subsidy(high, **rules) <= 1_500_000
    assert compute_subsidy(low, **rules) % 100 == 0


@given(st.integers(1, 10**10), st.integers(1, 10**10))
def test_the_difference_is_owed_by_who_gets_more(new: int, old: int) -> None:
    found = compute_difference(new, old)
    signed = {Payer.OWNER: found.amount_minor, Payer.DEALER: -found.amount_minor, Payer.NOBODY: 0}[found.payer]
    assert old + signed == new
