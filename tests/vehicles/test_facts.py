"""What must hold among a car's facts: each bound at its edge, and the field a refusal names."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from marketplace.vehicles.domain import (
    BadFacts,
    BatteryFacts,
    EmissionStage,
    Fuel,
    Gearbox,
    VehicleFacts,
    check_facts,
    complete_facts,
)

TODAY = date(2026, 11, 24)
FACTS = VehicleFacts(
    vin="LSGPC54U2NH123456",
    brand="宝马",
    series="3系",
    model="325i",
    model_year=2021,
    odometer_km=42_000,
    city="天津",
    first_registration_on=date(2021, 3, 18),
    manufactured_on=date(2021, 1, 5),
)


class TestCheckFacts:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"model_year": 1980, "first_registration_on": date(1980, 1, 1), "manufactured_on": None},
            {"model_year": 2027, "first_registration_on": date(2026, 1, 1)},
            {"model_year": 2027, "first_registration_on": None},
            {"model_year": 2022},
            {"odometer_km": 0},
            {"odometer_km": 3_000_000},
            {"first_registration_on": TODAY, "manufactured_on": TODAY},
            {"first_registration_on": None, "manufactured_on": TODAY},
            {"manufactured_on": None},
            {"transfer_count": 0},
            {"transfer_count": 99},
            {"key_count": 0},
            {"key_count": 9},
            {"seats": 1},
            {"seats": 60},
            {"displacement_ml": 50},
            {"displacement_ml": 20_000},
            {"msrp_minor": 1},
            {"emission_stage": EmissionStage.CN6B},
            {"fuel": Fuel.BEV, "emission_stage": EmissionStage.NONE},
            {"fuel": Fuel.FCEV, "emission_stage": EmissionStage.NONE},
            {"fuel": Fuel.BEV, "battery": BatteryFacts(soh_permille=0, soh_method="读取", soh_on=TODAY)},
            {"fuel": Fuel.PHEV, "battery": BatteryFacts(soh_permille=1_000, soh_method="读取", soh_on=TODAY), "displacement_ml": 1_500},
            {"fuel": Fuel.HEV, "battery": BatteryFacts()},
        ],
    )
    def test_what_lies_on_the_edge_is_good(self, changes: dict[str, Any]) -> None:
        check_facts(replace(FACTS, **changes), today=TODAY)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"model_year": 1979}, "model_year"),
            ({"model_year": 2028}, "model_year"),
            ({"odometer_km": -1}, "odometer_km"),
            ({"odometer_km": 3_000_001}, "odometer_km"),
            ({"model_year": 1980, "first_registration_on": date(1979, 12, 31)}, "first_registration_on"),
            ({"first_registration_on": date(2026, 11, 25)}, "first_registration_on"),
            ({"model_year": 2023}, "first_registration_on"),
            ({"first_registration_on": None, "manufactured_on": date(2026, 11, 25)}, "manufactured_on"),
            ({"manufactured_on": date(2021, 3, 19)}, "manufactured_on"),
            ({"transfer_count": -1}, "transfer_count"),
            ({"transfer_count": 100}, "transfer_count"),
            ({"key_count": -1}, "key_count"),
            ({"key_count": 10}, "key_count"),
            ({"seats": 0}, "seats"),
            ({"seats": 61}, "seats"),
            ({"displacement_ml": 49}, "displacement_ml"),
            ({"displacement_ml": 20_001}, "displacement_ml"),
            ({"fuel": Fuel.BEV, "displacement_ml": 1_500}, "displacement_ml"),
            ({"fuel": Fuel.FCEV, "displacement_ml": 1_500}, "displacement_ml"),
            ({"emission_stage": EmissionStage.NONE}, "emission_stage"),
            ({"msrp_minor": 0}, "msrp_minor"),
            ({"battery": BatteryFacts()}, "battery"),
            ({"fuel": Fuel.BEV, "battery": BatteryFacts(soh_permille=-1)}, "battery.soh_permille"),
            ({"fuel": Fuel.BEV, "battery": BatteryFacts(soh_permille=1_001)}, "battery.soh_permille"),
        ],
    )
    def test_names_the_field_that_cannot_be_true(self, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(BadFacts) as refused:
            check_facts(replace(FACTS, **changes), today=TODAY)
        assert refused.value.fields == {"field": field}


class TestCompleteFacts:
    @pytest.mark.parametrize("fuel", [Fuel.BEV, Fuel.FCEV])
    def test_an_electric_car_has_one_speed_and_no_exhaust(self, fuel: Fuel) -> None:
        found = complete_facts(replace(FACTS, fuel=fuel, displacement_ml=1_500, emission_stage=EmissionStage.CN6A))
        assert found == replace(FACTS, fuel=fuel, emission_stage=EmissionStage.NONE, gearbox=Gearbox.SINGLE_SPEED, displacement_ml=None)

    def test_what_is_stated_of_its_gearbox_stays(self) -> None:
        assert complete_facts(replace(FACTS, fuel=Fuel.BEV, gearbox=Gearbox.AT)).gearbox is Gearbox.AT

    @pytest.mark.parametrize("fuel", [Fuel.PETROL, Fuel.PHEV, Fuel.EREV])
    def test_what_burns_stays_as_stated(self, fuel: Fuel) -> None:
        facts = replace(FACTS, fuel=fuel, displacement_ml=1_500)
        assert complete_facts(facts) == facts
