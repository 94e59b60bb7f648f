"""The evaluator: a table of cases, each with its article, and the one property: a bar more never makes a car more tradable."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.vehicles.domain import (
    Capacity,
    DocumentKind,
    Eligibility,
    EmissionStage,
    Fuel,
    OdometerSource,
    Reading,
    RestrictionKind,
    RestrictionState,
    Severity,
    TradeMode,
    UseType,
    VehicleKind,
    find_roll_back,
)
from marketplace.vehicles.domain.eligibility import Case, Restriction, Seller, evaluate
from marketplace.vehicles.domain.scrapping import add_years, class_of, scrapping_on
from marketplace.vehicles.service.eligibility import trade_rules

TODAY = date(2026, 11, 24)
RULES = trade_rules(TODAY)
OWNER = Seller(capacity=Capacity.OWNER, is_natural_person=True, name_matches=True, held_since=date(2021, 3, 18))
GOOD = Case(
    on=TODAY,
    mode=TradeMode.C2B_AUCTION,
    kind=VehicleKind.PASSENGER_SMALL,
    use_type=UseType.NON_COMMERCIAL,
    fuel=Fuel.PETROL,
    emission_stage=EmissionStage.CN6A,
    first_registration_on=date(2021, 3, 18),
    manufactured_on=None,
    odometer_km=42_000,
    city="天津",
    market_city="天津",
    seller=OWNER,
    documents=frozenset(DocumentKind),
    inspection_valid_until=date(2027, 3, 31),
    insurance_valid_until=date(2027, 3, 17),
)


def found(**changes: Any) -> Eligibility:
    return evaluate(replace(GOOD, **changes), RULES)


def code(eligibility: Eligibility) -> set[str]:
    return {one.code for one in eligibility.findings}


class TestEvaluate:
    def test_a_good_car_has_no_finding(self) -> None:
        for mode in TradeMode:
            assert found(mode=mode).findings == ()

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"use_type": UseType.TAXI, "first_registration_on": date(2018, 11, 24)}, {"scrapped"}),
            ({"use_type": UseType.TAXI, "first_registration_on": date(2018, 11, 25)}, {"near_scrapping"}),
            ({"use_type": UseType.TAXI_TO_PRIVATE, "first_registration_on": date(2019, 11, 24)}, {"near_scrapping"}),
            ({"use_type": UseType.TAXI_TO_PRIVATE, "first_registration_on": date(2019, 11, 25)}, set()),
            ({"use_type": UseType.COMMERCIAL_TO_PRIVATE, "first_registration_on": date(2016, 11, 24)}, {"scrapped"}),
            ({"first_registration_on": date(1996, 1, 1)}, set()),
            ({"first_registration_on": None}, {"not_registered"}),
            ({"first_registration_on": None, "mode": TradeMode.PARALLEL_IMPORT}, set()),
            ({"odometer_km": 600_001}, {"over_guiding_km"}),
            ({"seller": None}, {"no_holding"}),
            ({"inspection_valid_until": date(2026, 11, 23)}, {"inspection_expired"}),
            ({"inspection_valid_until": TODAY}, set()),
            ({"insurance_valid_until": None}, {"insurance_unknown"}),
            ({"documents": frozenset()}, {"document_missing"}),
            ({"buyer_city": "石家庄", "city": "上海"}, {"third_place"}),
            ({"buyer_city": "石家庄"}, set()),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL}, {"plate_quota_needed"}),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "buyer_has_quota": True}, set()),
            ({"buyer_city": "天津", "mode": TradeMode.ACQUISITION}, set()),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "fuel": Fuel.BEV}, {"new_energy_quota"}),
            ({"buyer_city": "石家庄", "emission_stage": EmissionStage.CN4, "mode": TradeMode.B2C_STORE}, {"emission_to_check"}),
            ({"buyer_city": "石家庄", "emission_stage": EmissionStage.CN5, "mode": TradeMode.B2C_STORE}, set()),
            ({"is_plate_shared": True}, {"plate_on_another_car"}),
        ],
    )
    def test_finds(self, changes: dict[str, Any], expected: set[str]) -> None:
        assert code(found(**changes)) == expected

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"name_matches": False}, {"owner_name_differs"}),
            ({"name_matches": None}, set()),
            ({"name_matches": False, "has_contract": True}, set()),
            ({"capacity": Capacity.CONSIGNEE}, {"authority_missing"}),
            ({"short_sales": 2, "held_since": date(2025, 11, 25)}, {"third_sale"}),
            ({"short_sales": 2, "held_since": date(2025, 11, 24)}, set()),
            ({"short_sales": 1, "held_since": date(2026, 11, 1)}, set()),
            ({"short_sales": 2, "held_since": None}, {"acquisition_date_missing"}),
            ({"short_sales": 9, "held_since": TODAY, "is_natural_person": False}, set()),
        ],
    )
    def test_asks_for_the_right_of_disposal(self, changes: dict[str, Any], expected: set[str]) -> None:
        documents = GOOD.documents - {DocumentKind.POWER_OF_ATTORNEY, DocumentKind.PURCHASE_CONTRACT}
        assert code(found(seller=replace(OWNER, **changes), documents=documents)) == expected

    @pytest.mark.parametrize("kind", [kind for kind in RestrictionKind if kind is not RestrictionKind.RECALL])
    def test_every_restriction_bars_while_open(self, kind: RestrictionKind) -> None:
        assert not found(restrictions=(Restriction(kind, RestrictionState.OPEN),)).tradable
        assert found(restrictions=(Restriction(kind, RestrictionState.RELEASED),)).findings == ()

    def test_a_recall_bars_a_business_and_warns_a_person(self) -> None:
        restrictions = (Restriction(RestrictionKind.RECALL, RestrictionState.OPEN),)
        assert found(restrictions=restrictions).tradable
        assert not found(restrictions=restrictions, seller=replace(OWNER, is_natural_person=False)).tradable

    def test_the_gravest_comes_first_and_says_its_rule(self) -> None:
        findings = found(
            restrictions=(Restriction(RestrictionKind.LIEN, RestrictionState.OPEN),), documents=frozenset(), is_plate_shared=True
        ).findings
        order = [one.severity for one in findings]
        assert order == sorted(order, key=list(Severity).index)
        assert all(one.article and one.zh and one.en and one.clears and "{" not in one.zh + one.en + one.clears for one in findings)


CASES = st.builds(
    lambda **changes: replace(GOOD, **changes),
    mode=st.sampled_from(TradeMode),
    kind=st.sampled_from(VehicleKind),
    use_type=st.sampled_from(UseType),
    fuel=st.sampled_from(Fuel),
    emission_stage=st.none() | st.sampled_from(EmissionStage),
    first_registration_on=st.none() | st.dates(date(1990, 1, 1), TODAY),
    odometer_km=st.integers(0, 1_000_000),
    city=st.sampled_from(["天津", "北京", "石家庄"]),
    buyer_city=st.none() | st.sampled_from(["天津", "北京", "石家庄"]),
    documents=st.frozensets(st.sampled_from(DocumentKind)),
    restrictions=st.lists(st.builds(Restriction, st.sampled_from(RestrictionKind), st.sampled_from(RestrictionState)), max_size=3).map(
        tuple
    ),
    seller=st.none()
    | st.builds(
        Seller,
        capacity=st.sampled_from(Capacity),
        is_natural_person=st.booleans(),
        name_matches=st.none() | st.booleans(),
        held_since=st.none() | st.dates(date(2020, 1, 1), TODAY),
        short_sales=st.integers(0, 4),
    ),
)
RANK = list(Severity)


class TestProperties:
    @given(CASES, st.sampled_from(RestrictionKind), st.sampled_from([RestrictionState.OPEN, RestrictionState.CONSENTED]))
    def test_one_restriction_more_never_makes_a_car_more_tradable(self, case: Case, kind: RestrictionKind, state: RestrictionState) -> None:
        before = evaluate(case, RULES)
        after = evaluate(replace(case, restrictions=(*case.restrictions, Restriction(kind, state))), RULES)
        assert set(before.findings) <= set(after.findings)
        assert after.tradable <= before.tradable
        assert after.is_complete <= before.is_complete

    @given(CASES, st.sampled_from(DocumentKind))
    def test_one_paper_less_never_helps(self, case: Case, kind: DocumentKind) -> None:
        after = evaluate(replace(case, documents=case.documents - {kind}), RULES)
        assert after.tradable <= evaluate(case, RULES).tradable

    @given(CASES)
    def test_the_same_case_gets_the_same_answer(self, case: Case) -> None:
        assert evaluate(case, RULES) == evaluate(case, RULES)


class TestScrapping:
    def test_the_factory_day_counts_after_two_years_in_the_yard(self) -> None:
        terms = {"commercial_small": 10}
        common: dict[str, Any] = {"kind": VehicleKind.PASSENGER_SMALL, "use_type": UseType.COACH, "years": terms}
        assert scrapping_on(**common, first_registration_on=date(2015, 6, 2), manufactured_on=date(2013, 6, 1)) == date(2023, 6, 1)
        assert scrapping_on(**common, first_registration_on=date(2015, 6, 1), manufactured_on=date(2013, 6, 1)) == date(2025, 6, 1)
        assert scrapping_on(**(common | {"use_type": UseType.POLICE}), first_registration_on=date(2015, 6, 1), manufactured_on=None) is None

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

    @given(READINGS)
    def test_there_is_none_exactly_when_kilometres_never_fall_over_the_days(self, readings: list[Reading]) -> None:
        falls = any(earlier.on < later.on and later.km < earlier.km for earlier in readings for later in readings)
        assert (find_roll_back(readings) is not None) == falls
