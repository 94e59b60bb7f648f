"""The scrapping date and the odometer's history, as pure rules."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.vehicles.domain import (
    OdometerSource,
    Reading,
    RollBack,
    UseType,
    VehicleKind,
    find_roll_back,
)
from marketplace.vehicles.domain.scrapping import add_years, class_of, scrapping_on
from marketplace.vehicles.service.eligibility import trade_rules

TODAY = date(2026, 11, 24)
RULES = trade_rules(TODAY)


class TestScrapping:
    def test_the_factory_day_counts_after_two_years_in_the_yard(self) -> None:
        terms = {"commercial_small": 10}
        common: dict[str, Any] = {"kind": VehicleKind.PASSENGER_SMALL, "use_type": UseType.COACH, "years": terms}
        assert scrapping_on(**common, first_registration_on=date(2015, 6, 2), manufactured_on=date(2013, 6, 1)) == date(2023, 6, 1)
        assert scrapping_on(**common, first_registration_on=date(2015, 6, 1), manufactured_on=date(2013, 6, 1)) == date(2025, 6, 1)
        assert scrapping_on(**(common | {"use_type": UseType.POLICE}), first_registration_on=date(2015, 6, 1), manufactured_on=None) is None

    @pytest.mark.parametrize(
        ("kind", "use", "row"),
        [
            (VehicleKind.PASSENGER_MICRO, UseType.TAXI, "taxi_small"),
            (VehicleKind.PASSENGER_SMALL, UseType.TAXI_TO_PRIVATE, "taxi_small"),
            (VehicleKind.PASSENGER_MEDIUM, UseType.RIDE_HAILING, "ride_hailing_medium"),
            (VehicleKind.PASSENGER_LARGE, UseType.RIDE_HAILING_TO_PRIVATE, "ride_hailing_large"),
            (VehicleKind.PASSENGER_SMALL, UseType.RENTAL, "rental_small"),
            (VehicleKind.PASSENGER_SMALL, UseType.DRIVING_SCHOOL, "driving_school_small"),
            (VehicleKind.PASSENGER_LARGE, UseType.CITY_BUS, "city_bus_large"),
            (VehicleKind.PASSENGER_LARGE, UseType.SCHOOL_BUS, "school_bus_large"),
            (VehicleKind.PASSENGER_SMALL, UseType.COMMERCIAL_TO_PRIVATE, "commercial_small"),
            (VehicleKind.PASSENGER_SMALL, UseType.DANGEROUS_GOODS, "commercial_small"),
            (VehicleKind.PASSENGER_MEDIUM, UseType.AMBULANCE, "non_commercial_medium"),
            (VehicleKind.TRUCK_HEAVY, UseType.DANGEROUS_GOODS, "truck_dangerous_goods"),
            (VehicleKind.TRUCK_HEAVY, UseType.FREIGHT, "truck_heavy"),
            (VehicleKind.MOTORCYCLE, UseType.DANGEROUS_GOODS, "motorcycle"),
        ],
    )
    def test_the_row_of_the_table(self, kind: VehicleKind, use: UseType, row: str) -> None:
        assert class_of(kind, use) == row

    def test_leap_days(self) -> None:
        assert add_years(date(2024, 2, 29), 1) == date(2025, 2, 28)
        assert add_years(date(2024, 2, 29), 4) == date(2028, 2, 29)

    def test_every_class_of_the_table_is_a_class(self) -> None:
        classes = {class_of(kind, use) for kind in VehicleKind for use in UseType}
        assert set(RULES.scrapping_years) <= classes
        assert set(RULES.guiding_km) <= classes


READINGS = st.lists(
    st.builds(Reading, st.integers(0, 300_000), st.dates(date(2015, 1, 1), TODAY), st.sampled_from(OdometerSource)), max_size=8
)


class TestRollBack:
    def test_the_first_step_back_is_told(self) -> None:
        steps = [(10_000, 1), (90_000, 2), (60_000, 3), (95_000, 4)]
        readings = [Reading(km, date(2026, 1, day), OdometerSource.HOLDER) for km, day in steps]
        back = find_roll_back(list(reversed(readings)))
        assert back is not None
        assert (back.from_km, back.to_km, back.on.day) == (90_000, 60_000, 3)

    @pytest.mark.parametrize(("back_to", "is_told"), [(89_501, False), (89_500, False), (89_499, True)])
    def test_a_step_back_within_the_tolerance_is_none(self, back_to: int, is_told: bool) -> None:
        readings = [Reading(90_000, date(2026, 1, 1), OdometerSource.HOLDER), Reading(back_to, date(2026, 1, 2), OdometerSource.INSPECTION)]
        assert (find_roll_back(readings, tolerance_km=500) is not None) is is_told

    def test_without_a_tolerance_one_kilometre_counts(self) -> None:
        readings = [Reading(90_000, date(2026, 1, 1), OdometerSource.HOLDER), Reading(89_999, date(2026, 1, 2), OdometerSource.HOLDER)]
        assert find_roll_back(readings) == RollBack(90_000, 89_999, date(2026, 1, 2))
        assert find_roll_back([]) is None

    def test_two_readings_of_a_day_are_in_order_of_kilometres(self) -> None:
        day = date(2026, 1, 1)
        assert find_roll_back([Reading(90_000, day, OdometerSource.HOLDER), Reading(80_000, day, OdometerSource.HANDOVER)]) is None

    def test_the_highest_reading_so_far_is_what_counts(self) -> None:
        steps = [(90_000, 1), (89_800, 2), (89_400, 3)]
        readings = [Reading(km, date(2026, 1, day), OdometerSource.HOLDER) for km, day in steps]
        assert find_roll_back(readings, tolerance_km=500) == RollBack(90_000, 89_400, date(2026, 1, 3))

    @given(READINGS)
    def test_there_is_none_exactly_when_kilometres_never_fall_over_the_days(self, readings: list[Reading]) -> None:
        falls = any(earlier.on < later.on and later.km < earlier.km for earlier in readings for later in readings)
        assert (find_roll_back(readings) is not None) == falls
