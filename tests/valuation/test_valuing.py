"""The replacement-cost formula against its vector and its bounds."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.appraisal.domain import (
    AppraisalState,
    ReplacementCost,
    WrongStep,
    compute_replacement_value,
    decide_transition,
    months_between,
    service_life_months,
    step_of,
)

VECTOR = ReplacementCost(
    new_price_minor=18_000_000, plate_fee_minor=12_500, age_months=42, life_months=180, score_tenths=820, alpha_bps=6_000
)


class TestReplacementValue:
    def test_the_vector(self) -> None:
        found = compute_replacement_value(VECTOR)
        assert found.purchase_tax_minor == 1_592_920
        assert found.replacement_cost_minor == 19_605_420
        assert found.age_ratio_bps == 7_667
        assert found.technical_ratio_bps == 8_200
        assert found.combined_ratio_bps == 7_880
        assert found.value_minor == 15_449_071

    def test_past_its_life_only_the_technical_ratio_counts(self) -> None:
        found = compute_replacement_value(ReplacementCost(18_000_000, 0, 400, 180, 500, 6_000))
        assert (found.age_ratio_bps, found.combined_ratio_bps) == (0, 2_000)

    @pytest.mark.parametrize(("life", "alpha"), [(180, 10_001), (180, -1), (0, 6_000), (-1, 6_000)])
    def test_refuses_a_weight_outside_one_and_a_life_of_nothing(self, life: int, alpha: int) -> None:
        with pytest.raises(ValueError, match=r"^life must be positive and alpha between 0 and 10000$"):
            compute_replacement_value(ReplacementCost(1, 0, 0, life, 0, alpha))

    @pytest.mark.parametrize(("age", "life", "alpha", "combined"), [(0, 1, 10_000, 10_000), (1, 1, 10_000, 0), (0, 1, 0, 500)])
    def test_the_bounds_themselves_are_allowed(self, age: int, life: int, alpha: int, combined: int) -> None:
        assert compute_replacement_value(ReplacementCost(10**7, 0, age, life, 50, alpha)).combined_ratio_bps == combined

    def test_halves_are_rounded_up(self) -> None:
        found = compute_replacement_value(ReplacementCost(25, 0, 3, 32, 1_000, 10_000, vat_bps=0))
        assert found.purchase_tax_minor == 3  # 0.025 yuan
        assert found.age_ratio_bps == 9_063  # 29 / 32 = 0.90625

    @given(
        price=st.integers(1, 10**10),
        age=st.integers(0, 400),
        score=st.integers(0, 1_000),
        alpha=st.integers(0, 10_000),
        older=st.integers(1, 60),
    )
    def test_bounded_and_never_dearer_with_age(self, price: int, age: int, score: int, alpha: int, older: int) -> None:
        now = compute_replacement_value(ReplacementCost(price, 12_500, age, 180, score, alpha))
        later = compute_replacement_value(ReplacementCost(price, 12_500, age + older, 180, score, alpha))
        assert 0 <= later.value_minor <= now.value_minor <= now.replacement_cost_minor

    @given(score=st.integers(0, 999), alpha=st.integers(0, 10_000))
    def test_a_better_score_never_lowers_it(self, score: int, alpha: int) -> None:
        low = compute_replacement_value(ReplacementCost(10**7, 0, 60, 180, score, alpha))
        high = compute_replacement_value(ReplacementCost(10**7, 0, 60, 180, score + 1, alpha))
        assert low.value_minor <= high.value_minor


class TestMonths:
    @pytest.mark.parametrize(
        ("start", "end", "months"),
        [
            (date(2020, 5, 24), date(2023, 11, 24), 42),
            (date(2020, 5, 25), date(2023, 11, 24), 41),
            (date(2023, 1, 31), date(2023, 2, 28), 0),
            (date(2023, 2, 1), date(2023, 1, 1), 0),
        ],
    )
    def test_whole_months(self, start: date, end: date, months: int) -> None:
        assert months_between(start, end) == months

    def test_life_is_the_limit_or_the_cars_own_age(self) -> None:
        assert service_life_months(8, 20, private_years=15) == 96
        assert service_life_months(None, 20, private_years=15) == 180
        assert service_life_months(None, 200, private_years=15) == 200


class TestProcedure:
    def test_not_tradable_is_terminal(self) -> None:
        for to in AppraisalState:
            with pytest.raises(WrongStep):
                decide_transition(AppraisalState.NOT_TRADABLE, to)

    def test_an_issued_report_can_only_be_superseded(self) -> None:
        assert decide_transition(AppraisalState.ISSUED, AppraisalState.SUPERSEDED) is AppraisalState.SUPERSEDED
        with pytest.raises(WrongStep) as refused:
            decide_transition(AppraisalState.ISSUED, AppraisalState.INSPECTED)
        assert refused.value.fields == {"state": "issued", "wanted": "inspected", "next_states": ["superseded"]}

    @pytest.mark.parametrize(
        ("state", "following"),
        [
            ("requested", {"accepted", "not_tradable", "declined"}),
            ("accepted", {"engaged", "not_tradable", "declined"}),
            ("engaged", {"inspected", "not_tradable", "declined"}),
            ("inspected", {"inspected", "valued", "signing", "declined"}),
            ("valued", {"inspected", "valued", "signing", "declined"}),
            ("signing", {"issued"}),
            ("issued", {"superseded"}),
            ("declined", set()),
            ("not_tradable", set()),
            ("superseded", set()),
        ],
    )
    def test_a_state_is_followed_by_these_alone(self, state: str, following: set[str]) -> None:
        allowed = set()
        for to in AppraisalState:
            with suppress(WrongStep):
                allowed.add(decide_transition(AppraisalState(state), to).value)
        assert allowed == following

    def test_nothing_is_inspected_before_it_is_accepted(self) -> None:
        with pytest.raises(WrongStep):
            decide_transition(AppraisalState.REQUESTED, AppraisalState.INSPECTED)

    def test_steps_never_go_back_along_the_way(self) -> None:
        way = [AppraisalState.REQUESTED, AppraisalState.ENGAGED, AppraisalState.INSPECTED, AppraisalState.VALUED, AppraisalState.SIGNING]
        steps = [step_of(state) for state in [*way, AppraisalState.ISSUED]]
        assert steps == sorted(steps)
