"""Market comparison: factors by table or stated, the mean of three or more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.appraisal.domain import Coefficients, Comparable, FactorMissing, Reference, Subject, TooFewComparables
from valuation.appraisal.domain import compute_market_value as compute
from valuation.appraisal.domain import decide_factors as decide

TABLE = Coefficients(age_month_bps=-80, mileage_10k_km_bps=-150, score_point_bps=50, factor_min_bps=5_000, factor_max_bps=20_000)
OURS = Subject(age_months=60, odometer_km=60_000, score_tenths=850)


def reference(**changes: object) -> Reference:
    given = {
        "source": "成交",
        "price_minor": 10_000_000,
        "sold_on": "2026-10-18",
        "age_months": 58,
        "odometer_km": 45_000,
        "score_tenths": 880,
    }
    return Reference(**{**given, **changes})  # type: ignore[arg-type]


class TestDecideFactors:
    def test_by_the_table(self) -> None:
        assert decide(OURS, reference(), TABLE) == Comparable("成交", 10_000_000, 9_840, 10_000, 9_850, 9_775)

    def test_a_stated_factor_stands(self) -> None:
        found = decide(OURS, reference(stated={"time": 9_500, "region": 10_300}), TABLE)
        assert (found.time_bps, found.region_bps, found.score_bps) == (9_500, 10_300, 9_850)

    def test_what_the_facts_do_not_give_must_be_stated(self) -> None:
        with pytest.raises(FactorMissing) as refused:
            decide(OURS, reference(odometer_km=None, age_months=None), TABLE)
        assert refused.value.fields["factors"] == ["time", "mileage"]

    def test_an_accident_cars_score_says_nothing(self) -> None:
        ours = Subject(60, 60_000, None)
        with pytest.raises(FactorMissing):
            decide(ours, reference(), TABLE)
        assert decide(ours, reference(stated={"score": 7_000}), TABLE).score_bps == 7_000

    def test_a_factor_stays_within_its_bounds(self) -> None:
        assert decide(OURS, reference(age_months=600, odometer_km=0), TABLE).time_bps == 20_000
        assert decide(OURS, reference(odometer_km=2_000_000), TABLE).mileage_bps == 20_000
        assert decide(Subject(600, 60_000, 850), reference(age_months=0), TABLE).time_bps == 5_000


class TestComputeMarketValue:
    def test_each_is_rounded_half_up_and_the_mean_too(self) -> None:
        one = Comparable("甲", 10_000_000, 9_840, 10_000, 9_850, 9_775)
        two = Comparable("乙", 9_000_001, 10_000, 10_000, 10_000, 10_000)
        three = Comparable("丙", 5, 5_000, 10_000, 10_000, 10_000)  # 2.5 fen
        found = compute([one, two, three])
        assert found.adjusted_minor == (9_474_321, 9_000_001, 3)
        assert found.value_minor == 6_158_108

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_wants_three(self, count: int) -> None:
        with pytest.raises(TooFewComparables) as refused:
            compute([Comparable("甲", 1_000, 10_000, 10_000, 10_000, 10_000)] * count)
        assert refused.value.fields == {"needed": 3, "found": count}

    @given(st.lists(st.integers(1, 10**10), min_size=3, max_size=20))
    def test_lies_between_the_cheapest_and_the_dearest(self, prices: list[int]) -> None:
        found = compute([Comparable("甲", price, 10_000, 10_000, 10_000, 10_000) for price in prices])
        assert found.adjusted_minor == tuple(prices)
        assert min(prices) <= found.value_minor <= max(prices)
