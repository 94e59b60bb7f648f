"""Every format against its naive twin by a state machine, and every cell of the table of formats."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from auction.bidding import log
from auction.bidding.domain import (
    Accepted,
    Act,
    BidCommand,
    Bidder,
    BidTooLow,
    BidUnusual,
    BuyNowGone,
    LotState,
    NoBuyNow,
    NotOnTheFloor,
    Refused,
    RegistrationState,
    SealedBid,
    falling_price,
    hammer,
    next_fall_at,
    pass_lot,
    place_bid,
    resume,
    reveal,
    suspend,
    warn,
)
from auction.lots.domain import LotPhase
from auction.sessions.domain import (
    BidRules,
    BuyNowUntil,
    DutchNotStatutory,
    ExtendOn,
    FixedPriceIsPrivateOffer,
    Format,
    Ladder,
    LegalMode,
    Ruling,
    SealedNotStatutory,
    SessionMode,
    check_format,
    decide_format,
)
from auction.settlement.domain import ResultKind, decide_result
from marketplace.core import rules as tables
from marketplace.core.errors import Refusal
from tests.auction.naive import NaiveAuction
from tests.auction.naive_formats import NaiveBuyNow, NaiveDutch, NaiveLane, NaiveSealed
from tests.auctions import rules

OPENS = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
LOT = UUID(int=1)
NAMES = ("B01", "B02", "B03")
BIDDERS = {name: Bidder(UUID(int=10 + i), name, RegistrationState.REGISTERED) for i, name in enumerate(NAMES)}
STEP, END = 100, 200
FORMATS = tables.load(Path("auction/sessions/tables/formats.toml"), on=date(2026, 11, 25)).values


def at(seconds: float) -> datetime:
    return OPENS + timedelta(seconds=seconds)


def lot(sale_format: Format, *, reserve: int | None = None, hard_end_s: int | None = 400, **terms: Any) -> LotState:
    own = {name: terms.pop(name) for name in ("buy_now_minor", "floor_minor", "estimate_minor", "on_approval") if name in terms}
    bid_rules = replace(rules(ladder=Ladder((0,), (STEP,))), format=sale_format, **terms)
    return LotState(LotPhase.OPEN, bid_rules, 1_000, reserve, OPENS, at(END), None if hard_end_s is None else at(hard_end_s), **own)


def bid(state: LotState, name: str, amount: int, now: float = 0, *, act: Act = Act.BID, confirmed: bool = False) -> Accepted | Refused:
    return place_bid(state, BidCommand(LOT, UUID(int=2), UUID(int=2), amount, None, confirmed, act), BIDDERS[name], at(now))


def refusal(decision: Accepted | Refused) -> Refusal:
    assert isinstance(decision, Refused)
    return decision.refusal


# --- one table: mode × format × legal mode --------------------------------------------------------------------------------------


class TestTable:
    @pytest.mark.parametrize(("mode", "sale_format", "legal_mode"), list(product(SessionMode, Format, LegalMode)))
    def test_every_cell_is_allowed_refused_with_its_article_or_a_private_offer(
        self, mode: SessionMode, sale_format: Format, legal_mode: LegalMode
    ) -> None:
        cell = decide_format(FORMATS, mode=mode, legal_mode=legal_mode, sale_format=sale_format)
        lawful = legal_mode is LegalMode.AGREED_BIDDING or sale_format in (Format.OPEN_ASCENDING, Format.LIVE_LANE)
        if lawful:
            assert (cell.ruling, cell.rule) == (Ruling.ALLOWED, None)
            check_format(FORMATS, mode=mode, legal_mode=legal_mode, sale_format=sale_format)
            return
        refused: dict[Format, tuple[Ruling, type[Refusal]]] = {
            Format.SEALED_FIRST_PRICE: (Ruling.REFUSED, SealedNotStatutory),
            Format.SEALED_SECOND_PRICE: (Ruling.REFUSED, SealedNotStatutory),
            Format.DUTCH: (Ruling.REFUSED, DutchNotStatutory),
            Format.BUY_NOW: (Ruling.PRIVATE_OFFER, FixedPriceIsPrivateOffer),
        }
        ruling, kind = refused[sale_format]
        assert (cell.ruling, cell.rule) == (ruling, kind.rule)
        with pytest.raises(kind):
            check_format(FORMATS, mode=mode, legal_mode=legal_mode, sale_format=sale_format)


# --- state machines ---------------------------------------------------------------------------------------------------------------

Twin: TypeAlias = Any
AMOUNTS = st.integers(min_value=900, max_value=2_600)
WAITS = st.integers(min_value=0, max_value=25)
WHO = st.sampled_from(NAMES)


class Machine(RuleBasedStateMachine):
    """Time and a lot; what a format may do is added below."""

    state: LotState
    twin: Twin

    def __init__(self) -> None:
        super().__init__()
        self.now = 0

    def decide(self, name: str, amount: int, act: Act = Act.BID) -> bool:
        decision = bid(self.state, name, amount, self.now, act=act)
        if isinstance(decision, Accepted):
            assert decision.state.seq == self.state.seq + 1
            self.state = decision.state
        return isinstance(decision, Accepted)

    def conduct(self, act: Callable[[LotState, datetime], LotState]) -> bool:
        try:
            self.state = act(self.state, at(self.now))
        except Refusal:
            return False
        return True

    @rule(wait=WAITS)
    def wait(self, wait: int) -> None:
        self.now += wait

    def ascending_agrees(self) -> None:
        assert self.state.leader_pseudonym == (getattr(self.twin, "bought", None) or self.twin.leader())
        assert (self.state.price_minor or 0) == self.twin.price
        assert (self.state.ends_at - OPENS).total_seconds() == self.twin.end
        assert self.state.extensions == self.twin.extensions


RESERVES = st.none() | st.integers(1_000, 2_200)


class Ascending(Machine):
    @initialize(reserve=RESERVES, on_lead=st.booleans(), cap=st.none() | st.integers(0, 2))
    def begin(self, reserve: int | None, on_lead: bool, cap: int | None) -> None:
        extend_on = ExtendOn.CHANGE_OF_LEAD if on_lead else ExtendOn.ACCEPTED_BID
        self.state = lot(Format.OPEN_ASCENDING, reserve=reserve, extend_on=extend_on, max_extensions=cap)
        self.twin = NaiveAuction(1_000, reserve, STEP, END, 60, 60, 400, cap, on_lead)

    @rule(name=WHO, amount=AMOUNTS)
    def bids(self, name: str, amount: int) -> None:
        assert self.decide(name, amount) == self.twin.bid(name, amount, self.now)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "twin"):
            self.ascending_agrees()


class Sealed(Machine):
    @initialize(reserve=RESERVES, second=st.booleans())
    def begin(self, reserve: int | None, second: bool) -> None:
        self.state = lot(Format.SEALED_SECOND_PRICE if second else Format.SEALED_FIRST_PRICE, reserve=reserve)
        self.twin = NaiveSealed(1_000, reserve, END, second)
        self.bids_made: list[SealedBid] = []

    @rule(name=WHO, amount=AMOUNTS)
    def bids(self, name: str, amount: int) -> None:
        before = self.state
        taken = self.decide(name, amount)
        assert taken == self.twin.bid(name, amount, self.now)
        if taken:
            self.bids_made.append(SealedBid(self.state.seq, BIDDERS[name].registration_id, name, amount))
            assert self.state == replace(before, seq=before.seq + 1)  # nothing of the amount is in the state

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "twin"):
            told = reveal(self.state, self.bids_made)
            assert (told.leader_pseudonym, told.price_minor or 0) == self.twin.result()
            assert self.state.ends_at == at(END)


class BuyNow(Machine):
    @initialize(reserve=RESERVES, until_reserve=st.booleans(), tag=st.integers(2_200, 2_500))
    def begin(self, reserve: int | None, until_reserve: bool, tag: int) -> None:
        until = BuyNowUntil.RESERVE_MET if until_reserve else BuyNowUntil.FIRST_BID
        self.state = lot(Format.BUY_NOW, reserve=reserve, buy_now_minor=tag, buy_now_until=until)
        self.twin = NaiveBuyNow(1_000, reserve, STEP, END, 60, 60, 400, None, False, tag=tag, until_reserve=until_reserve)

    @rule(name=WHO, amount=AMOUNTS)
    def bids(self, name: str, amount: int) -> None:
        assert self.decide(name, amount) == self.twin.bid(name, amount, self.now)

    @rule(name=WHO, amount=AMOUNTS)
    def buys(self, name: str, amount: int) -> None:
        assert self.decide(name, amount, Act.BUY_NOW) == self.twin.buy(name, amount, self.now)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "twin"):
            self.ascending_agrees()
            assert self.twin.bought or self.state.buy_now_stands == self.twin.tag_hangs()


class Dutch(Machine):
    @initialize(step=st.integers(1, 90), interval=st.integers(1, 30), floor=st.integers(100, 1_000))
    def begin(self, step: int, interval: int, floor: int) -> None:
        self.state = lot(Format.DUTCH, floor_minor=floor, fall_step_minor=step, fall_interval_s=interval)
        self.twin = NaiveDutch(1_000, floor, step, interval, END)

    @rule(name=WHO, amount=st.integers(50, 1_100))
    def bids(self, name: str, amount: int) -> None:
        assert self.decide(name, amount) == self.twin.bid(name, amount, self.now)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "twin"):
            taken = None if self.state.leader_pseudonym is None else (self.state.leader_pseudonym, self.state.price_minor)
            assert taken == self.twin.taken
            assert falling_price(self.state, at(self.now)) == self.twin.asked(self.now)
            falls_at = next_fall_at(self.state, at(self.now))
            if falls_at is not None:
                assert self.twin.asked(int((falls_at - OPENS).total_seconds())) < self.twin.asked(self.now)


class Lane(Machine):
    @initialize(reserve=RESERVES)
    def begin(self, reserve: int | None) -> None:
        self.state = lot(Format.LIVE_LANE, reserve=reserve, warning_s=3)
        self.twin = NaiveLane(1_000, reserve, STEP, END, 60, 60, 400, None, False)

    @rule(name=WHO, amount=AMOUNTS)
    def bids(self, name: str, amount: int) -> None:
        assert self.decide(name, amount) == self.twin.bid(name, amount, self.now)

    @rule(name=WHO, amount=AMOUNTS)
    def calls_from_the_floor(self, name: str, amount: int) -> None:
        assert self.decide(name, amount, Act.FLOOR) == self.twin.call(name, amount, self.now)

    @rule()
    def warns(self) -> None:
        assert self.conduct(warn) == self.twin.warn(self.now)

    @rule()
    def strikes(self) -> None:
        assert self.conduct(hammer) == self.twin.strike(self.now)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "twin"):
            self.ascending_agrees()


QUICK = settings(max_examples=120, stateful_step_count=25, deadline=None)
for _machine in (Ascending, Sealed, BuyNow, Dutch, Lane):
    _machine.TestCase.settings = QUICK
TestAscending = Ascending.TestCase
TestSealed = Sealed.TestCase
TestBuyNow = BuyNow.TestCase
TestDutch = Dutch.TestCase
TestLane = Lane.TestCase


# --- what the machines do not tell ---------------------------------------------------------------------------------------------


class TestActs:
    @pytest.mark.parametrize("sale_format", [Format.SEALED_FIRST_PRICE, Format.SEALED_SECOND_PRICE, Format.DUTCH, Format.OPEN_ASCENDING])
    def test_each_act_belongs_to_its_format(self, sale_format: Format) -> None:
        state = lot(sale_format, floor_minor=500, fall_step_minor=10, fall_interval_s=1)
        assert isinstance(refusal(bid(state, "B01", 2_000, act=Act.BUY_NOW)), NoBuyNow)
        assert isinstance(refusal(bid(state, "B01", 2_000, act=Act.FLOOR)), NotOnTheFloor)

    def test_a_sealed_bid_below_the_start_tells_the_start_and_nothing_else(self) -> None:
        first = bid(lot(Format.SEALED_FIRST_PRICE), "B01", 9_999)
        assert isinstance(first, Accepted)
        found = refusal(bid(first.state, "B02", 999))
        assert (type(found), dict(found.fields)) == (BidTooLow, {"next_minimum_minor": 1_000, "price_minor": None})

    def test_a_buy_now_takes_the_lot_at_once(self) -> None:
        state = lot(Format.BUY_NOW, buy_now_minor=2_400)
        taken = bid(state, "B02", 2_400, 7, act=Act.BUY_NOW)
        assert isinstance(taken, Accepted)
        assert (taken.state.price_minor, taken.state.leader_pseudonym, taken.state.ends_at) == (2_400, "B02", at(7))
        assert decide_result(taken.state) is ResultKind.SOLD
        assert refusal(bid(taken.state, "B01", 9_000, 7)).code == "lot_closed"

    def test_a_buy_now_is_gone_at_the_first_bid_or_at_the_reserve(self) -> None:
        first = bid(lot(Format.BUY_NOW, buy_now_minor=2_400, reserve=2_000), "B01", 1_100)
        assert isinstance(first, Accepted)
        assert isinstance(refusal(bid(first.state, "B02", 2_400, act=Act.BUY_NOW)), BuyNowGone)
        later = replace(first.state, rules=replace(first.state.rules, buy_now_until=BuyNowUntil.RESERVE_MET))
        assert isinstance(bid(later, "B02", 2_400, act=Act.BUY_NOW), Accepted)
        met = bid(later, "B03", 2_000)
        assert isinstance(met, Accepted)
        assert isinstance(refusal(bid(met.state, "B02", 2_400, act=Act.BUY_NOW)), BuyNowGone)

    def test_a_lot_below_its_reserve_is_passed_one_above_it_is_not(self) -> None:
        state = lot(Format.LIVE_LANE, reserve=2_000, warning_s=0)
        low = bid(state, "B01", 1_500)
        assert isinstance(low, Accepted)
        assert decide_result(pass_lot(low.state, at(1))) is ResultKind.PASSED_BELOW_RESERVE
        with pytest.raises(Refusal, match="below_reserve"):
            hammer(warn(low.state, at(1)), at(2))
        met = bid(low.state, "B02", 2_000)
        assert isinstance(met, Accepted)
        with pytest.raises(Refusal, match="high_bid_stands"):
            pass_lot(met.state, at(2))

    def test_on_approval_is_no_sale_until_the_consignor_says_so(self) -> None:
        taken = bid(lot(Format.OPEN_ASCENDING, on_approval=True), "B01", 1_500)
        assert isinstance(taken, Accepted)
        assert decide_result(taken.state) is ResultKind.ON_APPROVAL


class TestUnusual:
    """A bid above so many ten-thousandths of the estimate is asked about once."""

    @pytest.mark.parametrize(
        ("sale_format", "amount", "asked"),
        [
            (Format.OPEN_ASCENDING, 3_000, False),
            (Format.OPEN_ASCENDING, 3_001, True),
            (Format.SEALED_FIRST_PRICE, 3_001, True),
            (Format.DUTCH, 3_001, True),
            (Format.LIVE_LANE, 20_000, True),
        ],
    )
    def test_above_the_limit(self, sale_format: Format, amount: int, asked: bool) -> None:
        terms = {"floor_minor": 500, "fall_step_minor": 1, "fall_interval_s": 1} if sale_format is Format.DUTCH else {}
        state = lot(sale_format, estimate_minor=2_000, confirm_above_bps=15_000, **terms)
        decision = bid(state, "B01", amount)
        assert isinstance(decision, Refused) == asked
        if asked:
            found = refusal(decision)
            assert (type(found), dict(found.fields)) == (BidUnusual, {"maximum_minor": amount, "estimate_minor": 2_000})
        assert isinstance(bid(state, "B01", amount, confirmed=True), Accepted)

    def test_nothing_is_asked_without_an_estimate_or_where_the_session_does_not(self) -> None:
        assert isinstance(bid(lot(Format.OPEN_ASCENDING, confirm_above_bps=15_000), "B01", 10**9), Accepted)
        assert isinstance(bid(lot(Format.OPEN_ASCENDING, estimate_minor=2_000), "B01", 10**9), Accepted)

    def test_a_bid_that_is_refused_anyway_is_told_why(self) -> None:
        state = lot(Format.OPEN_ASCENDING, estimate_minor=100, confirm_above_bps=15_000)
        assert isinstance(refusal(bid(state, "B01", 999)), BidTooLow)


class TestSuspension:
    def test_the_time_left_is_given_back(self) -> None:
        state = lot(Format.OPEN_ASCENDING)
        still = suspend(state, at(50))
        assert (still.phase, still.ends_at, still.seq) == (LotPhase.SUSPENDED, at(END), 1)
        going = resume(still, at(50), at(80))
        assert (going.phase, going.opens_at, going.ends_at, going.hard_end_at, going.seq) == (
            LotPhase.OPEN, OPENS, at(END + 30), at(430), 2,
        )  # fmt: skip

    def test_a_falling_price_goes_on_from_where_it_stood(self) -> None:
        state = lot(Format.DUTCH, floor_minor=100, fall_step_minor=10, fall_interval_s=1)
        going = resume(suspend(state, at(5)), at(5), at(1_005))
        assert falling_price(state, at(5)) == falling_price(going, at(1_005)) == 950
        assert falling_price(going, at(1_006)) == 940

    def test_a_lot_that_is_over_is_not_suspended(self) -> None:
        with pytest.raises(Refusal, match="not_up"):
            suspend(lot(Format.OPEN_ASCENDING), at(END))


class TestWhatIsPublished:
    def test_a_sealed_bid_says_nothing_that_depends_on_amounts(self) -> None:
        shown = []
        for amount in (1_000, 99_999):
            accepted = bid(lot(Format.SEALED_FIRST_PRICE), "B01", amount, 3)
            assert isinstance(accepted, Accepted)
            shown.append(
                log.bid_content(lot="l", accepted=accepted, bidder=BIDDERS["B01"], commitment_hash="c", at="t", ends_at="e", previous="p")
            )
        assert shown[0] == shown[1]
        assert sorted(shown[0]) == ["at", "bidder", "commitment", "ends_at", "kind", "lot", "previous", "seq"]

    @pytest.mark.parametrize("sale_format", [Format.SEALED_FIRST_PRICE, Format.SEALED_SECOND_PRICE])
    def test_the_close_opens_every_last_bid_but_the_winners_second_price(self, sale_format: Format) -> None:
        bids = [
            (SealedBid(2, BIDDERS["B01"].registration_id, "B01", 1_500), "s2"),
            (SealedBid(3, BIDDERS["B02"].registration_id, "B02", 1_700), "s3"),
        ]
        told = reveal(lot(sale_format), [one for one, _ in bids])
        content = log.revealed_content(told, bids)["bids"]
        second = sale_format is Format.SEALED_SECOND_PRICE
        assert told.price_minor == (1_500 if second else 1_700)
        assert [(one["bidder"], one["amount_minor"], one["salt"], one["bid"]) for one in content] == [
            ("B02", None if second else 1_700, None if second else "s3", 3),
            ("B01", 1_500, "s2", 2),
        ]


def test_rules_survive_json() -> None:
    for sale_format in Format:
        one = replace(rules(), format=sale_format, confirm_above_bps=15_000, buy_now_until=BuyNowUntil.RESERVE_MET, warning_s=3)
        assert BidRules.from_json(one.to_json()) == one
