"""The rules of one bid: tables, properties, and a naive twin."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.bidding.domain import (
    Accepted,
    AlreadyLeading,
    BidCommand,
    Bidder,
    BidderIsConsignor,
    BidderIsHouse,
    BidderSuspended,
    BidTooLow,
    Conflict,
    Decision,
    DepositNotHeld,
    LotClosed,
    LotNotOpen,
    LotState,
    LotSuspended,
    MaximumNotRaised,
    NotRegistered,
    Refused,
    RegistrationState,
    place_bid,
)
from auction.lots.domain import LotPhase
from auction.sessions.domain import BidRules, ExtendOn, Ladder
from marketplace.core.errors import Refusal
from tests.auction.naive import NaiveAuction
from tests.auctions import rules

OPENS = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LOT = UUID(int=1)
NAMES = ("B01", "B02", "B03", "B04")
BIDDERS = {name: Bidder(UUID(int=10 + i), name, RegistrationState.REGISTERED) for i, name in enumerate(NAMES)}
STEP = Ladder((0,), (100,))


def lot(
    *, bid_rules: BidRules | None = None, start: int = 1_000, reserve: int | None = None, ends_s: int = 1_000, hard_end_s: int | None = None
) -> LotState:
    return LotState(
        LotPhase.OPEN,
        bid_rules or rules(ladder=STEP),
        start,
        reserve,
        OPENS,
        OPENS + timedelta(seconds=ends_s),
        None if hard_end_s is None else OPENS + timedelta(seconds=hard_end_s),
    )


def command(maximum: int) -> BidCommand:
    return BidCommand(LOT, UUID(int=2), UUID(int=2), maximum)


def bid(state: LotState, bidder: Bidder | str | None, maximum: int, at_s: float = 0) -> Decision:
    who = BIDDERS[bidder] if isinstance(bidder, str) else bidder
    return place_bid(state, command(maximum), who, OPENS + timedelta(seconds=at_s))


def after(state: LotState, *bids: tuple[str, int]) -> LotState:
    for name, maximum in bids:
        decision = bid(state, name, maximum)
        assert isinstance(decision, Accepted), decision
        state = decision.state
    return state


def refusal(decision: Decision) -> Refusal:
    assert isinstance(decision, Refused)
    return decision.refusal


class TestPrice:
    @pytest.mark.parametrize(
        ("bids", "price", "leader"),
        [
            ([("B01", 1_000)], 1_000, "B01"),
            ([("B01", 5_000)], 1_000, "B01"),
            ([("B01", 2_000), ("B02", 3_000)], 2_100, "B02"),
            ([("B01", 2_000), ("B02", 2_050)], 2_050, "B02"),
            ([("B01", 2_000), ("B02", 1_500)], 1_600, "B01"),
            ([("B01", 2_000), ("B02", 1_950)], 2_000, "B01"),
            ([("B01", 2_000), ("B02", 2_000)], 2_000, "B01"),
            ([("B01", 2_000), ("B01", 9_000)], 1_000, "B01"),
            ([("B01", 2_000), ("B02", 2_000), ("B01", 9_000)], 2_000, "B01"),
            ([("B01", 2_000), ("B02", 3_000), ("B01", 5_000), ("B02", 4_000)], 4_100, "B01"),
        ],
        ids="first first-high outbid outbid-by-less-than-a-step under under-by-less tie raise raise-after-tie duel".split(),
    )
    def test_is_the_second_maximum_and_one_increment(self, bids: list[tuple[str, int]], price: int, leader: str) -> None:
        state = after(lot(), *bids)
        assert (state.price_minor, state.leader_pseudonym, state.seq) == (price, leader, len(bids))

    @pytest.mark.parametrize(
        ("bids", "price", "met"),
        [
            ([("B01", 2_999)], 1_000, False),
            ([("B01", 3_000)], 3_000, True),
            ([("B01", 2_000), ("B01", 3_500)], 3_000, True),
            ([("B01", 2_000), ("B02", 4_000)], 3_000, True),
            ([("B01", 4_000), ("B02", 3_500)], 3_600, True),
            ([("B01", 2_000), ("B02", 2_500)], 2_100, False),
        ],
    )
    def test_a_maximum_at_the_reserve_lifts_to_it(self, bids: list[tuple[str, int]], price: int, met: bool) -> None:
        state = after(lot(reserve=3_000), *bids)
        assert (state.price_minor, state.reserve_met) == (price, met)

    def test_a_bid_changes_what_it_decides_and_nothing_else(self) -> None:
        before = lot(reserve=3_000, hard_end_s=2_000)
        first = bid(before, "B01", 2_000)
        led = replace(
            before, seq=1, price_minor=1_000, leader_id=BIDDERS["B01"].registration_id, leader_pseudonym="B01", maximum_minor=2_000
        )
        assert first == Accepted(led, leading=True, extended=False)
        assert bid(led, "B02", 1_500) == Accepted(replace(led, seq=2, price_minor=1_600), leading=False, extended=False)
        late = replace(led, seq=2, price_minor=1_600, ends_at=OPENS + timedelta(seconds=1_050), extensions=1)
        assert bid(led, "B02", 1_500, 990) == Accepted(late, leading=False, extended=True)

    def test_steps_follow_the_ladder_of_the_price(self) -> None:
        ladder = Ladder((0, 2_000, 5_000), (100, 300, 500))
        state = lot(bid_rules=rules(ladder=ladder))
        state = after(state, ("B01", 1_999), ("B02", 9_000))
        assert (state.price_minor, state.next_minimum_minor) == (2_099, 2_399)
        state = after(state, ("B01", 5_000))
        assert (state.price_minor, state.next_minimum_minor) == (5_500, 6_000)


class TestPlaceBid:
    @pytest.mark.parametrize(("maximum", "least"), [(999, 1_000), (1, 1_000)], ids=["a fen below", "far below"])
    def test_refuses_less_than_the_start_price(self, maximum: int, least: int) -> None:
        found = refusal(bid(lot(), "B01", maximum))
        assert isinstance(found, BidTooLow)
        assert found.fields["next_minimum_minor"] == least

    def test_refuses_less_than_a_step_over_the_price(self) -> None:
        state = after(lot(), ("B01", 2_000), ("B02", 1_500))
        found = refusal(bid(state, "B02", 1_699))
        assert (found.code, found.fields["next_minimum_minor"], found.fields["price_minor"]) == ("bid_too_low", 1_700, 1_600)
        assert isinstance(bid(state, "B02", 1_700), Accepted)

    def test_a_leader_may_not_lower_the_maximum(self) -> None:
        state = after(lot(), ("B01", 2_000))
        for maximum in (1_500, 2_000):
            found = refusal(bid(state, "B01", maximum))
            assert isinstance(found, MaximumNotRaised)
            assert found.fields == {"maximum_minor": 2_000}
            assert found.rule is not None
            assert found.rule.article == "拍卖法 第三十六条"

    def test_self_raise_is_a_setting(self) -> None:
        state = after(lot(bid_rules=rules(ladder=STEP, self_raise=False)), ("B01", 2_000))
        assert isinstance(refusal(bid(state, "B01", 9_000)), AlreadyLeading)

    @pytest.mark.parametrize("at_s", [1_000, 1_000.001, 5_000])
    def test_refuses_a_bid_at_the_exact_end(self, at_s: float) -> None:
        found = refusal(bid(lot(), "B01", 2_000, at_s))
        assert (type(found), found.fields) == (LotClosed, {"ended_at": "2026-11-24T02:16:40+00:00"})

    def test_takes_a_bid_a_microsecond_before_the_end_and_at_the_opening(self) -> None:
        assert isinstance(bid(lot(), "B01", 2_000, 999.999999), Accepted)
        assert isinstance(bid(lot(), "B01", 2_000, 0), Accepted)
        early = refusal(bid(lot(), "B01", 2_000, -0.000001))
        assert (type(early), early.fields) == (LotNotOpen, {"opens_at": "2026-11-24T02:00:00+00:00"})

    @pytest.mark.parametrize(
        ("phase", "kind"),
        [
            (LotPhase.DRAFT, LotNotOpen),
            (LotPhase.MANDATED, LotNotOpen),
            (LotPhase.ANNOUNCED, LotNotOpen),
            (LotPhase.SUSPENDED, LotSuspended),
            (LotPhase.SOLD, LotClosed),
            (LotPhase.PASSED, LotClosed),
            (LotPhase.WITHDRAWN, LotClosed),
        ],
    )
    def test_only_an_open_lot_takes_bids(self, phase: LotPhase, kind: type[Refusal]) -> None:
        found = refusal(bid(replace(lot(), phase=phase), "B01", 2_000))
        told: dict[type[Refusal], dict[str, str]] = {
            LotNotOpen: {"opens_at": "2026-11-24T02:00:00+00:00"},
            LotClosed: {"ended_at": "2026-11-24T02:16:40+00:00"},
            LotSuspended: {},
        }
        assert (type(found), found.fields) == (kind, told[kind])

    def test_who_may_not_bid(self) -> None:
        consignor = replace(BIDDERS["B01"], conflict=Conflict.CONSIGNOR)
        house = replace(BIDDERS["B01"], conflict=Conflict.HOUSE)
        found = [refusal(bid(lot(), who, 2_000)) for who in (None, consignor, house)]
        assert [type(one) for one in found] == [NotRegistered, BidderIsConsignor, BidderIsHouse]
        assert [one.rule.article if one.rule else "" for one in found[1:]] == ["拍卖法 第三十条", "拍卖法 第二十二条"]

    def test_a_suspended_party_makes_no_new_bids(self) -> None:
        suspended = replace(BIDDERS["B01"], state=RegistrationState.SUSPENDED)
        assert isinstance(refusal(bid(lot(), suspended, 2_000)), BidderSuspended)

    @pytest.mark.parametrize("state", sorted(set(RegistrationState) - {RegistrationState.REGISTERED, RegistrationState.SUSPENDED}))
    def test_a_deposit_must_be_held(self, state: RegistrationState) -> None:
        found = refusal(bid(lot(), replace(BIDDERS["B01"], state=state), 2_000))
        assert (type(found), found.fields) == (DepositNotHeld, {"state": state.value})


class TestSoftClose:
    def end(self, state: LotState) -> float:
        return (state.ends_at - OPENS).total_seconds()

    def late(self, state: LotState, name: str, maximum: int, at_s: float) -> LotState:
        decision = bid(state, name, maximum, at_s)
        assert isinstance(decision, Accepted), decision
        return decision.state

    def test_a_bid_in_the_window_moves_the_end_to_bid_time_and_extension(self) -> None:
        assert self.end(self.late(lot(), "B01", 2_000, 939.999)) == 1_000
        assert self.end(self.late(lot(), "B01", 2_000, 940)) == 1_000  # the very start of the window moves nothing
        assert self.end(self.late(lot(), "B01", 2_000, 950)) == 1_010

    @pytest.mark.parametrize(
        ("at_s", "end_s"), [(939.999, 1_000), (940, 1_030), (999, 1_089)], ids=["before", "its first moment", "last second"]
    )
    def test_the_window_includes_its_first_moment(self, at_s: float, end_s: float) -> None:
        state = lot(bid_rules=rules(ladder=STEP, window_s=60, extension_s=90))
        assert self.end(self.late(state, "B01", 2_000, at_s)) == end_s

    def test_the_first_bid_is_a_change_of_lead(self) -> None:
        state = lot(bid_rules=rules(ladder=STEP, extend_on=ExtendOn.CHANGE_OF_LEAD))
        assert self.end(self.late(state, "B01", 2_000, 990)) == 1_050

    def test_statutory_extends_on_any_bid_agreed_on_a_change_of_lead(self) -> None:
        for extend_on, expected in ((ExtendOn.ACCEPTED_BID, 1_050), (ExtendOn.CHANGE_OF_LEAD, 1_000)):
            state = after(lot(bid_rules=rules(ladder=STEP, extend_on=extend_on)), ("B01", 9_000))
            assert self.end(self.late(state, "B02", 2_000, 990)) == expected
            assert self.end(self.late(state, "B01", 9_500, 990)) == expected
            assert self.end(self.late(state, "B02", 9_500, 990)) == 1_050

    def test_the_number_of_extensions_is_capped(self) -> None:
        state = lot(bid_rules=rules(ladder=STEP, max_extensions=1))
        state = self.late(state, "B01", 2_000, 990)
        state = self.late(state, "B02", 3_000, 1_040)
        assert (self.end(state), state.extensions) == (1_050, 1)

    def test_no_extension_passes_the_hard_end(self) -> None:
        state = self.late(lot(hard_end_s=1_020), "B01", 2_000, 990)
        assert self.end(state) == 1_020
        state = self.late(state, "B02", 3_000, 1_010)
        assert (self.end(state), state.extensions) == (1_020, 1)


AMOUNTS = st.integers(min_value=900, max_value=4_000)
BIDS = st.lists(st.tuples(st.sampled_from(NAMES), AMOUNTS, st.integers(min_value=0, max_value=40)), max_size=30)


class TestProperties:
    @settings(max_examples=300, deadline=None)
    @given(
        bids=BIDS,
        reserve=st.none() | st.integers(1_000, 3_500),
        step=st.sampled_from([1, 50, 100, 700]),
        cap=st.none() | st.integers(0, 3),
        hard=st.none() | st.integers(200, 400),
        on_lead=st.booleans(),
        extension=st.integers(1, 90),
    )
    def test_agrees_with_the_naive_twin(
        self,
        bids: list[tuple[str, int, int]],
        reserve: int | None,
        step: int,
        cap: int | None,
        hard: int | None,
        on_lead: bool,
        extension: int,
    ) -> None:
        bid_rules = rules(
            ladder=Ladder((0,), (step,)),
            extend_on=ExtendOn.CHANGE_OF_LEAD if on_lead else ExtendOn.ACCEPTED_BID,
            window_s=60,
            extension_s=extension,
            max_extensions=cap,
        )
        state = lot(bid_rules=bid_rules, reserve=reserve, ends_s=200, hard_end_s=hard)
        twin = NaiveAuction(1_000, reserve, step, 200, 60, extension, hard, cap, on_lead)
        now = 0
        for name, maximum, wait in bids:
            now += wait
            decision = bid(state, name, maximum, now)
            assert twin.bid(name, maximum, now) == isinstance(decision, Accepted)
            if isinstance(decision, Accepted):
                state = decision.state
            assert state.leader_pseudonym == twin.leader()
            assert (state.price_minor or 0) == twin.price
            assert (state.ends_at - OPENS).total_seconds() == twin.end
            assert state.extensions == twin.extensions

    @settings(max_examples=200, deadline=None)
    @given(bids=BIDS, reserve=st.none() | st.integers(1_000, 3_500))
    def test_price_never_falls_and_stays_between_start_and_maximum(self, bids: list[tuple[str, int, int]], reserve: int | None) -> None:
        state = lot(reserve=reserve)
        for name, maximum, _ in bids:
            decision = bid(state, name, maximum)
            if not isinstance(decision, Accepted):
                continue
            new = decision.state
            assert new.price_minor is not None
            assert max(state.price_minor or 0, 1_000) <= new.price_minor <= new.maximum_minor
            assert new.maximum_minor >= state.maximum_minor
            assert new.seq == state.seq + 1
            if state.leader_id == BIDDERS[name].registration_id:
                assert new.price_minor in (state.price_minor, reserve)
            state = new


class TestLadder:
    @pytest.mark.parametrize(("floors", "steps"), [((1,), (1,)), ((0, 0), (1, 1)), ((0,), (0,)), ((), ()), ((0, 5), (1,))])
    def test_refuses_a_crooked_one(self, floors: tuple[int, ...], steps: tuple[int, ...]) -> None:
        with pytest.raises(ValueError):
            Ladder(floors, steps)

    def test_survives_json(self) -> None:
        for one in (rules(), rules(max_extensions=2, hard_end_s=None, self_raise=False)):
            assert BidRules.from_json(one.to_json()) == one
