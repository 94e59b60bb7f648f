"""Pilots: application, verification, yearly assessment, suspension, removal; and their cars follow. On both databases."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import clock
from marketplace.core.outbox import use_database
from marketplace.parallel_import.domain.pilots import (
    CriteriaUnmet,
    CriterionUnknown,
    PilotKind,
    add_months,
    bonded_until,
    check_criteria,
    is_assessment_near,
    is_overdue,
    passes,
    require_met,
)
from marketplace.parallel_import.service.tables import pilot_rules
from marketplace.parallel_import.tasks import sweep_pilots
from tests.imports import BASE as IMPORTS
from tests.imports import CONDITIONS, PAPERS, PILOTS, add_papers, pilot_applied, publish_import, register_import, verified_pilot
from tests.market import Market
from tests.people import Person, licence, operator, organization, sign_up

BASE = "/marketplace/v1"
RULES = pilot_rules(date(2026, 11, 25))
ENTERPRISE = RULES.application[PilotKind.ENTERPRISE]
YEAR = {
    "recalls_filed": True,
    "three_guarantees_kept": True,
    "emission_information_published": True,
    "fuel_accounting_done": True,
    "penalties": 0,
    "complaints_open": 0,
}
"""What a pilot states of a good year."""


def act(api: Market, who: Person, path: str, body: Any = None, *, status: int = 200) -> Any:
    answer = api.post(f"{BASE}{path}", json=body, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def stop(api: Market, clerk: Person, pilot: Person, how: str, reason: str = "召回备案未完成") -> Any:
    found = act(api, clerk, f"/import-pilots/{pilot.party_id}/{how}", {"reason": reason})
    api.relay()
    return found


def mine(api: Market, pilot: Person) -> Any:
    answer = api.get(f"{PILOTS}/mine", headers=pilot.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def import_state(api: Market, pilot: Person, import_id: str) -> str:
    return str(api.get(f"{IMPORTS}/{import_id}", headers=pilot.headers).json()["state"])


def sweep(api: Market) -> None:
    with use_database(api.database):
        sweep_pilots()
    api.relay()


def trail(api: Market, clerk: Person, kind: str, object_id: Any) -> list[tuple[str, str | None]]:
    found = api.get(f"{BASE}/operations/audit/{kind}/{object_id}", headers=clerk.headers).json()
    return [(one["act"], one["reason"]) for one in found["entries"]]


class TestCriteria:
    def test_what_is_met_and_what_is_not(self) -> None:
        stated = {**CONDITIONS, "registered_capital_wan": 1_999, "penalties_parallel_3y": 1, "funding": False}
        results = check_criteria(ENTERPRISE, stated)
        assert [one.criterion.code for one in results if not one.is_met] == ["registered_capital_wan", "funding", "penalties_parallel_3y"]
        assert check_criteria(ENTERPRISE, {**stated, "registered_capital_wan": 2_000})[0].is_met
        assert results[0].document()["asked"] == "≥ 2000"

    @pytest.mark.parametrize("answer", [None, True, False])
    def test_yes_is_no_amount_and_an_amount_is_no_yes(self, answer: Any) -> None:
        assert not check_criteria(ENTERPRISE, {"registered_capital_wan": answer})[0].is_met
        assert not check_criteria(ENTERPRISE, {"funding": 1})[5].is_met

    def test_an_unknown_condition_is_refused(self) -> None:
        with pytest.raises(CriterionUnknown) as refused:
            check_criteria(ENTERPRISE, {"luck": True})
        assert refused.value.fields["codes"] == ["luck"]

    def test_only_exactly_the_unmet_are_waived(self) -> None:
        results = check_criteria(ENTERPRISE, {**CONDITIONS, "funding": False})
        require_met(results, waived=frozenset({"funding"}))
        for waived in (frozenset(), frozenset({"funding", "risk_guarantee"}), frozenset({"risk_guarantee"})):
            with pytest.raises(CriteriaUnmet):
                require_met(results, waived=waived)

    @given(st.dictionaries(st.sampled_from([one.code for one in ENTERPRISE]), st.none() | st.booleans() | st.integers(0, 10**6)))
    def test_a_penalty_more_never_helps(self, stated: dict[str, Any]) -> None:
        met = sum(one.is_met for one in check_criteria(ENTERPRISE, stated))
        worse = sum(one.is_met for one in check_criteria(ENTERPRISE, {**stated, "penalties_parallel_3y": 5}))
        assert worse <= met

    def test_share_of_met(self) -> None:
        assert passes([True, True], pass_percent=100)
        assert not passes([True, False], pass_percent=51)
        assert passes([True, False], pass_percent=50)


class TestDays:
    @pytest.mark.parametrize(
        ("on", "months", "expected"),
        [
            (date(2026, 11, 25), 12, date(2027, 11, 25)),
            (date(2026, 11, 30), 3, date(2027, 2, 28)),
            (date(2024, 2, 29), 12, date(2025, 2, 28)),
            (date(2026, 12, 31), 1, date(2027, 1, 31)),
            (date(2026, 1, 15), -3, date(2025, 10, 15)),
        ],
    )
    def test_months_later(self, on: date, months: int, expected: date) -> None:
        assert add_months(on, months) == expected

    def test_three_months_in_bond(self) -> None:
        assert bonded_until(date(2026, 10, 8), RULES) == date(2027, 1, 8)

    def test_notice_and_grace(self) -> None:
        due = date(2027, 11, 25)
        assert not is_assessment_near(due, today=due - timedelta(days=61), rules=RULES)
        assert is_assessment_near(due, today=due - timedelta(days=60), rules=RULES)
        assert not is_overdue(due, today=due + timedelta(days=30), rules=RULES)
        assert is_overdue(due, today=due + timedelta(days=31), rules=RULES)


class TestApplication:
    def test_applied_verified_and_in_the_register(self, api: Market) -> None:
        clerk = operator(api)
        pilot = pilot_applied(api, by=clerk)
        assert (mine(api, pilot)["state"], api.get(PILOTS).json()["items"]) == ("applied", [])
        refused = api.post(IMPORTS, json={"car": {}, "import_version": "gcc"}, headers=pilot.headers)
        assert refused.status_code == 422
        found = act(api, clerk, f"/import-pilots/{pilot.party_id}/decision", {"verified": True, "note": "批复原件已核验"})
        today = clock.shanghai_day(datetime.now(UTC))
        assert (found["state"], found["verified_on"], found["next_assessment_on"]) == (
            "verified",
            today.isoformat(),
            add_months(today, 12).isoformat(),
        )
        [registered] = api.get(PILOTS).json()["items"]
        assert (registered["party_id"], registered["state"], registered["name"]) == (
            str(pilot.party_id),
            "verified",
            pilot.organization_name,
        )
        register_import(api, pilot)
        assert trail(api, clerk, "import_pilot", pilot.party_id) == [("pilot.applied", None), ("pilot.verified", "批复原件已核验")]

    def test_unmet_conditions_bar_unless_the_operator_waives_them_by_name(self, api: Market) -> None:
        clerk = operator(api)
        pilot = organization(api, "import_pilot", by=clerk)
        body = {"kind": "enterprise", "stated": {**CONDITIONS, "car_sales_wan": 12}}
        assert act(api, pilot, "/import-pilots", body, status=201)["state"] == "applied"
        path = f"/import-pilots/{pilot.party_id}/decision"
        refused = act(api, clerk, path, {"verified": True}, status=409)
        assert (refused["code"], refused["codes"]) == ("criteria_unmet", ["car_sales_wan"])
        assert "近四年汽车销售额" in refused["title"]
        assert mine(api, pilot)["state"] == "applied"
        found = act(api, clerk, path, {"verified": True, "waived": ["car_sales_wan"], "note": "关联企业业绩"})
        assert (found["state"], found["waived"]) == ("verified", ["car_sales_wan"])

    def test_nobody_is_verified_without_a_checked_approval(self, api: Market) -> None:
        clerk = operator(api)
        pilot = organization(api, "import_pilot", by=clerk, licences=("business_licence",))
        act(api, pilot, "/import-pilots", {"kind": "enterprise", "stated": CONDITIONS}, status=201)
        refused = act(api, clerk, f"/import-pilots/{pilot.party_id}/decision", {"verified": True}, status=403)
        assert refused["code"] == "licence_missing"
        assert mine(api, pilot)["state"] == "applied"

    def test_a_rejected_one_may_apply_again_but_nobody_twice(self, api: Market) -> None:
        clerk = operator(api)
        pilot = pilot_applied(api, by=clerk)
        body = {"kind": "enterprise", "stated": CONDITIONS}
        assert act(api, pilot, "/import-pilots", body, status=409)["code"] == "pilot_state_refuses"
        rejected = act(api, clerk, f"/import-pilots/{pilot.party_id}/decision", {"verified": False, "note": "资料不实"})
        assert (rejected["state"], rejected["state_reason"]) == ("rejected", "资料不实")
        assert act(api, pilot, "/import-pilots", body, status=201)["state"] == "applied"

    def test_until_it_is_verified_it_imports_nothing(self, api: Market) -> None:
        pilot = pilot_applied(api)
        from tests.imports import import_facts

        refused = api.post(IMPORTS, json=import_facts(), headers=pilot.headers)
        assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (403, "pilot_not_verified", "applied")
        assert refused.json()["rule"]["article"].startswith("中国(天津)")

    def test_only_operators_decide(self, quick_api: Market) -> None:
        pilot = pilot_applied(quick_api)
        for who in (pilot, sign_up(quick_api)):
            answer = quick_api.post(f"{PILOTS}/{pilot.party_id}/decision", json={"verified": True}, headers=who.headers)
            assert answer.status_code == 403
        assert quick_api.get(f"{PILOTS}/all", headers=pilot.headers).status_code == 403


class TestStopped:
    def test_a_suspended_pilots_listings_leave_and_come_back_with_it(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        cars = [publish_import(api, pilot, ask_minor=70_000_000 + n) for n in range(3)]
        api.relay()
        stop(api, clerk, pilot, "suspension")
        assert [import_state(api, pilot, car["id"]) for car in cars] == ["certified"] * 3
        for car in cars:
            assert api.get(f"{BASE}/listings/{car['listing_id']}").status_code == 404
            assert api.get(f"{BASE}/vehicles/{car['vehicle_id']}/import-disclosure").status_code == 404
            [ended] = [one for one in trail(api, clerk, "listing", car["listing_id"]) if one[0] == "listing.withdraw"]
            assert ended[1] == "试点主体被停止:召回备案未完成"
        assert api.get(f"{BASE}/feeds/parallel-import.json").json()["cars"] == []
        refused = api.post(f"{IMPORTS}/{cars[0]['id']}/publication", json={"ask_minor": 70_000_000}, headers=pilot.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "pilot_not_verified")
        assert api.get(PILOTS).json()["items"][0]["state"] == "suspended"
        stop(api, clerk, pilot, "reinstatement", "已整改")
        assert [import_state(api, pilot, car["id"]) for car in cars] == ["on_sale"] * 3
        shown = api.get(f"{BASE}/feeds/parallel-import.json").json()["cars"]
        assert sorted(car["price_minor"] for car in shown) == [70_000_000, 70_000_001, 70_000_002]

    def test_a_removed_pilots_listings_end_for_good(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        car = publish_import(api, pilot)
        stop(api, clerk, pilot, "suspension")
        removed = stop(api, clerk, pilot, "removal", "年度考核不合格")
        assert (removed["state"], removed["next_assessment_on"]) == ("removed", None)
        assert api.get(PILOTS).json()["items"] == []
        act(api, clerk, f"/import-pilots/{pilot.party_id}/reinstatement", {"reason": "再议"}, status=409)
        act(api, pilot, "/import-pilots", {"kind": "enterprise", "stated": CONDITIONS}, status=201)
        act(api, clerk, f"/import-pilots/{pilot.party_id}/decision", {"verified": True})
        api.relay()
        assert import_state(api, pilot, car["id"]) == "certified"

    def test_what_lapsed_meanwhile_does_not_come_back(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        good, bad = publish_import(api, pilot), publish_import(api, pilot)
        api.relay()
        stop(api, clerk, pilot, "suspension")
        seal = {"kind": "customs_supervision", "authority": "天津海关"}
        assert api.post(f"{BASE}/vehicles/{bad['vehicle_id']}/restrictions", json=seal, headers=clerk.headers).status_code == 201
        stop(api, clerk, pilot, "reinstatement", "已整改")
        assert [import_state(api, pilot, car["id"]) for car in (good, bad)] == ["on_sale", "certified"]
        assert ("import.not_resumed", None) in trail(api, clerk, "import", bad["id"])

    def test_a_revoked_approval_and_a_suspended_party_stop_the_pilot(self, api: Market) -> None:
        clerk = operator(api)
        first = pilot_applied(api, by=clerk)
        act(api, clerk, f"/import-pilots/{first.party_id}/decision", {"verified": True})
        found = api.get(f"{BASE}/parties/{first.party_id}/licences", headers=clerk.headers).json()
        listed = found["items"] if isinstance(found, dict) else found
        [approval] = [one["id"] for one in listed if one["kind"] == "import_pilot_approval"]
        act(api, clerk, f"/licences/{approval}/revocation", {"note": "批复被收回"})
        api.relay()
        assert (mine(api, first)["state"], mine(api, first)["state_reason"]) == ("suspended", "试点批复已被撤销")
        act(api, clerk, f"/import-pilots/{first.party_id}/reinstatement", {"reason": "误会"}, status=403)
        second = verified_pilot(api, by=clerk)
        act(api, clerk, f"/parties/{second.party_id}/suspension", {"reason": "涉嫌违规"})
        api.relay()
        assert api.get(f"{PILOTS}/{second.party_id}", headers=clerk.headers).json()["state"] == "suspended"

    def test_a_lapsed_approval_is_found_by_the_sweep_and_the_cars_leave(self, api: Market) -> None:
        clerk = operator(api)
        last_day = (datetime.now(UTC) + timedelta(days=2)).date()
        pilot = verified_pilot(api, by=clerk, valid_to=last_day)
        car = publish_import(api, pilot)
        sweep(api)
        assert import_state(api, pilot, car["id"]) == "on_sale"
        api.advance(timedelta(days=4))
        sweep(api)
        assert import_state(api, pilot, car["id"]) == "certified"
        assert mine(api, pilot)["state_reason"] == "试点批复已失效"
        licence(api, pilot, "import_pilot_approval", by=clerk)
        stop(api, clerk, pilot, "reinstatement", "批复已换发")
        assert import_state(api, pilot, car["id"]) == "on_sale"


def assessment_of(api: Market, pilot: Person) -> Any:
    [found] = api.get(f"{BASE}/pilot-assessments", headers=pilot.headers).json()
    return found


class TestAssessment:
    def test_opened_in_time_stated_found_good_and_due_again_a_year_later(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        publish_import(api, pilot)
        due_on = mine(api, pilot)["next_assessment_on"]
        api.advance(timedelta(days=300))
        sweep(api)
        assert api.get(f"{BASE}/pilot-assessments", headers=pilot.headers).json() == []
        api.advance(timedelta(days=6))
        for _ in range(2):
            sweep(api)
        found = assessment_of(api, pilot)
        assert (found["due_on"], found["state"], found["suggests_pass"]) == (due_on, "due", None)
        assert mine(api, pilot)["next_assessment_on"] == add_months(date.fromisoformat(due_on), 12).isoformat()
        stated = act(api, pilot, f"/pilot-assessments/{found['id']}/statement", {"stated": YEAR})
        assert (stated["state"], stated["suggests_pass"]) == ("submitted", True)
        counted = {one["code"]: one["stated"] for one in stated["results"] if one["code"] not in YEAR}
        assert counted == {"bonded_overdue": 0, "incomplete_on_sale": 0}
        passed = act(api, clerk, f"/pilot-assessments/{found['id']}/finding", {"passed": True, "note": "资料齐全"})
        assert (passed["state"], passed["note"]) == ("passed", "资料齐全")
        assert mine(api, pilot)["state"] == "verified"
        acts = [one[0] for one in trail(api, clerk, "pilot_assessment", found["id"])]
        assert acts == ["pilot_assessment.due", "pilot_assessment.submitted", "pilot_assessment.passed"]

    def test_cars_in_bond_beyond_the_term_are_counted_by_the_market(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        register_import(api, pilot, arrived_on="2026-08-01")
        found = act(api, clerk, f"/import-pilots/{pilot.party_id}/assessments", status=201)
        lied = act(api, pilot, f"/pilot-assessments/{found['id']}/statement", {"stated": {**YEAR, "bonded_overdue": 0}}, status=422)
        assert lied["code"] == "criterion_unknown"
        stated = act(api, pilot, f"/pilot-assessments/{found['id']}/statement", {"stated": YEAR})
        assert [one["code"] for one in stated["results"] if not one["is_met"]] == ["bonded_overdue"]
        assert stated["suggests_pass"] is False

    def test_a_failed_pilot_is_suspended_and_its_cars_follow(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        car = publish_import(api, pilot)
        found = act(api, clerk, f"/import-pilots/{pilot.party_id}/assessments", status=201)
        early = act(api, clerk, f"/pilot-assessments/{found['id']}/finding", {"passed": True, "note": "提前"}, status=409)
        assert early["code"] == "assessment_not_open"
        act(api, pilot, f"/pilot-assessments/{found['id']}/statement", {"stated": {**YEAR, "recalls_filed": False}})
        act(api, clerk, f"/pilot-assessments/{found['id']}/finding", {"passed": False, "note": "召回未备案"})
        api.relay()
        assert mine(api, pilot)["state"] == "suspended"
        assert "召回未备案" in mine(api, pilot)["state_reason"]
        assert import_state(api, pilot, car["id"]) == "certified"
        act(api, pilot, f"/pilot-assessments/{found['id']}/statement", {"stated": YEAR}, status=409)

    def test_one_not_handed_in_by_the_end_of_the_grace_suspends(self, api: Market) -> None:
        clerk = operator(api)
        pilot = verified_pilot(api, by=clerk)
        found = act(api, clerk, f"/import-pilots/{pilot.party_id}/assessments", status=201)
        twice = act(api, clerk, f"/import-pilots/{pilot.party_id}/assessments", status=409)
        assert twice["code"] == "assessment_stands"
        api.advance(timedelta(days=60 + 30))
        sweep(api)
        assert (assessment_of(api, pilot)["state"], mine(api, pilot)["state"]) == ("due", "verified")
        api.advance(timedelta(days=1))
        sweep(api)
        assert (assessment_of(api, pilot)["state"], mine(api, pilot)["state"]) == ("overdue", "suspended")
        late = act(api, pilot, f"/pilot-assessments/{found['id']}/statement", {"stated": YEAR})
        assert late["state"] == "submitted"

    def test_another_pilots_assessment_stays_closed(self, api: Market) -> None:
        clerk = operator(api)
        pilot, other = verified_pilot(api, by=clerk), verified_pilot(api, by=clerk)
        found = act(api, clerk, f"/import-pilots/{pilot.party_id}/assessments", status=201)
        assert api.get(f"{BASE}/pilot-assessments/{found['id']}", headers=other.headers).status_code == 404
        act(api, other, f"/pilot-assessments/{found['id']}/statement", {"stated": YEAR}, status=404)


class TestShown:
    def test_everything_a_listing_must_show_is_shown(self, api: Market) -> None:
        pilot = verified_pilot(api)
        site = {"rectifications": "中文导航", "rectification_site": "天津港保税区整改场所", "differences": "收音频段不同"}
        car = publish_import(api, pilot, shown=site)
        shown = api.get(f"{BASE}/vehicles/{car['vehicle_id']}/import-disclosure").json()
        expected = {
            "import_channel": "平行进口",
            "importer": pilot.organization_name,
            "warranty_giver": "天津某某国际贸易有限公司",
            "warranty_terms": "整车三包 3 年或 10 万公里",
            "repair_outlets": "天津滨海新区河南路 8 号",
            "recall_contact": "400-000-0000",
            "makers_warranty": False,
            "import_version_zh": "中东版",
            "emission_stage": "cn6b",
            "arrived_on": "2026-10-08",
            "customs": "cleared",
            "bonded_until": None,
            "registration_status": "new",
            **site,
        }
        assert {name: shown[name] for name in expected} == expected
        assert shown["pilot_no"]
        assert shown["ccc_no"]
        assert "三包责任由天津某某国际贸易有限公司承担" in shown["reminder"]
        assert len(shown["papers"]) == 12

    def test_a_car_in_bond_says_until_when(self, api: Market) -> None:
        pilot = verified_pilot(api)
        found = register_import(api, pilot)
        assert (found["shown"]["customs"], found["shown"]["bonded_until"]) == ("bonded", "2027-01-08")

    def test_rule_20_what_must_be_shown_cannot_be_taken_away_again(self, api: Market) -> None:
        pilot = verified_pilot(api)
        car = publish_import(api, pilot)
        refused = api.patch(f"{IMPORTS}/{car['id']}", json={"warranty_giver": ""}, headers=pilot.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "papers_missing")
        assert [one["code"] for one in refused.json()["missing"]] == ["warranty_giver"]
        assert api.get(f"{IMPORTS}/{car['id']}", headers=pilot.headers).json()["shown"]["warranty_giver"]

    def test_a_car_whose_stage_falls_below_its_cut_off_leaves_the_window(self, api: Market) -> None:
        pilot = verified_pilot(api)
        car = publish_import(api, pilot)
        changed = api.patch(f"{BASE}/vehicles/{car['vehicle_id']}", json={"emission_stage": "cn5"}, headers=pilot.headers)
        assert changed.status_code == 200, changed.text
        api.relay()
        assert import_state(api, pilot, car["id"]) == "certified"
        add_papers(api, pilot, car["id"], PAPERS[0])
