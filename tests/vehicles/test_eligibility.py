"""The evaluator: a table of cases, each with its article, and the one property: a bar more never makes a car more tradable."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.vehicles.domain import (
    Capacity,
    Damage,
    DocumentKind,
    Eligibility,
    EmissionStage,
    Fuel,
    PurchaseTax,
    RegistryStatus,
    RestrictionKind,
    RestrictionState,
    RollBack,
    Severity,
    SourceKind,
    TradeMode,
    UseType,
    VehicleKind,
)
from marketplace.vehicles.domain.eligibility import CONSENTABLE, Case, Restriction, Seller, evaluate
from marketplace.vehicles.domain.scrapping import converted_years
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
    accepted=frozenset(DocumentKind) - {DocumentKind.MOVE_IN_REPLY},
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
            ({"odometer_km": 600_000}, set()),
            ({"odometer_km": 700_000, "use_type": UseType.RIDE_HAILING}, {"over_guiding_km"}),
            ({"odometer_km": 700_000, "use_type": UseType.SCHOOL_BUS}, set()),
            (
                {"use_type": UseType.TAXI, "first_registration_on": date(2018, 12, 1), "manufactured_on": date(2016, 11, 1)},
                {"scrapped"},
            ),
            ({"seller": None}, {"no_holding"}),
            ({"inspection_valid_until": date(2026, 11, 23)}, {"inspection_expired"}),
            ({"inspection_valid_until": TODAY}, set()),
            ({"inspection_valid_until": None}, {"inspection_unknown"}),
            ({"insurance_valid_until": None}, {"insurance_unknown"}),
            ({"insurance_valid_until": date(2026, 11, 23)}, {"insurance_expired"}),
            ({"insurance_valid_until": TODAY}, set()),
            ({"inspection_valid_until": None, "insurance_valid_until": None}, {"inspection_unknown", "insurance_unknown"}),
            ({"documents": frozenset()}, {"document_missing"}),
            ({"buyer_city": "石家庄", "city": "上海"}, {"third_place"}),
            ({"buyer_city": "石家庄", "city": "上海", "kind": VehicleKind.PASSENGER_MICRO}, {"third_place"}),
            ({"buyer_city": "石家庄", "city": "上海", "kind": VehicleKind.PASSENGER_MEDIUM}, set()),
            ({"buyer_city": "石家庄", "city": "上海", "use_type": UseType.POLICE}, set()),
            ({"buyer_city": "石家庄", "city": "上海", "market_city": "上海"}, set()),
            ({"buyer_city": "石家庄", "city": "上海", "market_city": "石家庄"}, set()),
            ({"buyer_city": "石家庄", "city": "上海", "first_registration_on": None, "mode": TradeMode.PARALLEL_IMPORT}, set()),
            ({"buyer_city": "石家庄"}, set()),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL}, {"plate_quota_needed"}),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "buyer_has_quota": True}, set()),
            ({"buyer_city": "天津", "mode": TradeMode.ACQUISITION}, set()),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "fuel": Fuel.BEV}, {"new_energy_quota"}),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "fuel": Fuel.HEV}, {"plate_quota_needed"}),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "fuel": Fuel.BEV, "buyer_has_quota": True}, set()),
            ({"buyer_city": "北京", "mode": TradeMode.C2C_VIRTUAL, "fuel": Fuel.BEV}, {"plate_quota_needed"}),
            (
                {"buyer_city": "北京", "mode": TradeMode.C2C_VIRTUAL, "emission_stage": EmissionStage.CN4},
                {"plate_quota_needed", "emission_to_check"},
            ),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "buyer_has_quota": True, "emission_stage": EmissionStage.CN1}, set()),
            ({"buyer_city": "石家庄", "emission_stage": None, "mode": TradeMode.B2C_STORE}, {"emission_unknown"}),
            ({"buyer_city": "石家庄", "emission_stage": EmissionStage.NONE, "mode": TradeMode.B2C_STORE}, set()),
            ({"buyer_city": "石家庄", "emission_stage": EmissionStage.CN4, "mode": TradeMode.B2B_AUCTION}, set()),
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
            ({"name_matches": None}, {"owner_name_unknown"}),
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

    @pytest.mark.parametrize("paper", [DocumentKind.POWER_OF_ATTORNEY, DocumentKind.PURCHASE_CONTRACT])
    def test_either_paper_gives_the_right_of_disposal(self, paper: DocumentKind) -> None:
        bare = GOOD.documents - {DocumentKind.POWER_OF_ATTORNEY, DocumentKind.PURCHASE_CONTRACT}
        stranger = replace(OWNER, name_matches=False, capacity=Capacity.CONSIGNEE)
        assert code(found(seller=stranger, documents=bare)) == {"owner_name_differs", "authority_missing"}
        assert code(found(seller=stranger, documents=bare | {paper}, accepted=frozenset({paper}))) == set()
        unchecked = found(seller=stranger, documents=bare | {paper}, accepted=frozenset())
        assert (code(unchecked), unchecked.tradable, unchecked.is_complete) == ({"authority_unchecked"}, True, False)

    @pytest.mark.parametrize(
        ("mode", "missing"),
        [
            (TradeMode.B2C_STORE, ["driving_licence", "registration_certificate"]),
            (TradeMode.TRANSFER, ["driving_licence", "purchase_tax_proof", "registration_certificate"]),
        ],
    )
    def test_every_missing_paper_is_named(self, mode: TradeMode, missing: list[str]) -> None:
        findings = found(mode=mode, documents=frozenset()).findings
        assert [(one.code, one.clears) for one in findings] == [("document_missing", paper) for paper in missing]
        assert (findings[0].zh, findings[0].en) == ("尚缺:机动车行驶证", "Missing: vehicle licence.")

    def test_a_car_never_registered_has_no_papers_to_miss(self) -> None:
        bare: dict[str, Any] = {"documents": frozenset(), "inspection_valid_until": None, "insurance_valid_until": None}
        assert code(found(first_registration_on=None, **bare)) == {"not_registered"}
        assert code(found(first_registration_on=None, mode=TradeMode.PARALLEL_IMPORT, **bare)) == set()

    @pytest.mark.parametrize(
        ("changes", "zh"),
        [
            ({"use_type": UseType.TAXI, "first_registration_on": date(2018, 11, 24)}, "已达到国家强制报废标准(2026-11-24)"),
            ({"use_type": UseType.TAXI, "first_registration_on": date(2018, 11, 25)}, "距强制报废期(2026-11-25)不足一年,不予转让登记"),
            ({"buyer_city": "石家庄", "city": "上海"}, "第三地不得办理:车辆在上海,买方在石家庄"),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL}, "天津登记须持有效小客车指标"),
            ({"buyer_city": "天津", "mode": TradeMode.C2C_VIRTUAL, "fuel": Fuel.BEV}, "天津新能源车可直接申领指标"),
            (
                {"buyer_city": "石家庄", "emission_stage": EmissionStage.CN4, "mode": TradeMode.B2C_STORE},
                "排放低于国五,须向石家庄转入地核实能否迁入",
            ),
            ({"buyer_city": "石家庄", "emission_stage": None, "mode": TradeMode.B2C_STORE}, "未填报排放标准,能否迁入石家庄待核实"),
            ({"roll_back": RollBack(90_000, 60_000, date(2026, 1, 3))}, "里程表疑被调整:2026-01-03 由 90000 公里降至 60000 公里"),
            ({"vin_warnings": ("vin_check_digit_unused",)}, "进口车VIN未使用校验位"),
        ],
    )
    def test_a_finding_says_what_it_is_about(self, changes: dict[str, Any], zh: str) -> None:
        assert [one.zh for one in found(**changes).findings] == [zh]

    @pytest.mark.parametrize(
        ("kind", "open_code", "consented_code"),
        [
            (RestrictionKind.LIEN, "lien_open", "lien_consented"),
            (RestrictionKind.PLEDGE, "pledge_open", "pledge_consented"),
            (RestrictionKind.CUSTOMS_SUPERVISION, "customs_supervised", "customs_approved"),
            (RestrictionKind.SEAL, "sealed", "sealed"),
            (RestrictionKind.STOLEN, "stolen", "stolen"),
            (RestrictionKind.ENGINE_NUMBER_MISMATCH, "engine_number_mismatch", "engine_number_mismatch"),
            (RestrictionKind.VIN_MISMATCH, "vin_mismatch", "vin_mismatch"),
            (RestrictionKind.ILLEGAL_ASSEMBLY, "illegal_assembly", "illegal_assembly"),
            (RestrictionKind.DEREGISTERED, "deregistered", "deregistered"),
            (RestrictionKind.BARRED_BY_LAW, "barred_by_law", "barred_by_law"),
            (RestrictionKind.RECALL, "recall_to_tell", "recall_to_tell"),
        ],
    )
    def test_consent_opens_only_what_a_third_party_may_open(self, kind: RestrictionKind, open_code: str, consented_code: str) -> None:
        assert code(found(restrictions=(Restriction(kind, RestrictionState.OPEN),))) == {open_code}
        consented = found(restrictions=(Restriction(kind, RestrictionState.CONSENTED),))
        assert code(consented) == {consented_code}
        assert consented.tradable == (kind in CONSENTABLE or kind is RestrictionKind.RECALL)
        assert consented.is_complete == (kind is RestrictionKind.RECALL)

    def test_every_restriction_is_looked_at(self) -> None:
        restrictions = (
            Restriction(RestrictionKind.LIEN, RestrictionState.RELEASED),
            Restriction(RestrictionKind.RECALL, RestrictionState.OPEN),
            Restriction(RestrictionKind.SEAL, RestrictionState.OPEN),
            Restriction(RestrictionKind.STOLEN, RestrictionState.OPEN),
        )
        assert code(found(restrictions=restrictions)) == {"recall_to_tell", "sealed", "stolen"}
        assert code(found(restrictions=restrictions, seller=None)) == {"recall_open", "sealed", "stolen", "no_holding"}
        assert [one.code for one in found(restrictions=restrictions).bars] == ["sealed", "stolen"]

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
    accepted=st.frozensets(st.sampled_from(DocumentKind)),
    registry_status=st.none() | st.sampled_from(RegistryStatus),
    source_kind=st.none() | st.sampled_from(SourceKind),
    purchase_tax=st.none() | st.sampled_from(PurchaseTax),
    violations_count=st.none() | st.integers(0, 3),
    disclosed=st.frozensets(st.sampled_from(Damage)),
    restrictions=st.lists(
        st.builds(Restriction, st.sampled_from(RestrictionKind), st.sampled_from(RestrictionState), st.booleans()), max_size=3
    ).map(tuple),
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

    @given(CASES, st.sampled_from(RegistryStatus), st.integers(1, 5), st.sampled_from(Damage))
    def test_one_bad_fact_more_never_makes_a_car_more_tradable(
        self, case: Case, status: RegistryStatus, violations: int, damage: Damage
    ) -> None:
        clean = replace(case, registry_status=None, violations_count=None)
        before = evaluate(clean, RULES)
        for worse in (
            replace(clean, registry_status=status),
            replace(clean, violations_count=violations),
            replace(clean, disclosed=clean.disclosed | {damage}),
        ):
            after = evaluate(worse, RULES)
            assert set(before.findings) <= set(after.findings)
            assert after.tradable <= before.tradable

    @given(CASES, st.sampled_from(DocumentKind))
    def test_an_acceptance_less_never_helps(self, case: Case, kind: DocumentKind) -> None:
        after = evaluate(replace(case, accepted=case.accepted - {kind}), RULES)
        assert after.tradable <= evaluate(case, RULES).tradable
        assert after.is_complete <= evaluate(case, RULES).is_complete

    @given(CASES)
    def test_bad_answers_are_exactly_the_bars(self, case: Case) -> None:
        answered = evaluate(case, RULES)
        assert any(answer.is_bad for answer in answered.answers) is not answered.tradable
        assert {one for answer in answered.answers for one in answer.codes} == {one.code for one in answered.bars}

    @given(CASES)
    def test_the_same_case_gets_the_same_answer(self, case: Case) -> None:
        assert evaluate(case, RULES) == evaluate(case, RULES)


class TestRules:
    @pytest.mark.parametrize("mode", TradeMode)
    def test_rule_1_a_car_with_a_bad_answer_is_tradable_in_no_mode(self, mode: TradeMode) -> None:
        """Whatever the mode, one bad answer of the tradability table's eight questions bars."""
        bad: dict[int, dict[str, Any]] = {
            1: {"use_type": UseType.TAXI, "first_registration_on": date(2018, 11, 24)},
            2: {"restrictions": (Restriction(RestrictionKind.CUSTOMS_SUPERVISION, RestrictionState.OPEN),)},
            3: {"restrictions": (Restriction(RestrictionKind.SEAL, RestrictionState.OPEN),)},
            4: {"restrictions": (Restriction(RestrictionKind.STOLEN, RestrictionState.OPEN),)},
            5: {"restrictions": (Restriction(RestrictionKind.ENGINE_NUMBER_MISMATCH, RestrictionState.OPEN),)},
            6: {"restrictions": (Restriction(RestrictionKind.VIN_MISMATCH, RestrictionState.OPEN),)},
            7: {"restrictions": (Restriction(RestrictionKind.ILLEGAL_ASSEMBLY, RestrictionState.OPEN),)},
            8: {"restrictions": (Restriction(RestrictionKind.BARRED_BY_LAW, RestrictionState.OPEN),)},
        }
        assert [answer.is_bad for answer in found(mode=mode).answers] == [False] * 8
        for number, changes in bad.items():
            answered = found(mode=mode, **changes)
            assert not answered.tradable
            assert [answer.number for answer in answered.answers if answer.is_bad] == [number]

    @pytest.mark.parametrize(
        ("registered", "code_"), [(date(2018, 11, 24), "scrapped"), (date(2019, 11, 24), "near_scrapping"), (date(2019, 11, 25), None)]
    )
    def test_rule_3_no_transfer_within_a_year_of_the_scrapping_day(self, registered: date, code_: str | None) -> None:
        answered = found(mode=TradeMode.TRANSFER, use_type=UseType.TAXI, first_registration_on=registered)
        assert code(answered) == ({code_} if code_ else set())
        assert answered.tradable is (code_ is None)

    def test_every_bar_belongs_to_a_question(self) -> None:
        bars = {name for name, text in RULES.findings.items() if text["severity"] == "bars"}
        assert bars == {name for asked in RULES.questions for name in asked.codes}
        assert [asked.number for asked in RULES.questions] == list(range(1, 9))

    def test_every_finding_says_what_clears_it_in_words(self) -> None:
        kinds = {kind.value for kind in DocumentKind}
        codes = {text["clears"] for text in RULES.findings.values()} - {"{kind}"}
        assert codes <= set(RULES.clears) | kinds
        assert set(RULES.clears) <= codes
        [missing] = found(documents=GOOD.documents - {DocumentKind.DRIVING_LICENCE}).findings
        assert (missing.clears_zh, missing.clears_en) == ("机动车行驶证", "vehicle licence")


