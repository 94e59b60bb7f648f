"""Lines and portfolios as pure rules, against a naive twin that adds everything up."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auction.lines.domain import (
    Book,
    DepositTooSmall,
    Line,
    LineExhausted,
    LineNotActive,
    LineState,
    LineTerms,
    PortfolioFull,
    Reservation,
    Wish,
    choose,
    need,
)

A, B = UUID(int=1), UUID(int=2)
LOT, OTHER = UUID(int=11), UUID(int=12)
ONE, TWO = UUID(int=21), UUID(int=22)


def line(line_id: UUID = A, *, limit: int = 1_000, reserved: int = 0, leads: int = 0, most: int | None = None) -> Line:
    return Line(line_id, limit, reserved, leads, most, LineState.ACTIVE)


def book(*lines: Line) -> Book:
    return Book({one.id: one for one in lines})


class TestNeed:
    @pytest.mark.parametrize(("maximum", "bps", "needed"), [(10_000, 250, 10_250), (10_000, 0, 10_000), (101, 500, 106)])
    def test_is_the_maximum_and_the_fee_on_it(self, maximum: int, bps: int, needed: int) -> None:
        assert need(maximum, bps) == needed


class TestBook:
    def test_carries_what_is_free_to_the_fen(self) -> None:
        found = book(line(limit=1_000, reserved=400, leads=1))
        assert found.find_refusal(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=600) is None
        refusal = found.find_refusal(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=601)
        assert isinstance(refusal, LineExhausted)
        assert refusal.fields == {"needed_minor": 601, "free_minor": 600}

    def test_ones_own_reservation_on_the_lot_is_replaced(self) -> None:
        found = book(line(limit=1_000))
        found.reserve(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=700)
        assert found.find_refusal(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=1_000) is None
        assert isinstance(found.find_refusal(lot_id=OTHER, registration_id=TWO, line_id=A, amount_minor=301), LineExhausted)
        found.reserve(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=900)
        assert (found.lines[A].reserved_minor, found.lines[A].leads) == (900, 1)

    def test_outbid_is_free_again(self) -> None:
        found = book(line(A), line(B))
        found.reserve(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=700)
        found.reserve(lot_id=LOT, registration_id=TWO, line_id=B, amount_minor=800)
        found.release_others(lot_id=LOT, registration_id=TWO)
        assert found.held == {LOT: {TWO: Reservation(B, 800)}}
        assert (found.lines[A].reserved_minor, found.lines[A].leads, found.touched) == (0, 0, {LOT})
        found.release_others(lot_id=LOT, registration_id=None)
        assert found.held == {LOT: {}}

    def test_a_portfolio_leads_no_more_than_it_may_win(self) -> None:
        found = book(line(most=1))
        found.reserve(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=100)
        assert isinstance(found.find_refusal(lot_id=OTHER, registration_id=TWO, line_id=A, amount_minor=1), PortfolioFull)
        assert found.find_refusal(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=200) is None

    @pytest.mark.parametrize("state", [one for one in LineState if one is not LineState.ACTIVE])
    def test_only_an_active_line_bids(self, state: LineState) -> None:
        one = line()
        one.state = state
        refusal = book(one).find_refusal(lot_id=LOT, registration_id=ONE, line_id=A, amount_minor=1)
        assert isinstance(refusal, LineNotActive)
        assert refusal.fields == {"state": state.value}

    @given(st.lists(st.tuples(st.sampled_from([LOT, OTHER]), st.sampled_from([(ONE, A), (TWO, B)]), st.integers(1, 1_500), st.booleans())))
    def test_reserved_is_the_sum_of_what_is_held_and_never_above_the_limit(
        self, steps: list[tuple[UUID, tuple[UUID, UUID], int, bool]]
    ) -> None:
        found = book(line(A), line(B, most=1))
        for lot, (registration, line_id), amount, leads in steps:
            if found.find_refusal(lot_id=lot, registration_id=registration, line_id=line_id, amount_minor=amount) is None:
                found.reserve(lot_id=lot, registration_id=registration, line_id=line_id, amount_minor=amount)
                if leads:
                    found.release_others(lot_id=lot, registration_id=registration)
            for one in found.lines.values():
                held = [entry.amount_minor for lots in found.held.values() for entry in lots.values() if entry.line_id == one.id]
                assert (one.reserved_minor, one.leads) == (sum(held), len(held))
                assert one.reserved_minor <= one.limit_minor
                assert one.leads_max is None or one.leads <= one.leads_max


def wish(number: int, maximum: int, *, least: int = 1, is_open: bool = True, holds: bool = False) -> Wish:
    return Wish(UUID(int=number), maximum, 0, least, is_open, holds)


class TestChoose:
    def test_the_first_that_may_be_won_within_the_budget(self) -> None:
        wishes = [wish(1, 400), wish(2, 300, is_open=False), wish(3, 300, least=301), wish(4, 200, holds=True), wish(5, 700), wish(6, 600)]
        chosen = choose(wishes, leads=1, leads_max=3, free_minor=1_000)
        assert [one.lot_id.int for one in chosen] == [1, 6]  # 5 does not fit beside 1

    def test_nothing_when_as_many_are_led_as_may_be_won(self) -> None:
        assert choose([wish(1, 1)], leads=2, leads_max=2, free_minor=10) == []

    @given(st.lists(st.builds(wish, st.integers(1, 99), st.integers(1, 500), least=st.integers(1, 500), is_open=st.booleans(),
                              holds=st.booleans()), max_size=8), st.integers(0, 3), st.integers(1, 3), st.integers(0, 1_000))  # fmt: skip
    def test_never_over_bought(self, wishes: list[Wish], leads: int, most: int, free: int) -> None:
        chosen = choose(wishes, leads=leads, leads_max=most, free_minor=free)
        assert sum(need(one.maximum_minor, one.fee_bps) for one in chosen) <= free
        assert not chosen or leads + len(chosen) <= most
        assert all(one.is_open and not one.holds and one.next_minimum_minor <= one.maximum_minor for one in chosen)


class TestTerms:
    def test_the_limit_is_a_multiple_and_the_deposit_carries_the_budget(self) -> None:
        terms = LineTerms(10, 1_000_000)
        assert terms.limit(1_000_000) == 10_000_000
        with pytest.raises(DepositTooSmall):
            terms.limit(999_999)
        assert [terms.deposit_for(budget) for budget in (50_000_000, 50_000_001, 1_000)] == [5_000_000, 5_000_100, 100]
