"""Appraisals over HTTP: the whole way, and everything that stops it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.accounts.api import PrivacyHold
from marketplace.core import audit
from tests.appraisals import BASE, accepted, inspected, offered, requested, signed, signed_appraisal
from tests.cars import register_car, restrict
from tests.market import Market
from tests.people import Person, appraisers, licence, member, operator, organization, sign_up
from valuation.api import Grade, find_latest_appraisal
from valuation.appraisal import queries
from valuation.appraisal.api import PERSONAL_DATA


def registered(api: Market, owner: Person) -> UUID:
    return UUID(register_car(api, owner)["id"])


def post(api: Market, person: Person, path: str, **body: Any) -> Any:
    return api.post(f"{BASE}{path}", json=body, headers=person.headers)


def put(api: Market, person: Person, path: str, **body: Any) -> Any:
    return api.put(f"{BASE}{path}", json=body, headers=person.headers)


class TestTheWholeWay:
    def test_from_request_to_a_report_anybody_can_check(self, api: Market) -> None:
        owner, (first, second) = sign_up(api, "李车主"), appraisers(api)
        car = registered(api, owner)
        appraisal_id = requested(api, owner, car, first.organization_id)
        taken = accepted(api, first, appraisal_id, owner)
        assert (taken["state"], taken["step"], taken["vehicle"]["brand"]) == ("engaged", 4, "大众")
        scored = inspected(api, first, appraisal_id)
        assert (scored["score_tenths"], scored["grade"], scored["state"]) == (965, "1", "inspected")
        assert scored["description"]["defects"]["exterior"] == ["14HH1 发动机舱盖表面 划痕 程度1", "21XS2 左后车门 锈蚀 程度2"]
        valued = put(
            api, first, f"/appraisals/{appraisal_id}/value",
            method="replacement_cost", new_price_minor=18_000_000, new_price_source="厂商指导价", alpha_bps=6_000,
        )  # fmt: skip
        assert valued.status_code == 200, valued.text
        assert valued.json()["valuation"]["result"]["replacement_cost_minor"] == 19_605_420
        assert signed(api, first, appraisal_id)["state"] == "signing"
        issued = signed(api, second, appraisal_id)
        assert (issued["state"], issued["step"], issued["report_kind"]) == ("issued", 9, "appraisal_report")
        report = api.get(f"{BASE}/reports/{issued['report_hash']}").json()
        assert (report["is_intact"], report["is_current"]) == (True, True)
        assert [one["is_valid"] for one in report["signers"]] == [True, True]
        assert report["institution"] == first.organization_name
        assert "client_id" not in report["report"]
        assert str(owner.id) not in api.get(f"{BASE}/reports/{issued['report_hash']}").text

    def test_the_door_gives_the_latest_report(self, api: Market) -> None:
        owner, pair = sign_up(api, "李车主"), appraisers(api)
        car = registered(api, owner)
        with api.database.reading() as session:
            assert find_latest_appraisal(session, vehicle_id=car) is None
        issued = signed_appraisal(api, owner, car, pair=pair)
        with api.database.reading() as session:
            found = find_latest_appraisal(session, vehicle_id=car)
        assert found is not None
        assert (found.score, found.grade, found.report_hash) == (965, Grade.ONE, issued["report_hash"])
        again = signed_appraisal(api, owner, car, pair=pair, worksheet={"records": [{"code": "8BX"}], "remaining_sound": True})
        with api.database.reading() as session:
            newest = find_latest_appraisal(session, vehicle_id=car)
            assert newest is not None
            assert newest.is_collision_accident
            assert find_latest_appraisal(session, vehicle_id=car, valid_on=date(2030, 1, 1)) is None
        old = api.get(f"{BASE}/reports/{issued['report_hash']}").json()
        assert (old["is_intact"], old["is_current"], old["superseded_by"]) == (True, False, again["id"])

    def test_an_issued_report_tells_the_market_and_its_trail_is_whole(self, api: Market) -> None:
        owner = sign_up(api, "李车主")
        issued = signed_appraisal(api, owner, registered(api, owner))
        api.relay()
        with api.database.reading() as session:
            trail = audit.list_entries(session, object_kind="appraisal", object_id=UUID(issued["id"]))
        assert [entry.act for entry in trail] == [
            "appraisal.request", "appraisal.accept", "appraisal.engage", "appraisal.inspect", "appraisal.sign", "appraisal.issue",
            "appraisal.print_paper",
        ]  # fmt: skip
        assert audit.find_break(trail) is None

    def test_validity_ends_ninety_days_after_the_base_date(self, quick_api: Market) -> None:
        owner = sign_up(quick_api, "李车主")
        issued = signed_appraisal(quick_api, owner, registered(quick_api, owner))
        quick_api.advance(timedelta(days=91))
        assert quick_api.get(f"{BASE}/reports/{issued['report_hash']}").json()["is_current"] is False


@pytest.fixture
def engaged(quick_api: Market) -> tuple[Market, Person, Person, Person, UUID, UUID]:
    """(api, owner, two appraisers, car, appraisal) after acceptance."""
    owner, (first, second) = sign_up(quick_api, "李车主"), appraisers(quick_api)
    car = registered(quick_api, owner)
    appraisal_id = requested(quick_api, owner, car, first.organization_id)
    accepted(quick_api, first, appraisal_id, owner)
    return quick_api, owner, first, second, car, appraisal_id


Engaged = tuple[Market, Person, Person, Person, UUID, UUID]


class TestRefusals:
    def test_one_person_cannot_be_both_appraisers(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        inspected(api, first, appraisal_id)
        signed(api, first, appraisal_id)
        again = post(api, first, f"/appraisals/{appraisal_id}/signatures", passphrase=first.password)
        assert (again.status_code, again.json()["code"]) == (409, "already_signed")
        assert again.json()["rule"]["article"] == "资产评估法 第二十七条"

    def test_nothing_changes_after_the_first_signature(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        inspected(api, first, appraisal_id)
        signed(api, first, appraisal_id)
        late = put(api, first, f"/appraisals/{appraisal_id}/inspection", records=[], remaining_sound=True)
        assert (late.status_code, late.json()["code"]) == (409, "wrong_step")

    def test_a_wrong_passphrase_signs_nothing(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        inspected(api, first, appraisal_id)
        refused = post(api, first, f"/appraisals/{appraisal_id}/signatures", passphrase="not mine")
        assert refused.json()["code"] == "wrong_passphrase"
        assert api.get(f"{BASE}/appraisals/{appraisal_id}", headers=first.headers).json()["report_hash"] is None

    def test_bad_records_are_named(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        records = [{"code": "21XS2"}, {"code": "999"}, {"code": "50B"}]
        refused = put(api, first, f"/appraisals/{appraisal_id}/inspection", records=records, remaining_sound=True)
        assert refused.status_code == 422
        assert [one["code"] for one in refused.json()["records"]] == ["999", "50B"]

    def test_unchecked_items_are_named(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        refused = put(api, first, f"/appraisals/{appraisal_id}/inspection", records=[], remaining_sound=False)
        assert refused.json()["code"] == "inspection_incomplete"
        assert len(refused.json()["items"]) == 48

    def test_an_accident_car_takes_no_replacement_cost(self, engaged: Engaged) -> None:
        api, _, first, second, _, appraisal_id = engaged
        scored = inspected(api, first, appraisal_id, {"records": [{"code": "8BX"}], "remaining_sound": True})
        assert (scored["grade"], scored["is_collision_accident"]) == ("5", True)
        refused = put(
            api, first, f"/appraisals/{appraisal_id}/value",
            method="replacement_cost", new_price_minor=18_000_000, new_price_source="厂商指导价", alpha_bps=6_000,
        )  # fmt: skip
        assert refused.json()["code"] == "accident_needs_market_method"
        stated = put(
            api, first, f"/appraisals/{appraisal_id}/value", method="stated", value_minor=6_000_000, reason="事故车,按三台同款成交价调整"
        )
        assert stated.json()["value_minor"] == 6_000_000
        signed(api, first, appraisal_id)
        assert signed(api, second, appraisal_id)["state"] == "issued"

    def test_a_new_inspection_voids_the_value(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        inspected(api, first, appraisal_id)
        put(api, first, f"/appraisals/{appraisal_id}/value", method="stated", value_minor=6_000_000, reason="按三台同款成交价调整而得")
        assert inspected(api, first, appraisal_id)["value_minor"] is None

    def test_others_see_and_touch_nothing(self, engaged: Engaged) -> None:
        api, _, _, _, _, appraisal_id = engaged
        stranger, (rival, _) = sign_up(api, "王路人"), appraisers(api)
        assert api.get(f"{BASE}/appraisals/{appraisal_id}", headers=stranger.headers).status_code == 404
        assert api.get(f"{BASE}/appraisals/{appraisal_id}", headers=rival.headers).status_code == 404
        assert put(api, rival, f"/appraisals/{appraisal_id}/inspection", records=[], remaining_sound=True).status_code == 404
        assert post(api, stranger, f"/appraisals/{appraisal_id}/end", reason="不需要了").status_code == 404
        assert put(api, stranger, f"/appraisals/{appraisal_id}/inspection", records=[], remaining_sound=True).status_code == 403

    def test_the_client_may_withdraw_before_a_signature(self, engaged: Engaged) -> None:
        api, owner, first, _, car, appraisal_id = engaged
        ended = post(api, owner, f"/appraisals/{appraisal_id}/end", reason="不卖了")
        assert ended.json()["state"] == "declined"
        requested(api, owner, car, first.organization_id)

    def test_one_open_appraisal_of_a_car_at_an_institution(self, engaged: Engaged) -> None:
        api, owner, first, _, car, _ = engaged
        again = post(api, owner, "/appraisals", vehicle_id=str(car), institution_id=str(first.organization_id))
        assert (again.status_code, again.json()["code"]) == (409, "appraisal_open")

    def test_a_report_in_the_making_cannot_be_looked_up(self, engaged: Engaged) -> None:
        api, _, first, _, _, appraisal_id = engaged
        inspected(api, first, appraisal_id)
        unfinished = signed(api, first, appraisal_id)["report_hash"]
        assert api.get(f"{BASE}/reports/{unfinished}").status_code == 404


class TestWhoMay:
    def test_only_the_holder_asks(self, quick_api: Market) -> None:
        owner, other, (first, _) = sign_up(quick_api, "李车主"), sign_up(quick_api, "王路人"), appraisers(quick_api)
        car = registered(quick_api, owner)
        body = {"vehicle_id": str(car), "institution_id": str(first.organization_id)}
        assert quick_api.post(f"{BASE}/appraisals", json=body, headers=other.headers).status_code == 404
        assert quick_api.post(f"{BASE}/appraisals", json=body | {"vehicle_id": str(uuid4())}, headers=owner.headers).status_code == 404

    def test_only_of_an_appraisal_institution(self, quick_api: Market) -> None:
        owner, dealer = sign_up(quick_api, "李车主"), organization(quick_api, "dealer")
        car = registered(quick_api, owner)
        for institution_id in (dealer.organization_id, owner.id, uuid4()):
            refused = post(quick_api, owner, "/appraisals", vehicle_id=str(car), institution_id=str(institution_id))
            assert (refused.status_code, refused.json()["code"]) == (422, "not_an_appraisal_institution")

    def test_an_institution_without_filing_is_not_asked(self, quick_api: Market) -> None:
        owner, bare = sign_up(quick_api, "李车主"), organization(quick_api, "appraiser", licences=("business_licence",))
        refused = post(
            quick_api, owner, "/appraisals", vehicle_id=str(registered(quick_api, owner)), institution_id=str(bare.organization_id)
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "licence_missing")

    def test_an_appraiser_without_certificate_is_refused(self, quick_api: Market) -> None:
        clerk = operator(quick_api)
        boss = organization(quick_api, "appraiser", by=clerk)
        novice = member(quick_api, boss, "appraiser")
        owner = sign_up(quick_api, "李车主")
        appraisal_id = requested(quick_api, owner, registered(quick_api, owner), boss.organization_id)
        refused = post(quick_api, novice, f"/appraisals/{appraisal_id}/accept")
        assert (refused.status_code, refused.json()["code"], refused.json()["kind"]) == (403, "licence_missing", "appraiser_certificate")

    def test_a_lapsed_certificate_signs_nothing(self, quick_api: Market) -> None:
        clerk = operator(quick_api)
        boss = organization(quick_api, "appraiser", by=clerk)
        appraiser = member(quick_api, boss, "appraiser")
        licence(quick_api, appraiser, "appraiser_certificate", by=clerk, valid_to=date(2026, 12, 31))
        owner = sign_up(quick_api, "李车主")
        appraisal_id = requested(quick_api, owner, registered(quick_api, owner), boss.organization_id)
        accepted(quick_api, appraiser, appraisal_id, owner)
        inspected(quick_api, appraiser, appraisal_id)
        quick_api.advance(timedelta(days=365))
        refused = post(quick_api, appraiser, f"/appraisals/{appraisal_id}/signatures", passphrase=appraiser.password)
        assert refused.json()["code"] == "licence_lapsed"

    def test_an_appraiser_steps_aside_from_his_own_car(self, quick_api: Market) -> None:
        first, _ = appraisers(quick_api)
        himself = Person(id=first.id, phone=first.phone, token=first.token, name=first.name)
        car = registered(quick_api, himself)
        body = {"vehicle_id": str(car), "institution_id": str(first.organization_id)}
        refused = quick_api.post(f"{BASE}/appraisals", json=body, headers=first.self_headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "appraiser_not_independent")

    def test_without_the_second_factor_nobody_appraises(self, quick_api: Market) -> None:
        first, _ = appraisers(quick_api)
        first.sign_in(quick_api)
        refused = put(quick_api, first, f"/appraisals/{uuid4()}/inspection", records=[], remaining_sound=True)
        assert refused.json()["code"] == "second_factor_required"


class TestNotTradable:
    def test_a_sealed_car_ends_at_step_two(self, api: Market) -> None:
        owner, (first, _) = sign_up(api, "李车主"), appraisers(api)
        car = registered(api, owner)
        appraisal_id = requested(api, owner, car, first.organization_id)
        restrict(api, operator(api), car, "seal")
        ended = offered(api, first, appraisal_id)
        assert (ended["state"], ended["step"]) == ("not_tradable", 2)
        assert "sealed" in [finding["code"] for finding in ended["findings"] if finding["severity"] == "bars"]
        refused = put(api, first, f"/appraisals/{appraisal_id}/inspection", records=[], remaining_sound=True)
        assert (refused.status_code, refused.json()["code"]) == (409, "wrong_step")


class TestAtOnce:
    """Two people in the same moment; real connections on PostgreSQL, one writer on SQLite."""

    def test_two_signatures_are_a_first_and_a_second(self, api: Market) -> None:
        owner, (first, second) = sign_up(api, "李车主"), appraisers(api)
        appraisal_id = requested(api, owner, registered(api, owner), first.organization_id)
        accepted(api, first, appraisal_id, owner)
        inspected(api, first, appraisal_id)
        with ThreadPoolExecutor(2) as pool:
            states = [one["state"] for one in pool.map(lambda who: signed(api, who, appraisal_id), (first, second))]
        assert sorted(states) == ["issued", "signing"]
        report_hash = api.get(f"{BASE}/appraisals/{appraisal_id}", headers=owner.headers).json()["report_hash"]
        assert api.get(f"{BASE}/reports/{report_hash}").json()["is_intact"]

    def test_of_two_requests_one_is_taken(self, api: Market) -> None:
        owner, (first, _) = sign_up(api, "李车主"), appraisers(api)
        body = {"vehicle_id": str(registered(api, owner)), "institution_id": str(first.organization_id)}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: api.post(f"{BASE}/appraisals", json=body, headers=owner.headers), range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"appraisal_open", "uq_appraisal_open"}


class TestPersonalData:
    def test_reports_stay_with_their_reason(self, api: Market) -> None:
        owner = sign_up(api, "李车主")
        issued = signed_appraisal(api, owner, registered(api, owner))
        with api.database.writing() as session:
            exported = PERSONAL_DATA.export(session, owner.id)
            kept = PERSONAL_DATA.erase(session, owner.id).kept
        assert [one["report_hash"] for one in exported["appraisals"]] == [issued["report_hash"]]
        assert "资产评估法 第二十九条" in kept[0]

    def test_an_open_appraisal_holds_the_account(self, engaged: Engaged) -> None:
        api, owner = engaged[0], engaged[1]
        with pytest.raises(PrivacyHold), api.database.writing() as session:
            PERSONAL_DATA.erase(session, owner.id)


class TestStandard:
    def test_is_open_to_everybody(self, quick_api: Market) -> None:
        body = quick_api.get(f"{BASE}/standards/gbt30323").json()
        assert len(body["items"]) == 113
        assert body["area_caps_tenths"]["chassis"] == 150


def test_a_signature_row_cannot_be_changed(api: Market) -> None:
    owner = sign_up(api, "李车主")
    issued = signed_appraisal(api, owner, registered(api, owner))
    with pytest.raises(Exception, match="appraisal_signature_append_only"), api.database.writing() as session:
        signature = queries.list_signatures(session, appraisal_id=UUID(issued["id"]))[0]
        signature.certificate_number = "other"
        session.add(signature)