class TestRegistry:
    @pytest.mark.parametrize(
        ("status", "expected", "tradable"),
        [
            (RegistryStatus.NORMAL, None, True),
            (RegistryStatus.MOVED_OUT, "registry_moved_out", True),
            (RegistryStatus.STOLEN, "stolen", False),
            (RegistryStatus.OFF_ROAD, "registry_off_road", True),
            (RegistryStatus.DEREGISTERED, "deregistered", False),
            (RegistryStatus.DEREGISTERED_BY_FORCE, "deregistered", False),
            (RegistryStatus.VIOLATIONS_OPEN, "violations_open", True),
            (RegistryStatus.ACCIDENT_OPEN, "violations_open", True),
            (RegistryStatus.CUSTOMS_SUPERVISED, "customs_supervised", False),
            (RegistryStatus.SUSPECT, "registry_suspect", False),
            (RegistryStatus.HIT_AND_RUN, "registry_suspect", False),
            (RegistryStatus.SEALED, "sealed", False),
            (RegistryStatus.DETAINED, "sealed", False),
            (RegistryStatus.LOCKED, "registry_locked", False),
            (RegistryStatus.PAPERS_VOID, "registry_locked", False),
            (RegistryStatus.INSPECTION_OVERDUE, "inspection_expired", True),
        ],
    )
    def test_each_status_has_its_finding(self, status: RegistryStatus, expected: str | None, tradable: bool) -> None:
        answered = found(registry_status=status, documents=GOOD.documents - {DocumentKind.VIOLATIONS_SETTLED})
        assert code(answered) == ({expected} if expected else set())
        assert answered.tradable is tradable

    def test_settled_violations_are_no_finding(self) -> None:
        bare = GOOD.documents - {DocumentKind.VIOLATIONS_SETTLED}
        assert code(found(violations_count=2, documents=bare)) == {"violations_open"}
        assert code(found(violations_count=0, documents=bare)) == set()
        assert code(found(violations_count=2, registry_status=RegistryStatus.VIOLATIONS_OPEN)) == set()

    @pytest.mark.parametrize(
        ("tax", "expected"),
        [
            (PurchaseTax.PAID, set()),
            (PurchaseTax.UNPAID, {"purchase_tax_unpaid"}),
            (PurchaseTax.EXEMPT, {"purchase_tax_relief"}),
            (PurchaseTax.REDUCED, {"purchase_tax_relief"}),
        ],
    )
    def test_the_purchase_tax(self, tax: PurchaseTax, expected: set[str]) -> None:
        assert code(found(purchase_tax=tax)) == expected

    def test_a_state_bodys_car_wants_its_proof(self) -> None:
        bare = GOOD.documents - {DocumentKind.ASSET_DISPOSAL_PROOF}
        assert code(found(source_kind=SourceKind.OFFICIAL, documents=bare)) == {"asset_disposal_missing"}
        assert code(found(source_kind=SourceKind.OFFICIAL)) == set()
        assert code(found(source_kind=SourceKind.PRIVATE, documents=bare)) == set()

    def test_accident_flood_and_fire_are_told_apart(self) -> None:
        assert code(found(disclosed=frozenset({Damage.FLOOD}))) == {"flood_to_tell"}
        assert code(found(disclosed=frozenset(Damage))) == {"accident_to_tell", "flood_to_tell", "fire_to_tell"}


