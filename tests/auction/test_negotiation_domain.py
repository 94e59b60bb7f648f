"""Negotiating as pure rules: whose turn, which amounts, until when."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auction.negotiation import domain
from auction.negotiation.domain import (
    AboveOwnBid,
    AboveReserve,
    Clocks,
    CounterNotAbove,
    CounterNotBelow,
    CounterRefused,
    NegotiationOver,
    NegotiationState,
    NoMoreCounters,
    NotYourTurn,
    OfferChanged,
    Side,
    Standing,
)
from marketplace.core.errors import Refusal

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
DAY_END = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLOCKS = Clocks(if_bid_least=4 * HOUR, answer=24 * HOUR, last=72 * HOUR, counters_a_side=3, second_chance=24 * HOUR)


def if_bid(*, bid: int = 880, reserve: int | None = 900, at: datetime = AT) -> Standing:
    return domain.open_if_bid(bid_minor=bid, ceiling_minor=reserve, at=at, end_of_day=DAY_END, clocks=CLOCKS)


class TestIfBid:
    @pytest.mark.parametrize(
        ("at", "answer_by"),
        [(AT, DAY_END), (DAY_END - 4 * HOUR, DAY_END), (DAY_END - 4 * HOUR + timedelta(seconds=1), DAY_END + 24 * HOUR)],
        ids=["today", "just today", "too late for today"],
    )
    def test_the_bid_stands_to_the_end_of_the_day(self, at: datetime, answer_by: datetime) -> None:
        opened = if_bid(at=at)
        assert (opened.offered_by, opened.offer_minor, opened.answer_by) == (Side.BIDDER, 880, answer_by)
        assert opened.last_at == answer_by + 72 * HOUR

    def test_the_consignor_may_take_it(self) -> None:
        agreed = domain.accept(if_bid(), by=Side.CONSIGNOR, amount_minor=880, at=AT)
        assert (agreed.state, agreed.offer_minor) == (NegotiationState.AGREED, 880)

    def test_nobody_accepts_what_does_not_stand(self) -> None:
        with pytest.raises(OfferChanged) as refused:
            domain.accept(if_bid(), by=Side.CONSIGNOR, amount_minor=881, at=AT)
        assert refused.value.fields == {"offer_minor": 880}

    def test_ones_own_offer_stands(self) -> None:
        acts = (
            partial(domain.decline, by=Side.BIDDER, at=AT),
            partial(domain.accept, by=Side.BIDDER, amount_minor=880, at=AT),
            partial(domain.counter, by=Side.BIDDER, amount_minor=890, at=AT, clocks=CLOCKS),
        )
        for act in acts:
            with pytest.raises(NotYourTurn) as refused:
                act(if_bid())
            assert refused.value.rule is not None
            assert refused.value.rule.article == "民法典 第四百七十六条"

    @pytest.mark.parametrize(("amount", "refusal"), [(880, CounterNotAbove), (1, CounterNotAbove), (901, AboveReserve)])
    def test_the_first_ask_lies_above_the_bid_and_not_above_the_reserve(self, amount: int, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            domain.counter(if_bid(), by=Side.CONSIGNOR, amount_minor=amount, at=AT, clocks=CLOCKS)

    def test_asks_fall_offers_rise_and_three_counters_are_the_most(self) -> None:
        one = if_bid()
        for number, (by, amount) in enumerate(
            [
                (Side.CONSIGNOR, 900),
                (Side.BIDDER, 882),
                (Side.CONSIGNOR, 898),
                (Side.BIDDER, 884),
                (Side.CONSIGNOR, 896),
                (Side.BIDDER, 886),
            ]
        ):
            at = AT + number * HOUR
            one = domain.counter(one, by=by, amount_minor=amount, at=at, clocks=CLOCKS)
            assert (one.offered_by, one.offer_minor, one.answer_by) == (by, amount, at + 24 * HOUR)
        with pytest.raises(NoMoreCounters):
            domain.counter(one, by=Side.CONSIGNOR, amount_minor=890, at=AT + 6 * HOUR, clocks=CLOCKS)
        assert domain.accept(one, by=Side.CONSIGNOR, amount_minor=886, at=AT + 6 * HOUR).offer_minor == 886

    @pytest.mark.parametrize(
        ("by", "amount", "refusal"),
        [(Side.BIDDER, 880, CounterNotAbove), (Side.BIDDER, 895, CounterNotBelow), (Side.BIDDER, 896, CounterNotBelow)],
    )
    def test_a_counter_lies_strictly_between_the_two(self, by: Side, amount: int, refusal: type[Refusal]) -> None:
        asked = domain.counter(if_bid(), by=Side.CONSIGNOR, amount_minor=895, at=AT, clocks=CLOCKS)
        with pytest.raises(refusal):
            domain.counter(asked, by=by, amount_minor=amount, at=AT, clocks=CLOCKS)

    def test_no_clock_runs_beyond_the_last(self) -> None:
        late = DAY_END - timedelta(seconds=1)
        one = domain.counter(if_bid(), by=Side.CONSIGNOR, amount_minor=900, at=late, clocks=CLOCKS)
        for step, (by, amount) in enumerate([(Side.BIDDER, 881), (Side.CONSIGNOR, 899), (Side.BIDDER, 882)], start=1):
            one = domain.counter(one, by=by, amount_minor=amount, at=late + step * 23 * HOUR, clocks=CLOCKS)
        assert one.answer_by == one.last_at == DAY_END + 72 * HOUR

    def test_silence_is_no_and_a_late_answer_too(self) -> None:
        one = if_bid()
        assert domain.lapse(one, at=DAY_END - timedelta(microseconds=1)) is None
        lapsed = domain.lapse(one, at=DAY_END)
        assert lapsed is not None
        assert lapsed.state is NegotiationState.LAPSED
        assert domain.lapse(lapsed, at=DAY_END) is None
        with pytest.raises(NegotiationOver) as refused:
            domain.accept(one, by=Side.CONSIGNOR, amount_minor=880, at=DAY_END)
        assert refused.value.fields == {"state": "lapsed"}


class TestOffersOfTheConsignor:
    def test_a_private_offer_binds_the_consignor_alone(self) -> None:
        one = domain.open_private_offer(ask_minor=900, ceiling_minor=900, at=AT, clocks=CLOCKS)
        assert (one.offered_by, one.answer_by, one.bid_minor) == (Side.CONSIGNOR, AT + 24 * HOUR, None)
        countered = domain.counter(one, by=Side.BIDDER, amount_minor=850, at=AT, clocks=CLOCKS)
        assert domain.accept(countered, by=Side.CONSIGNOR, amount_minor=850, at=AT).state is NegotiationState.AGREED
        with pytest.raises(AboveReserve):
            domain.open_private_offer(ask_minor=901, ceiling_minor=900, at=AT, clocks=CLOCKS)

    def test_a_second_chance_is_taken_or_left(self) -> None:
        one = domain.open_second_chance(ask_minor=850, own_bid_minor=850, at=AT, clocks=CLOCKS)
        with pytest.raises(CounterRefused):
            domain.counter(one, by=Side.BIDDER, amount_minor=840, at=AT, clocks=CLOCKS)
        assert domain.decline(one, by=Side.BIDDER, at=AT).state is NegotiationState.DECLINED
        with pytest.raises(AboveOwnBid):
            domain.open_second_chance(ask_minor=851, own_bid_minor=850, at=AT, clocks=CLOCKS)


MOVES = st.lists(st.tuples(st.sampled_from(["accept", "decline", "counter"]), st.sampled_from(list(Side)), st.integers(1, 1_200),
                           st.integers(0, 30)), max_size=20)  # fmt: skip


class TestAlways:
    @given(bid=st.integers(1, 1_000), above=st.integers(1, 200), moves=MOVES)
    def test_a_price_lies_between_bid_and_reserve_and_it_comes_to_an_end(self, bid: int, above: int, moves: list[Any]) -> None:
        """Twin: whatever is said, the two amounts close in on each other, and no clock passes the last."""
        reserve = bid + above
        one, at = if_bid(bid=bid, reserve=reserve), AT
        for act, by, amount, hours in moves:
            at += hours * HOUR
            before = one
            try:
                if act == "counter":
                    one = domain.counter(one, by=by, amount_minor=amount, at=at, clocks=CLOCKS)
                elif act == "accept":
                    one = domain.accept(one, by=by, amount_minor=amount, at=at)
                else:
                    one = domain.decline(one, by=by, at=at)
            except Refusal:
                assert one is before
                continue
            assert before.state is NegotiationState.OPEN
            assert (one.bid_minor or 0) >= (before.bid_minor or 0) >= bid
            assert (one.ask_minor or reserve) <= (before.ask_minor or reserve) <= reserve
            assert one.answer_by <= one.last_at
            assert max(one.consignor_counters, one.bidder_counters) <= 3
            if one.state is NegotiationState.AGREED:
                assert bid <= one.offer_minor <= reserve
                assert one.offered_by is not by
        closed = domain.lapse(one, at=one.last_at)
        assert one.state is not NegotiationState.OPEN or (closed is not None and closed.state is NegotiationState.LAPSED)
