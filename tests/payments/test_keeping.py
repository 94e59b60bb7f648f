"""Deposits needed longer than their hold lasts: renewed, charged, or told of and lapsed; each twice, and across a release."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import stripe
from sqlmodel import select

from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.core.settings import Settings
from marketplace.payments.api import (
    HoldState,
    HoldView,
    Keeping,
    balances,
    capture_hold,
    forfeit_hold,
    keep_hold,
    ledger_sum,
    list_lapsing_holds,
    release_hold,
)
from marketplace.payments.api import hold as ask
from marketplace.payments.domain import KeepingTerms, Lasting, OperationKind, decide_keeping
from marketplace.payments.gateway import registry
from marketplace.payments.gateway.registry import Installed
from marketplace.payments.gateway.sandbox import SandboxBank, capabilities
from marketplace.payments.models import GatewayOperation, SandboxBankDrill
from marketplace.payments.service.holds import sweep_lapsed
from tests.payments.test_gateways import GOOD_CARD
from tests.payments.test_stripe_flow import Forgetful, ask_hold, card, client, forgetful
from tests.payments.till import Till, heard

__all__ = ["client", "forgetful"]

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TERMS = KeepingTerms(ahead=timedelta(hours=48), retry=timedelta(hours=6))
H = timedelta(hours=1)


@pytest.mark.parametrize(
    ("left_h", "needed_h", "tried_h", "pending", "warned", "renews", "charges", "decided"),
    [
        (49, 100, None, False, False, True, True, Keeping.NOTHING),
        (48, 100, None, False, False, True, True, Keeping.RENEW),
        (48, 100, None, False, False, False, True, Keeping.CHARGE),
        (48, 100, None, False, False, False, False, Keeping.NOTHING),
        (25, 100, None, False, False, False, False, Keeping.WARN),
        (25, 100, None, False, True, False, False, Keeping.NOTHING),
        (25, 25, None, False, False, True, True, Keeping.NOTHING),  # it lasts as long as needed
        (40, 100, 5, False, False, True, True, Keeping.NOTHING),
        (40, 100, 6, False, False, True, True, Keeping.RENEW),
        (25, 100, 1, False, False, True, True, Keeping.WARN),  # refused an hour ago
        (20, 100, 9, True, False, True, True, Keeping.WARN),  # no answer for hours
        (20, 100, 0, True, False, True, True, Keeping.NOTHING),
    ],
)
def test_what_is_done_about_a_deposit_that_lapses_early(
    left_h: int, needed_h: int, tried_h: int | None, pending: bool, warned: bool, renews: bool, charges: bool, decided: Keeping
) -> None:
    tried = None if tried_h is None else NOW - tried_h * H
    lasting = Lasting(since=NOW - 200 * H, lapses_at=NOW + left_h * H, tried_at=tried, warned=warned, pending=pending)
    assert decide_keeping(lasting, needed_until=NOW + needed_h * H, now=NOW, renews=renews, charges=charges, terms=TERMS) is decided


def test_a_hold_of_one_day_is_not_renewed_all_the_time() -> None:
    for hours, decided in ((11, Keeping.NOTHING), (12, Keeping.RENEW)):
        lasting = Lasting(since=NOW - hours * H, lapses_at=NOW + (24 - hours) * H)
        assert decide_keeping(lasting, needed_until=NOW + 99 * H, now=NOW, renews=True, charges=True, terms=TERMS) is decided


@pytest.fixture
def gateways(till: Till) -> Iterator[None]:
    """The sandbox bank under two more names: one that only charges, one that can do neither."""
    settings = Settings()
    for name, charges in (("charging", True), ("stiff", False)):
        registry._extra[name] = Installed(
            replace(capabilities(settings), renews=False, charges=charges), lambda database: SandboxBank(database, settings), {}
        )
    yield
    registry._extra.clear()


def place(till: Till, party_id: UUID, *, gateway: str | None = None, amount_minor: int = 5_000) -> UUID:
    """A held deposit, 179 days later: it lapses tomorrow."""
    with till.db.writing() as session:
        found = ask(session, party_id=party_id, amount_minor=amount_minor, purpose_kind="lot", purpose_id=new_id(), gateway=gateway)
    till.run()
    go(till, timedelta(days=179))
    return found.id


def go(till: Till, forward: timedelta) -> None:
    with till.db.writing() as session:
        clock.set_offset(session, offset=forward)


def keep(till: Till, hold_id: UUID, *, run: bool = True) -> Keeping:
    with till.db.writing() as session:
        decided = keep_hold(session, hold_id=hold_id, needed_until=clock.now(session) + timedelta(days=9))
    if run:
        till.run()
    return decided


def books(till: Till) -> dict[str, int]:
    with till.db.reading() as session:
        assert ledger_sum(session) == 0
        return {kind: amount for kind, amount in balances(session).items() if amount}


def lapses_in_days(till: Till, found: HoldView) -> float | None:
    with till.db.reading() as session:
        return None if found.lapses_at is None else (found.lapses_at - clock.now(session)) / timedelta(days=1)


class TestRenewed:
    def test_the_new_hold_stands_before_the_old_one_goes_and_the_deposit_keeps_its_id(self, till: Till) -> None:
        party = till.party(10_000)
        hold_id = place(till, party)
        with till.db.reading() as session:
            assert [one.id for one in list_lapsing_holds(session, purpose_kinds=["lot"])] == [hold_id]
            assert list_lapsing_holds(session, purpose_kinds=["line"]) == []
        assert keep(till, hold_id) is Keeping.RENEW
        found = till.held(hold_id)
        assert (found.state, till.balance(party), books(till)) == (
            HoldState.HELD, (10_000, 5_000), {"holds_at_gateway": 5_000, "deposit_held": 5_000},
        )  # fmt: skip
        assert lapses_in_days(till, found) == pytest.approx(180, abs=0.01)
        assert keep(till, hold_id) is Keeping.NOTHING
        assert till.names() == ["hold_held"]
        with till.db.writing() as session:
            capture_hold(session, hold_id=hold_id, order_id=new_id(), amount_minor=4_000)
        till.run()
        assert (till.held(hold_id).state, till.balance(party), till.balance(None)) == (HoldState.CAPTURED, (6_000, 0), (4_000, 0))

    def test_lost_answers_renew_once(self, till: Till) -> None:
        party = till.party(20_000)
        hold_id = place(till, party)
        with till.db.writing() as session:
            session.add(SandboxBankDrill(id=1, lost_answers=3))
        assert keep(till, hold_id) is Keeping.RENEW
        assert keep(till, hold_id) is Keeping.NOTHING
        for minute in (5, 10, 15, 20):
            go(till, timedelta(days=179, minutes=minute))
            till.run()
        assert (till.held(hold_id).state, till.balance(party)) == (HoldState.HELD, (20_000, 5_000))

    def test_released_while_the_renewal_was_under_way_nothing_stays_frozen(self, till: Till) -> None:
        party = till.party(10_000)
        hold_id = place(till, party)
        keep(till, hold_id, run=False)
        with till.db.writing() as session:
            release_hold(session, hold_id=hold_id, reason="outbid")
        till.run()
        assert (till.held(hold_id).state, till.balance(party), books(till)) == (HoldState.RELEASED, (10_000, 0), {})


class TestCharged:
    @pytest.fixture
    def charged(self, till: Till, gateways: None) -> tuple[UUID, UUID]:
        party = till.party(5_000)
        hold_id = place(till, party, gateway="charging")
        assert keep(till, hold_id) is Keeping.CHARGE
        found = till.held(hold_id)
        assert (found.state, found.lapses_at) == (HoldState.HELD, None)
        assert (till.balance(party), till.balance(None), books(till)) == (
            (0, 0), (5_000, 0), {"clearing": 5_000, "deposit_held": 5_000},
        )  # fmt: skip
        assert keep(till, hold_id) is Keeping.NOTHING
        return party, hold_id

    def test_a_loser_gets_it_back_as_a_refund(self, till: Till, charged: tuple[UUID, UUID]) -> None:
        party, hold_id = charged
        for _ in range(2):
            with till.db.writing() as session:
                release_hold(session, hold_id=hold_id, reason="lot_closed")
            till.run()
        assert (till.held(hold_id).state, till.balance(party), books(till)) == (HoldState.RELEASED, (5_000, 0), {})
        assert till.names() == ["hold_held", "hold_released"]

    def test_it_counts_to_the_price_and_the_rest_goes_back(self, till: Till, charged: tuple[UUID, UUID]) -> None:
        party, hold_id = charged
        for _ in range(2):
            with till.db.writing() as session:
                capture_hold(session, hold_id=hold_id, order_id=UUID(int=7), amount_minor=4_000)
            till.run()
        assert (till.held(hold_id).state, till.balance(party)) == (HoldState.CAPTURED, (1_000, 0))
        assert books(till) == {"clearing": 4_000, "escrow": 4_000}
        assert till.names() == ["hold_held", "hold_captured"]

    def test_it_can_be_forfeited(self, till: Till, charged: tuple[UUID, UUID]) -> None:
        party, hold_id = charged
        injured = till.party()
        with till.db.writing() as session:
            forfeit_hold(session, hold_id=hold_id, reason="buyer_defaulted", to_party_id=injured)
        till.run()
        assert (till.held(hold_id).state, till.balance(party), till.balance(injured)) == (HoldState.FORFEITED, (0, 0), (5_000, 0))
        assert books(till) == {}

    @pytest.mark.parametrize("end", ["release", "capture", "forfeit"])
    def test_what_is_wanted_while_the_charge_has_no_answer_waits_for_it(self, till: Till, gateways: None, end: str) -> None:
        party, other = till.party(5_000), till.party()
        hold_id = place(till, party, gateway="charging")
        keep(till, hold_id, run=False)
        with till.db.writing() as session:
            if end == "release":
                release_hold(session, hold_id=hold_id, reason="outbid")
            elif end == "capture":
                capture_hold(session, hold_id=hold_id, order_id=new_id())
            else:
                forfeit_hold(session, hold_id=hold_id, reason="x", to_party_id=other)
        till.run()
        till.run()
        expected = {
            "release": (HoldState.RELEASED, 5_000, 0),
            "capture": (HoldState.CAPTURED, 0, 0),
            "forfeit": (HoldState.FORFEITED, 0, 5_000),
        }
        assert (till.held(hold_id).state, till.balance(party)[0], till.balance(other)[0]) == expected[end]
        assert books(till) == ({"clearing": 5_000, "escrow": 5_000} if end == "capture" else {})

    def test_stripe_charges_a_card_and_refunds_it(self, till: Till, forgetful: Forgetful, client: stripe.StripeClient) -> None:
        hold_id = ask_hold(till, card(client, GOOD_CARD))
        till.run()
        go(till, timedelta(days=5, hours=1))
        forgetful.lost = 1
        assert keep(till, hold_id) is Keeping.CHARGE
        go(till, timedelta(days=5, hours=2))
        till.run()
        found = till.held(hold_id)
        assert (found.state, found.lapses_at, books(till)) == (HoldState.HELD, None, {"clearing": 5_000, "deposit_held": 5_000})
        with till.db.writing() as session:
            release_hold(session, hold_id=hold_id, reason="lot_closed")
        till.run()
        assert (till.held(hold_id).state, books(till)) == (HoldState.RELEASED, {})
        (refund,) = [call for call in forgetful.calls if call.kind is OperationKind.REFUND]
        listed = client.v1.refunds.list({"payment_intent": refund.source_ref or ""}).data
        assert [one.amount for one in listed] == [5_000]


class TestTwoWorkers:
    def test_ask_for_one_renewal(self, postgres: Database) -> None:
        till = Till(postgres)
        party = till.party(20_000)
        hold_id = place(till, party)
        others = [Till(Database(postgres.url)) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            decided = [*pool.map(lambda one: keep(one, hold_id, run=False), others)]
        till.run()
        assert sorted(decided) == [Keeping.NOTHING] * 3 + [Keeping.RENEW]
        assert (till.held(hold_id).state, till.balance(party)) == (HoldState.HELD, (20_000, 5_000))
        for one in others:
            one.db.dispose()

    def test_a_renewal_raced_by_a_release_leaves_nothing_frozen(self, postgres: Database) -> None:
        till = Till(postgres)
        party = till.party(20_000)
        hold_ids = [place(till, party, amount_minor=1_000) for _ in range(6)]
        other = Till(Database(postgres.url))

        def release(hold_id: UUID) -> None:
            with other.db.writing() as session:
                release_hold(session, hold_id=hold_id, reason="outbid")
            other.run()

        with ThreadPoolExecutor(2) as pool:
            for hold_id in hold_ids:
                kept, released = pool.submit(keep, till, hold_id), pool.submit(release, hold_id)
                kept.result()
                released.result()
        for _ in range(3):
            till.run()
        assert [till.held(hold_id).state for hold_id in hold_ids] == [HoldState.RELEASED] * 6
        assert (till.balance(party), books(till)) == ((20_000, 0), {})
        other.db.dispose()


class TestNotKept:
    @pytest.mark.parametrize("gateway", ["stiff", None])
    def test_its_holder_is_told_a_day_before_once_and_it_lapses_at_its_own_end(
        self, till: Till, gateways: None, gateway: str | None
    ) -> None:
        party = till.party(5_000)  # no money for a second hold beside the first
        hold_id = place(till, party, gateway=gateway)
        decided = [keep(till, hold_id) for _ in range(3)]
        expected = [Keeping.WARN] if gateway else [Keeping.RENEW, Keeping.WARN]
        assert decided == [*expected, *[Keeping.NOTHING] * (3 - len(expected))]
        assert till.names() == ["hold_held", "hold_lapsing"]
        told = heard[-1][1]
        assert (told["hold_id"], told["party_id"], told["purpose_kind"]) == (str(hold_id), str(party), "lot")
        assert (till.held(hold_id).state, till.balance(party)) == (HoldState.HELD, (5_000, 5_000))
        with till.db.writing() as session:
            clock.set_offset(session, offset=timedelta(days=180, seconds=60))
        with till.db.writing() as session:
            assert sweep_lapsed(session) == 1
        till.run()
        assert (till.held(hold_id).state, till.balance(party), books(till)) == (HoldState.LAPSED, (5_000, 0), {})

    def test_a_refused_renewal_is_tried_again(self, till: Till) -> None:
        party = till.party(5_000)
        hold_id = place(till, party)
        assert keep(till, hold_id) is Keeping.RENEW
        go(till, timedelta(days=179, hours=6))
        assert keep(till, hold_id) is Keeping.RENEW
        with till.db.reading() as session:
            made = session.exec(select(GatewayOperation.kind, GatewayOperation.refusal_code)).all()
        assert made.count((OperationKind.RENEW, "insufficient_funds")) == 2