class TestBuyersCity:
    SALE = {"mode": TradeMode.B2C_STORE, "buyer_has_quota": True}

    def test_a_quota_is_good_through_its_last_day(self) -> None:
        assert code(found(**self.SALE, buyer_city="天津", buyer_quota_until=TODAY)) == set()
        late = found(**self.SALE, buyer_city="天津", buyer_quota_until=date(2026, 11, 23))
        assert [(one.code, one.zh) for one in late.findings] == [("plate_quota_expired", "天津小客车指标已过有效期")]
        assert late.tradable
        assert not late.is_complete

    def test_a_city_that_refuses_bars_and_the_offices_word_settles_what_is_open(self) -> None:
        strict = replace(RULES.other_cities, refuses_below=EmissionStage.CN4)
        rules = replace(RULES, cities={**RULES.cities, "某市": strict})
        car = replace(GOOD, mode=TradeMode.B2C_STORE, buyer_city="某市", emission_stage=EmissionStage.CN3)
        refused = evaluate(car, rules)
        assert [(one.code, one.zh) for one in refused.findings] == [("emission_refused", "某市不接受国三车辆迁入")]
        assert not refused.tradable
        asked = replace(car, emission_stage=EmissionStage.CN4)
        assert code(evaluate(asked, rules)) == {"emission_to_check"}
        assert code(evaluate(replace(asked, accepted=frozenset({DocumentKind.MOVE_IN_REPLY})), rules)) == set()
        assert code(evaluate(replace(car, accepted=frozenset({DocumentKind.MOVE_IN_REPLY})), rules)) == {"emission_refused"}

    def test_a_plug_in_hybrid_is_free_where_the_city_says_so(self) -> None:
        for city, expected in (("天津", "new_energy_quota"), ("上海", "plate_quota_needed"), ("北京", "plate_quota_needed")):
            answered = found(mode=TradeMode.B2C_STORE, buyer_city=city, fuel=Fuel.PHEV, city=city, market_city=city)
            assert code(answered) == {expected}


