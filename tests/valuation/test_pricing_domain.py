"""Rules of estimates that need no model."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import rules
from valuation.partners.domain import QuotaUsedUp, decide_quota
from valuation.pricing.domain import (
    Bounds,
    CarFacts,
    Confidence,
    PricePurpose,
    RefusalReason,
    age_months_between,
    compute_purpose_ratio,
    confidence_of,
    find_refusal,
    round_price,
)

TODAY = date(2026, 11, 24)
VALUES = dict(rules.load(Path("valuation/pricing/tables/bounds.toml"), on=TODAY).values)
BOUNDS = Bounds(**(VALUES | {"confidence_bps": tuple(VALUES["confidence_bps"])}))
PURPOSES = rules.load(Path("valuation/pricing/tables/purposes.toml"), on=TODAY).values
CAR = CarFacts(brand="宝马", series="3系", model_year=2021, first_registration_on=date(2021, 5, 18), mileage_km=46_000)


class TestAge:
    @pytest.mark.parametrize(
        ("start", "end", "months"),
        [
            (date(2021, 5, 24), date(2026, 11, 24), 66),
            (date(2021, 5, 25), date(2026, 11, 24), 65),
            (date(2021, 5, 23), date(2026, 11, 24), 66),
            (date(2026, 11, 24), date(2026, 11, 24), 0),
            (date(2026, 12, 1), date(2026, 11, 24), 0),
        ],
    )
    def test_whole_months_and_never_below_none(self, start: date, end: date, months: int) -> None:
        assert age_months_between(start, end) == months


class TestFindRefusal:
    def test_an_ordinary_car_is_inside(self) -> None:
        assert find_refusal(CAR, on=TODAY, bounds=BOUNDS) is None

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"first_registration_on": date(2010, 10, 23), "model_year": 2010}, RefusalReason.TOO_OLD),
            ({"first_registration_on": date(2026, 11, 25), "model_year": 2026}, RefusalReason.NOT_REGISTERED_YET),
            ({"model_year": 2015}, RefusalReason.MODEL_YEAR_CONTRADICTS_REGISTRATION),
            ({"model_year": 2023}, RefusalReason.MODEL_YEAR_CONTRADICTS_REGISTRATION),
            ({"mileage_km": 290_001}, RefusalReason.MILEAGE_OUT_OF_RANGE),
            ({"use_type": "taxi"}, RefusalReason.COMMERCIAL_USE),
            ({"kind": "truck_light"}, RefusalReason.NOT_A_PASSENGER_CAR),
        ],
    )
    def test_names_the_reason(self, change: dict[str, object], reason: RefusalReason) -> None:
        assert find_refusal(replace(CAR, **change), on=TODAY, bounds=BOUNDS) is reason  # type: ignore[arg-type]  # one field each

    @pytest.mark.parametrize(
        "change",
        [
            {"first_registration_on": date(2010, 10, 25), "model_year": 2010},
            {"first_registration_on": TODAY, "model_year": 2026, "mileage_km": 16_000},
            {"first_registration_on": date(2026, 10, 24), "model_year": 2026, "mileage_km": 24_000},
            {"mileage_km": 290_000},
            {"model_year": 2022},
            {"model_year": 2016},
            {"model_year": None},
        ],
    )
    def test_what_lies_on_the_edge_is_inside(self, change: dict[str, object]) -> None:
        assert find_refusal(replace(CAR, **change), on=TODAY, bounds=BOUNDS) is None  # type: ignore[arg-type]  # one field each

    def test_a_young_car_cannot_have_driven_that_far(self) -> None:
        edge = replace(CAR, first_registration_on=date(2026, 10, 24), model_year=2026, mileage_km=24_001)
        assert find_refusal(edge, on=TODAY, bounds=BOUNDS) is RefusalReason.MILEAGE_OUT_OF_RANGE
        young = replace(CAR, first_registration_on=date(2026, 10, 1), model_year=2026, mileage_km=60_000)
        assert find_refusal(young, on=TODAY, bounds=BOUNDS) is RefusalReason.MILEAGE_OUT_OF_RANGE


class TestConfidence:
    @pytest.mark.parametrize(
        ("width_bps", "letter"),
        [
            (0, Confidence.A),
            (2_000, Confidence.A),
            (2_001, Confidence.B),
            (3_000, Confidence.B),
            (4_500, Confidence.C),
            (4_501, Confidence.D),
        ],
    )
    def test_by_width(self, width_bps: int, letter: Confidence) -> None:
        assert confidence_of(width_bps, BOUNDS) is letter

    def test_a_table_without_a_limit_for_each_letter_is_our_mistake(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            confidence_of(4_501, replace(BOUNDS, confidence_bps=(2_000, 3_000)))  # type: ignore[arg-type]  # one limit is missing


class TestPurposeRatio:
    def test_retail_is_the_model_itself(self) -> None:
        ratio = compute_purpose_ratio(PricePurpose.RETAIL_ASK, 10**7, PURPOSES)
        assert (ratio.median_bps, ratio.low_bps, ratio.high_bps, ratio.coverage_known) == (10_000, 10_000, 10_000, True)

    @given(st.sampled_from([PricePurpose.TRADE_IN, PricePurpose.AUCTION_HAMMER]), st.integers(1, 10**11))
    def test_others_lie_below_and_promise_no_coverage(self, purpose: PricePurpose, retail_minor: int) -> None:
        ratio = compute_purpose_ratio(purpose, retail_minor, PURPOSES)
        assert ratio.low_bps < ratio.median_bps < ratio.high_bps < 10_000
        assert not ratio.coverage_known
        assert ratio.source

    def test_cheap_cars_lose_more(self) -> None:
        cheap = compute_purpose_ratio(PricePurpose.TRADE_IN, 2_000_000, PURPOSES)
        dear = compute_purpose_ratio(PricePurpose.TRADE_IN, 2_000_000_00, PURPOSES)
        assert cheap.median_bps < dear.median_bps


class TestRoundPrice:
    @pytest.mark.parametrize(("minor", "rounded"), [(16_254_999, 16_250_000), (16_255_000, 16_260_000), (1, 10_000)])
    def test_to_hundreds_of_yuan(self, minor: int, rounded: int) -> None:
        found = round_price(minor)
        assert (found, type(found)) == (rounded, int)


class TestQuota:
    def test_the_last_call_still_counts(self) -> None:
        assert decide_quota(49, 1, 50, retry_after_s=9) == 50

    def test_refuses_what_goes_beyond(self) -> None:
        with pytest.raises(QuotaUsedUp) as refused:
            decide_quota(49, 2, 50, retry_after_s=9)
        assert refused.value.retry_after_s == 9
