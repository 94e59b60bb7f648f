"""Rules of prices, availability and warranty."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.listings.domain import (
    Availability,
    BelowFloor,
    Channel,
    ClaimKind,
    ListingRules,
    ListingState,
    PriceOutOfBounds,
    PricePoint,
    Warranty,
    WarrantyRules,
    check_ask,
    compute_availability,
    find_comparison_price,
    find_warranty,
)
from marketplace.listings.domain.notices import Offer, list_notices
from marketplace.listings.service.tables import listing_rules, notice_lines, warranty_parts, warranty_rules

RULES = ListingRules(ask_min_minor=100_000, ask_max_minor=5_000_000_000, comparison_days=7)
START = datetime(2026, 11, 1, 2, tzinfo=UTC)


class TestCheckAsk:
    @pytest.mark.parametrize("ask", [100_000, 5_000_000_000])
    def test_bounds_are_inside(self, ask: int) -> None:
        check_ask(ask, floor_minor=None, rules=RULES)

    @pytest.mark.parametrize("ask", [99_999, 5_000_000_001, 0, -1])
    def test_refuses_outside_the_bounds(self, ask: int) -> None:
        with pytest.raises(PriceOutOfBounds) as refused:
            check_ask(ask, floor_minor=None, rules=RULES)
        assert refused.value.fields == {"min_minor": 100_000, "max_minor": 5_000_000_000}

    def test_the_floor_itself_is_allowed_and_a_fen_below_is_not(self) -> None:
        check_ask(8_000_000, floor_minor=8_000_000, rules=RULES)
        with pytest.raises(BelowFloor) as refused:
            check_ask(7_999_999, floor_minor=8_000_000, rules=RULES)
        assert refused.value.fields == {}  # the floor is not told
        assert BelowFloor.rule is not None
        assert BelowFloor.rule.article == "民法典 第九百五十五条"


class TestAvailability:
    @pytest.mark.parametrize(
        ("state", "claim", "shown"),
        [
            (ListingState.LIVE, None, Availability.AVAILABLE),
            (ListingState.LIVE, ClaimKind.ORDER, Availability.RESERVED),
            (ListingState.LIVE, ClaimKind.ACQUISITION, Availability.RESERVED),
            (ListingState.LIVE, ClaimKind.LOT, Availability.IN_AUCTION),
            (ListingState.PAUSED, None, Availability.PAUSED),
            (ListingState.PAUSED, ClaimKind.LOT, Availability.PAUSED),
            (ListingState.SOLD, ClaimKind.ORDER, Availability.SOLD),
            (ListingState.WITHDRAWN, None, Availability.WITHDRAWN),
        ],
    )
    def test_table(self, state: ListingState, claim: ClaimKind | None, shown: Availability) -> None:
        assert compute_availability(state, claim) is shown


def history(*points: tuple[int, float]) -> list[PricePoint]:
    return [PricePoint(ask, START + timedelta(days=day)) for ask, day in points]


class TestComparisonPrice:
    def test_one_price_compares_with_nothing(self) -> None:
        assert find_comparison_price(history((900, 0)), days=7) is None

    def test_a_reduction_compares_with_the_price_before(self) -> None:
        assert find_comparison_price(history((900, 0), (800, 10)), days=7) == 900

    def test_a_raise_compares_with_nothing(self) -> None:
        assert find_comparison_price(history((800, 0), (900, 10)), days=7) is None

    def test_a_price_put_up_for_show_does_not_count(self) -> None:
        # marked 800, raised to 1,000 for a day, "reduced" to 900: the lowest of the seven days is 800, so nothing is said
        assert find_comparison_price(history((800, 0), (1_000, 10), (900, 11)), days=7) is None

    def test_a_lower_price_long_ago_does_not_count(self) -> None:
        assert find_comparison_price(history((800, 0), (1_000, 2), (900, 20)), days=7) == 1_000

    def test_a_price_that_ended_exactly_seven_days_before_is_outside(self) -> None:
        assert find_comparison_price(history((800, 0), (1_000, 3), (900, 10)), days=7) == 1_000

    @given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 30)), min_size=2, max_size=8))
    def test_is_a_price_that_was_marked_and_is_higher(self, steps: list[tuple[int, int]]) -> None:
        day, points = 0, []
        for ask, gap in steps:
            day += gap
            points.append((ask, float(day)))
        found = find_comparison_price(history(*points), days=7)
        if found is not None:
            assert found in {ask for ask, _day in points[:-1]}
            assert found > points[-1][0]


class TestWarranty:
    EITHER = WarrantyRules(months=3, km=5_000, max_age_months=36, max_odometer_km=60_000, either_limit=True)
    BOTH = WarrantyRules(months=3, km=5_000, max_age_months=36, max_odometer_km=60_000, either_limit=False)

    def owed(
        self, rules: WarrantyRules, *, registered: date, km: int, channel: Channel = Channel.B2C_STORE, commercial: bool = False
    ) -> bool:
        found = find_warranty(
            channel=channel,
            is_commercial=commercial,
            first_registration_on=registered,
            odometer_km=km,
            today=date(2026, 11, 24),
            rules=rules,
        )
        assert found in {None, Warranty(3, 5_000)}
        return found is not None

    @pytest.mark.parametrize(
        ("registered", "km", "either", "both"),
        [
            (date(2024, 1, 1), 10_000, True, True),
            (date(2024, 1, 1), 60_001, True, False),
            (date(2018, 1, 1), 60_000, True, False),
            (date(2018, 1, 1), 60_001, False, False),
            (date(2023, 11, 25), 90_000, True, False),  # a day short of three years
            (date(2023, 11, 24), 90_000, False, False),  # three years today
        ],
    )
    def test_rule_10_limits_under_both_readings(self, registered: date, km: int, either: bool, both: bool) -> None:
        assert self.owed(self.EITHER, registered=registered, km=km) is either
        assert self.owed(self.BOTH, registered=registered, km=km) is both

    def test_not_for_commercial_cars_nor_between_people(self) -> None:
        assert not self.owed(self.EITHER, registered=date(2025, 1, 1), km=1, commercial=True)
        assert not self.owed(self.EITHER, registered=date(2025, 1, 1), km=1, channel=Channel.C2C_CONSIGNMENT)

    def test_tables(self) -> None:
        assert warranty_rules(date(2026, 11, 24)) == self.EITHER
        assert listing_rules(date(2026, 11, 24)) == RULES
        assert warranty_parts(date(2026, 11, 24)) == ["发动机系统", "转向系统", "传动系统", "制动系统", "悬挂系统"]


class TestNotices:
    def codes(self, **changes: object) -> list[str]:
        usual: dict[str, object] = {
            "channel": Channel.B2C_STORE,
            "seller_is_business": True,
            "is_market_own": False,
            "has_comparison": False,
            "warranty_owed": True,
        }
        offer = Offer(**(usual | changes))  # type: ignore[arg-type]
        return [one.code for one in list_notices(offer, notice_lines(date(2026, 11, 25)))]

    def test_a_dealers_offer(self) -> None:
        assert self.codes() == ["all_in_price", "true_disclosure", "papers", "warranty", "seven_day_return", "fraud_threefold"]

    def test_each_condition_brings_its_line(self) -> None:
        assert "true_comparison" in self.codes(has_comparison=True)
        assert "no_statutory_warranty" in self.codes(warranty_owed=False)
        assert "market_own" in self.codes(is_market_own=True)
        private = self.codes(channel=Channel.C2C_VIRTUAL, seller_is_business=False, warranty_owed=False)
        assert private == ["all_in_price", "true_disclosure", "papers", "intermediary"]
        assert "commission_agency" in self.codes(channel=Channel.C2C_CONSIGNMENT, warranty_owed=False)

    def test_every_line_names_an_article_and_speaks_twice(self) -> None:
        for line in notice_lines(date(2026, 11, 25)):
            assert all(line[name] for name in ("code", "article", "zh", "en"))