class TestConversion:
    @pytest.mark.parametrize(
        ("before", "after", "years"), [(0, 8, 8), (5, 8, 10), (10, 8, 13), (16, 8, 15), (17, 10, 15), (20, 8, 15), (5, 10, 12)]
    )
    def test_private_years_count_in_part(self, before: int, after: int, years: int) -> None:
        assert converted_years(years_before=before, life_after=after, conversion=RULES.conversion) == years

    def test_a_private_car_gone_taxi_has_the_years_of_the_formula(self) -> None:
        """Registered 2015-06-01, a taxi from 2019-06-02: five years begun, 5 + (1 - 5/17) x 8 = 10.6, so ten."""
        common: dict[str, Any] = {
            "use_type": UseType.TAXI,
            "first_registration_on": date(2016, 11, 24),
            "former_use": UseType.NON_COMMERCIAL,
        }
        assert code(found(**common)) == {"scrapped"}
        assert code(found(**common, use_changed_on=date(2021, 11, 24))) == {"scrapped"}
        assert code(found(**common, use_changed_on=date(2022, 11, 25))) == {"near_scrapping"}

    def test_what_left_commercial_use_keeps_its_commercial_term(self) -> None:
        stated: dict[str, Any] = {"use_type": UseType.NON_COMMERCIAL, "first_registration_on": date(2018, 11, 24)}
        assert code(found(**stated)) == set()
        assert code(found(**stated, former_use=UseType.TAXI)) == {"scrapped"}
