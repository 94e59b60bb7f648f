"""Plans and debts as pure rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auction.reauction.domain import Debt, Plan, PlanSpent, compute_debt

FEN = st.integers(0, 10**12)


class TestPlan:
    @pytest.mark.parametrize(
        ("cut_bps", "amount", "lower"),
        [(500, 8_000_000, 7_600_000), (0, 8_000_050, 8_000_100), (2_000, 100, 100), (1_000, 12_345, 11_200), (2_000, 1, 100)],
        ids=["five percent", "whole yuan upwards", "never nothing", "rounded up", "least"],
    )
    def test_lowers_by_its_share_to_whole_yuan(self, cut_bps: int, amount: int, lower: int) -> None:
        assert Plan(1, cut_bps).lower(amount) == lower

    def test_is_spent_when_its_times_are(self) -> None:
        assert Plan(2, 500).next() == Plan(1, 500)
        assert Plan(1, 500).next() == Plan(0, 500)
        with pytest.raises(PlanSpent):
            Plan(0, 500).next()

    @given(st.integers(1, 10**12), st.integers(0, 2_000))
    def test_never_cuts_more_than_a_fifth(self, amount: int, cut_bps: int) -> None:
        assert Plan(1, cut_bps).lower(amount) >= amount * 8 // 10


class TestDebt:
    @pytest.mark.parametrize(
        ("first", "second", "commissions", "deposit", "debt", "parts"),
        [
            (9_000_000, 8_000_000, 450_000, 800_000, Debt(450_000, 1_000_000, 800_000), (650_000, 0, 650_000)),
            (9_000_000, 8_000_000, 450_000, 0, Debt(450_000, 1_000_000, 0), (1_450_000, 450_000, 1_000_000)),
            (9_000_000, 8_000_000, 450_000, 200_000, Debt(450_000, 1_000_000, 200_000), (1_250_000, 250_000, 1_000_000)),
            (9_000_000, 9_500_000, 450_000, 800_000, Debt(450_000, 0, 450_000), (0, 0, 0)),
            (9_000_000, 9_000_000, 450_000, 100_000, Debt(450_000, 0, 100_000), (350_000, 350_000, 0)),
        ],
        ids=["deposit covers commissions first", "no deposit", "not all commissions", "dearer the second time", "same price"],
    )
    def test_both_commissions_and_the_shortfall_less_the_deposit(
        self, first: int, second: int, commissions: int, deposit: int, debt: Debt, parts: tuple[int, int, int]
    ) -> None:
        found = compute_debt(first_minor=first, second_minor=second, commissions_minor=commissions, deposit_minor=deposit)
        assert found == debt
        assert (found.due_minor, found.commissions_due_minor, found.shortfall_due_minor) == parts

    @given(FEN, FEN, FEN, FEN)
    def test_the_parts_sum_and_nobody_owes_less_than_nothing(self, first: int, second: int, commissions: int, deposit: int) -> None:
        found = compute_debt(first_minor=first, second_minor=second, commissions_minor=commissions, deposit_minor=deposit)
        assert found.due_minor == max(0, commissions + max(0, first - second) - deposit)
        assert found.commissions_due_minor + found.shortfall_due_minor == found.due_minor
        assert min(found.commissions_due_minor, found.shortfall_due_minor) >= 0
