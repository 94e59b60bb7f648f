"""Papers that clear findings: put on file by a holder, checked by an operator, who is on record."""

from datetime import timedelta
from typing import Any

import pytest

from marketplace.core import clock
from marketplace.vehicles.domain import DocumentKind, RestrictionKind, RestrictionState, term
from marketplace.vehicles.domain.eligibility import CONSENTABLE
from marketplace.vehicles.domain.papers import EFFECTS
from tests.cars import BASE, register_car, restrict
from tests.market import Market
from tests.people import Person, operator, sign_up


def file(api: Market, by: Person, car: dict[str, Any], kind: str, *, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = api.post(f"{BASE}/{car['id']}/documents", json={"kind": kind, **more}, headers=by.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def check(api: Market, by: Person, car: dict[str, Any], paper: dict[str, Any], *, accepted: bool = True) -> Any:
    body = {"accepted": accepted, "note": "与车管所登记一致"}
    return api.post(f"{BASE}/{car['id']}/documents/{paper['id']}/check", json=body, headers=by.headers)


def findings(api: Market, by: Person, car: dict[str, Any], mode: str = "c2b_auction", **more: str) -> dict[str, Any]:
    answer = api.get(f"{BASE}/{car['id']}/eligibility", params={"mode": mode, **more}, headers=by.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"codes": {one["code"] for one in found["findings"]}}


class TestEffects:
    def test_consent_opens_only_what_a_third_party_may_open(self) -> None:
        for effect in EFFECTS.values():
            if effect.state is RestrictionState.CONSENTED:
                assert effect.kinds <= CONSENTABLE
        assert {kind for effect in EFFECTS.values() for kind in effect.kinds} == set(RestrictionKind) - {
            RestrictionKind.ILLEGAL_ASSEMBLY, RestrictionKind.DEREGISTERED, RestrictionKind.BARRED_BY_LAW,
        }  # fmt: skip


class TestLien:
    def test_rule_2_a_lien_bars_until_a_release_or_a_three_party_application_is_on_file_and_checked(self, api: Market) -> None:
        for paper, expected in (("lien_release", set()), ("three_party_application", {"lien_joint"})):
            owner, clerk = sign_up(api), operator(api)
            car = register_car(api, owner)
            lien = restrict(api, owner, car["id"], "lien")
            before = findings(api, owner, car, "transfer")
            assert (before["tradable"], before["codes"]) == (False, {"lien_open"})
            [question] = [one for one in before["questions"] if one["is_bad"]]
            assert (question["number"], question["codes"]) == (2, ["lien_open"])
            filed = file(api, owner, car, paper, restriction_id=lien["id"], number="津抵 2026-1")
            assert filed["check_state"] == "unchecked"
            assert findings(api, owner, car, "transfer")["codes"] == {"lien_open"}
            checked = check(api, clerk, car, filed)
            assert (checked.status_code, checked.json()["check_state"]) == (200, "accepted")
            after = findings(api, owner, car, "transfer")
            assert (after["tradable"], after["is_complete"], after["codes"]) == (True, True, expected)

    def test_a_refused_paper_clears_nothing(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car = register_car(api, owner)
        lien = restrict(api, owner, car["id"], "lien")
        paper = file(api, owner, car, "lien_release", restriction_id=lien["id"])
        assert check(api, clerk, car, paper, accepted=False).json()["check_state"] == "refused"
        assert findings(api, owner, car)["codes"] == {"lien_open"}
        again = check(api, clerk, car, paper)
        assert (again.status_code, again.json()["code"]) == (409, "document_checked")

    def test_an_application_that_has_run_out_no_longer_speaks_for_the_creditor(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car = register_car(api, owner)
        lien = restrict(api, owner, car["id"], "lien")
        with api.database.reading() as session:
            until = clock.shanghai_day(clock.now(session)) + timedelta(days=3)
        paper = file(api, owner, car, "three_party_application", restriction_id=lien["id"], valid_until=until.isoformat())
        assert check(api, clerk, car, paper).status_code == 200
        assert findings(api, owner, car)["codes"] == {"lien_joint"}
        api.advance(timedelta(days=5))
        assert findings(api, clerk, car)["codes"] >= {"lien_consented"}


class TestCheck:
    @pytest.mark.parametrize(
        ("kind", "paper", "left"),
        [
            ("seal", "seal_release", set()),
            ("seal_waiting", "seal_release", set()),
            ("customs_supervision", "customs_approval", {"customs_approved"}),
            ("customs_supervision", "customs_release", set()),
            ("pledge", "pledge_release", set()),
            ("stolen", "police_clearance", set()),
            ("engine_number_mismatch", "police_clearance", set()),
            ("vin_mismatch", "police_clearance", set()),
            ("recall", "recall_proof", set()),
        ],
    )
    def test_each_restriction_has_its_paper(self, quick_api: Market, kind: str, paper: str, left: set[str]) -> None:
        owner, clerk = sign_up(quick_api), operator(quick_api)
        car = register_car(quick_api, owner)
        found = restrict(quick_api, clerk, car["id"], kind)
        assert findings(quick_api, owner, car)["codes"]
        filed = file(quick_api, owner, car, paper, restriction_id=found["id"])
        assert check(quick_api, clerk, car, filed).status_code == 200
        assert findings(quick_api, owner, car)["codes"] == left

    def test_a_paper_names_a_restriction_of_its_kind_on_this_car(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car, other = register_car(api, owner), register_car(api, owner)
        seal, lien = restrict(api, clerk, car["id"], "seal"), restrict(api, owner, other["id"], "lien")
        for more in ({}, {"restriction_id": seal["id"]}, {"restriction_id": lien["id"]}):
            answer = file(api, owner, car, "lien_release", status=422, **more)
            assert (answer["code"], answer["restriction_kinds"]) == ("restriction_missing", ["lien"])
        assert "lien_release" not in {one["kind"] for one in api.get(f"{BASE}/{car['id']}/documents", headers=owner.headers).json()}

    def test_only_an_operator_checks(self, api: Market) -> None:
        owner, other = sign_up(api), sign_up(api, "李四")
        car = register_car(api, owner)
        paper = file(api, owner, car, "power_of_attorney")
        assert [check(api, one, car, paper).status_code for one in (owner, other)] == [403, 403]

    def test_what_an_operator_puts_on_file_he_has_seen(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car = register_car(api, owner)
        seal = restrict(api, clerk, car["id"], "seal")
        paper = file(api, clerk, car, "seal_release", restriction_id=seal["id"])
        assert (paper["check_state"], findings(api, owner, car)["codes"]) == ("accepted", set())

    def test_rule_4_the_sellers_name_is_the_certificates_or_authority_is_on_file(self, api: Market) -> None:
        owner, clerk = sign_up(api, "张三"), operator(api)
        car = register_car(api, owner, papers=False)
        file(api, owner, car, "registration_certificate", holder_name="张三")
        file(api, owner, car, "driving_licence", holder_name="王五")
        barred = findings(api, owner, car)
        assert (barred["tradable"], barred["codes"]) == (False, {"owner_name_differs"})
        paper = file(api, owner, car, "power_of_attorney")
        waiting = findings(api, owner, car)
        assert (waiting["tradable"], waiting["is_complete"], waiting["codes"]) == (True, False, {"authority_unchecked"})
        assert check(api, clerk, car, paper).status_code == 200
        assert findings(api, owner, car)["codes"] == set()
        file(api, owner, car, "driving_licence", holder_name="张三")
        assert findings(api, owner, car)["codes"] == set()

    def test_the_paper_goes_before_what_was_stated(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, inspection_valid_until="2030-03-31")
        file(api, owner, car, "inspection_mark", valid_until="2025-03-31")
        assert findings(api, owner, car)["codes"] == {"inspection_expired"}
        file(api, owner, car, "inspection_mark", valid_until="2031-03-31")
        assert findings(api, owner, car)["codes"] == set()


class TestReports:
    def test_signs_of_a_crime_become_a_case_at_once(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car = register_car(api, owner)
        restrict(api, clerk, car["id"], "vin_mismatch")
        restrict(api, clerk, car["id"], "seal")
        queue = api.get("/marketplace/v1/operations/cases", headers=clerk.headers).json()["items"]
        assert [(one["kind"], one["subject_id"]) for one in queue] == [("crime", car["id"])]

    def test_kilometres_that_go_back_become_one_case(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, odometer_km=80_000)
        for days, km in ((2, 50_000), (1, 49_000)):
            api.advance(timedelta(days=days))
            assert api.post(f"{BASE}/{car['id']}/odometer", json={"odometer_km": km}, headers=owner.headers).status_code == 201
        queue = api.get("/marketplace/v1/operations/cases", params={"kind": "odometer"}, headers=operator(api).headers).json()["items"]
        assert [one["subject_id"] for one in queue] == [car["id"]]
        assert api.get(f"{BASE}/{car['id']}").json()["rolled_back_on"] is not None


class TestDocumentKinds:
    def test_every_paper_has_its_words(self) -> None:
        assert all(term(kind).zh and term(kind).en for kind in DocumentKind)
