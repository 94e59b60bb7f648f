"""Papers of a report: printed and sealed by a job, masked for everybody, in full for the client; pages, photos, the letter."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from sqlmodel import select

from marketplace.accounts import api as accounts
from marketplace.accounts.service.seals import _load_certificate
from marketplace.core import audit
from marketplace.core.crypto import sha256_hex
from marketplace.core.outbox import OutboxDelivery, use_database
from marketplace.core.outbox.writing import DeliveryState
from tests.appraisals import BASE, SOUND, accepted, inspected, offered, requested, signed, signed_appraisal
from tests.cars import car_facts, picture, register_car, restrict
from tests.market import Market
from tests.people import Person, appraisers, operator, sign_up
from valuation.appraisal import queries
from valuation.appraisal.domain import Audience, Comparable, PaperKind, compute_market_value
from valuation.appraisal.domain.outline import draw_body, draw_frame, marks_of
from valuation.appraisal.models import AppraisalPaper
from valuation.appraisal.service import papers
from valuation.appraisal.tasks import print_report

Issued = tuple[Market, Person, tuple[Person, Person], dict[str, Any], dict[str, Any]]
COST = {"method": "replacement_cost", "new_price_minor": 18_000_000, "new_price_source": "厂商指导价", "alpha_bps": 6_000}


def _photo(colour: str = "red") -> dict[str, Any]:
    out = BytesIO()
    Image.new("RGB", (800, 600), colour).save(out, "JPEG")
    return {"photo": ("car.jpg", out.getvalue(), "image/jpeg")}


def _engaged(api: Market) -> tuple[Person, tuple[Person, Person], dict[str, Any], UUID]:
    owner, pair = sign_up(api, "李车主"), appraisers(api)
    facts = car_facts()
    car = register_car(api, owner, vin=facts["vin"], plate=facts["plate"])
    appraisal_id = requested(api, owner, UUID(car["id"]), pair[0].organization_id)
    accepted(api, pair[0], appraisal_id, owner)
    return owner, pair, {**car, "vin": facts["vin"], "plate": facts["plate"]}, appraisal_id


@pytest.fixture
def issued(quick_api: Market) -> Issued:
    """(api, owner, appraisers, car with full VIN and plate, the issued appraisal with a value and a photo), papers not printed yet."""
    api = quick_api
    owner, pair, car, appraisal_id = _engaged(api)
    path = f"{BASE}/appraisals/{appraisal_id}"
    added = api.post(f"{path}/photos", files=_photo(), data={"slot": "defect", "item": 21, "caption": "锈蚀"}, headers=pair[0].headers)
    assert added.status_code == 201, added.text
    inspected(api, pair[0], appraisal_id, {**SOUND, "records": [{"code": "21XS2"}, {"code": "8BX"}]})
    assert api.put(f"{path}/value", json=_market(), headers=pair[0].headers).status_code == 200
    signed(api, pair[0], appraisal_id)
    return api, owner, pair, car, signed(api, pair[1], appraisal_id)


def _market(**changes: Any) -> dict[str, Any]:
    one = {
        "source": "本市场成交",
        "price_minor": 9_600_000,
        "sold_on": "2026-10-18",
        "age_months": 60,
        "odometer_km": 45_000,
        "score_bps": 7_000,
    }
    return {
        "method": "market_comparison",
        "comparables": [one | changes, one | {"price_minor": 9_900_000}, one | {"price_minor": 9_300_000}],
    }


def _trail(api: Market, appraisal: dict[str, Any]) -> list[tuple[str, str | None]]:
    with api.database.reading() as session:
        return [(one.act, one.reason) for one in audit.list_entries(session, object_kind="appraisal", object_id=UUID(appraisal["id"]))]


class TestPrinting:
    def test_both_papers_for_both_audiences_sealed_and_whole(self, issued: Issued) -> None:
        api, _, pair, _, appraisal = issued
        address = f"{BASE}/reports/{appraisal['report_hash']}"
        early = api.get(f"{address}/papers/report")
        assert (early.status_code, early.json()["code"], early.headers["Retry-After"]) == (409, "paper_not_ready", "5")
        api.relay()
        with api.database.reading() as session:
            made = {(one.kind, one.audience) for one in session.exec(select(AppraisalPaper)).all()}
            root = accounts.seal_authority_view(session).root_pem
        assert made == {(kind, audience) for kind in PaperKind for audience in Audience}
        for kind in PaperKind:
            pdf = api.get(f"{address}/papers/{kind.value}")
            assert (pdf.status_code, pdf.headers["Content-Type"]) == (200, "application/pdf")
            shown = next(one for one in api.get(address).json()["papers"] if one["kind"] == kind.value)
            assert shown["sha256"] == sha256_hex(pdf.content)
            reader = PdfFileReader(BytesIO(pdf.content))
            seal = reader.embedded_signatures[0]
            kept = {"trust_roots": [_load_certificate(root)], "moment": seal.self_reported_timestamp + timedelta(seconds=1)}
            trust = DocumentSecurityStore.read_dss(reader).as_validation_context({**kept, "revocation_mode": "require"})
            assert validate_pdf_signature(seal, trust).bottom_line
            assert seal.sig_object["/Name"] == pair[0].organization_name

    def test_the_status_table_is_one_page_however_much_was_found(self, quick_api: Market) -> None:
        owner, pair, _, appraisal_id = _engaged(quick_api)
        much = [{"code": f"{part}{state}3", "note": "很长的说明" * 20} for part in range(14, 39) for state in ("HH", "AX")]
        inspected(quick_api, pair[0], appraisal_id, {**SOUND, "records": [*much, {"code": "40B"}, {"code": "80C"}]})
        signed(quick_api, pair[0], appraisal_id)
        done = signed(quick_api, pair[1], appraisal_id)
        quick_api.relay()
        pdf = quick_api.get(f"{BASE}/reports/{done['report_hash']}/papers/status_table")
        assert PdfFileReader(BytesIO(pdf.content)).root["/Pages"]["/Count"] == 1
        assert quick_api.get(f"{BASE}/reports/{done['report_hash']}/papers/report").status_code == 404  # no value, no report
        assert owner.id is not None

    def test_a_job_that_runs_twice_prints_once(self, issued: Issued) -> None:
        api = issued[0]
        api.relay()
        with api.database.writing() as session:
            delivery = session.exec(select(OutboxDelivery).where(OutboxDelivery.subscriber == print_report.name)).one()
            delivery.state, delivery.done_at = DeliveryState.OPEN, None
        with use_database(api.database):
            print_report(str(delivery.id))
        with api.database.reading() as session:
            assert len(session.exec(select(AppraisalPaper)).all()) == 4


class TestWhoSeesWhat:
    def test_the_public_copy_hides_who_and_which(self, issued: Issued) -> None:
        api, owner, pair, car, appraisal = issued
        api.relay()
        report_hash = appraisal["report_hash"]
        with api.database.reading() as session:
            stored = queries.find_issued(session, report_hash=report_hash)
            assert stored is not None
            values = papers.compose(session, issued=stored, kind=PaperKind.REPORT, audience=Audience.PUBLIC, identity=None)
        shown = [
            json.dumps(values, ensure_ascii=False),
            api.get(f"{BASE}/reports/{report_hash}").text,
            api.get(f"{BASE}/reports/{report_hash}/page").text,
            api.get(f"{BASE}/reports/{report_hash}/page?kind=status_table").text,
        ]
        for text in shown:
            for secret in (car["vin"], car["plate"], "李车主", pair[0].name, str(owner.id)):
                assert str(secret) not in text
        assert car["vin_masked"] in shown[0]
        assert values["photos"] == []

    def test_the_clients_copy_is_full_and_each_look_is_on_record(self, issued: Issued) -> None:
        api, owner, pair, car, appraisal = issued
        api.relay()
        path = f"{BASE}/appraisals/{appraisal['id']}"
        pdf = api.post(f"{path}/paper-reveals", json={"kind": "report", "reason": "交付委托方"}, headers=owner.headers)
        assert (pdf.status_code, pdf.content[:5], pdf.headers["Cache-Control"]) == (200, b"%PDF-", "no-store")
        page = api.post(f"{path}/page", data={"kind": "report", "reason": "自己查看"}, headers=pair[1].headers)
        assert page.status_code == 200
        for full in (car["vin"], car["plate"], "李车主", "鉴甲", f"/valuation/v1/appraisals/{appraisal['id']}/photos/"):
            assert full in page.text
        trail = _trail(api, appraisal)
        assert ("appraisal.reveal_paper", "交付委托方") in trail
        assert ("appraisal.reveal_page", "自己查看") in trail
        with api.database.reading() as session:
            reveals = [one.reason for one in audit.list_entries(session, object_kind="vehicle", object_id=UUID(car["id"]))]
        assert "自己查看" in reveals

    def test_strangers_get_nothing_of_the_clients_copy(self, issued: Issued) -> None:
        api, _, _, _, appraisal = issued
        api.relay()
        path, stranger = f"{BASE}/appraisals/{appraisal['id']}", sign_up(api)
        before = _trail(api, appraisal)
        assert api.post(f"{path}/paper-reveals", json={"kind": "report", "reason": "好奇"}, headers=stranger.headers).status_code == 404
        assert api.post(f"{path}/page", data={"kind": "report", "reason": "好奇"}, headers=stranger.headers).status_code == 404
        assert api.get(f"{path}/page", headers=stranger.headers).status_code == 404
        assert api.get(f"{path}/photos", headers=stranger.headers).status_code == 404
        assert _trail(api, appraisal) == before

    def test_the_check_page_answers_every_hash(self, issued: Issued) -> None:
        api, _, _, _, appraisal = issued
        page = api.get(f"{BASE}/report-check", params={"hash": f" {appraisal['report_hash'].upper()} "})
        assert "报告真实有效" in page.text
        assert api.get(f"{BASE}/report-check", params={"hash": "f" * 64}).status_code == 404
        wrong = api.get(f"{BASE}/report-check", params={"hash": '"><script>alert(1)</script>'})
        assert (wrong.status_code, "<script>" in wrong.text) == (422, False)
        api.advance(timedelta(days=91))
        assert "已过有效期" in api.get(f"{BASE}/report-check", params={"hash": appraisal["report_hash"]}).text


class TestPhotos:
    def test_are_named_in_the_report_and_frozen_by_the_first_signature(self, quick_api: Market) -> None:
        api = quick_api
        owner, pair, _, appraisal_id = _engaged(api)
        path = f"{BASE}/appraisals/{appraisal_id}"
        first = api.post(f"{path}/photos", files=_photo("red"), data={"slot": "cabin"}, headers=pair[0].headers).json()
        again = api.post(f"{path}/photos", files=_photo("red"), headers=pair[0].headers).json()
        assert again["id"] == first["id"]
        second = api.post(f"{path}/photos", files=_photo("blue"), headers=pair[0].headers).json()
        assert api.delete(f"{path}/photos/{second['id']}", headers=pair[0].headers).status_code == 204
        inspected(api, pair[0], appraisal_id)
        signed(api, pair[0], appraisal_id)
        late = api.post(f"{path}/photos", files=_photo("green"), headers=pair[0].headers)
        assert (late.status_code, late.json()["code"]) == (409, "wrong_step")
        assert api.delete(f"{path}/photos/{first['id']}", headers=pair[0].headers).status_code == 409
        signed(api, pair[1], appraisal_id)
        text = api.get(f"{path}/report", headers=owner.headers).json()
        assert [one["sha256"] for one in text["photos"]] == [first["sha256"]]
        shown = api.get(f"{path}/photos/{first['id']}", headers=owner.headers)
        assert (shown.status_code, sha256_hex(shown.content)) == (200, first["sha256"])

    def test_what_is_no_photo_is_refused(self, quick_api: Market) -> None:
        _, pair, _, appraisal_id = _engaged(quick_api)
        path = f"{BASE}/appraisals/{appraisal_id}/photos"
        bad = quick_api.post(path, files={"photo": ("a.jpg", b"<svg/>", "image/jpeg")}, headers=pair[0].headers)
        assert bad.status_code == 422
        assert (
            quick_api.post(
                path, files={"photo": ("a.jpg", picture(), "image/jpeg")}, data={"item": 114}, headers=pair[0].headers
            ).status_code
            == 422
        )
        assert quick_api.get(path, headers=pair[0].headers).json() == []


class TestLetter:
    def test_nothing_is_inspected_before_the_client_signed(self, quick_api: Market) -> None:
        api = quick_api
        owner, (first, _) = sign_up(api, "李车主"), appraisers(api)
        appraisal_id = requested(api, owner, UUID(register_car(api, owner)["id"]), first.organization_id)
        letter = offered(api, first, appraisal_id)
        assert (letter["state"], letter["step"], letter["letter"]["client_id"]) == ("accepted", 2, str(owner.id))
        early = api.put(f"{BASE}/appraisals/{appraisal_id}/inspection", json=SOUND, headers=first.headers)
        assert (early.status_code, early.json()["code"]) == (409, "wrong_step")
        path = f"{BASE}/appraisals/{appraisal_id}/engagement-letter/signatures"
        for who, passphrase, status in (
            (first, first.password, 403),
            (sign_up(api), owner.password, 404),
            (owner, "falsch und lang genug", 403),
        ):
            assert api.post(path, json={"passphrase": passphrase}, headers=who.headers).status_code == status
        assert api.get(f"{BASE}/appraisals/{appraisal_id}", headers=owner.headers).json()["state"] == "accepted"
        done = api.post(path, json={"passphrase": owner.password}, headers=owner.headers).json()
        assert (done["state"], done["step"], done["letter_hash"]) == ("engaged", 4, letter["letter_hash"])
        with api.database.reading() as session:
            kept = accounts.list_signatures(session, document_kind="engagement_letter", document_id=appraisal_id)
        assert [(one.content_hash, one.person_id, accounts.verify_signature(one)) for one in kept] == [
            (letter["letter_hash"], owner.id, True)
        ]

    def test_a_car_barred_meanwhile_ends_at_step_two(self, quick_api: Market) -> None:
        api = quick_api
        owner, (first, _) = sign_up(api, "李车主"), appraisers(api)
        car = UUID(register_car(api, owner)["id"])
        appraisal_id = requested(api, owner, car, first.organization_id)
        offered(api, first, appraisal_id)
        restrict(api, operator(api), car, "seal")
        path = f"{BASE}/appraisals/{appraisal_id}/engagement-letter/signatures"
        ended = api.post(path, json={"passphrase": owner.password}, headers=owner.headers).json()
        assert (ended["state"], ended["step"], ended["letter_signed_at"]) == ("not_tradable", 2, None)


class TestValue:
    def test_market_comparison_is_computed_again_from_what_was_stored(self, issued: Issued) -> None:
        api, _, _, _, appraisal = issued
        with api.database.reading() as session:
            stored = queries.get_appraisal(session, appraisal_id=UUID(appraisal["id"]))
        found = compute_market_value([Comparable(**one) for one in stored.valuation["inputs"]])
        assert (found.value_minor, list(found.adjusted_minor)) == (stored.value_minor, stored.valuation["result"]["adjusted_minor"])

    def test_two_methods_stand_side_by_side_and_the_last_concludes(self, quick_api: Market) -> None:
        _, pair, _, appraisal_id = _engaged(quick_api)
        inspected(quick_api, pair[0], appraisal_id)
        path = f"{BASE}/appraisals/{appraisal_id}/value"
        first = quick_api.put(path, json=COST, headers=pair[0].headers).json()
        second = quick_api.put(path, json=_market(score_bps=10_000), headers=pair[0].headers).json()
        assert second["value_method"] == "market_comparison"
        assert [(one["method"], one["value_minor"]) for one in second["valuation"]["others"]] == [
            ("replacement_cost", first["value_minor"])
        ]
        third = quick_api.put(path, json=COST, headers=pair[0].headers).json()
        assert [one["method"] for one in third["valuation"]["others"]] == ["market_comparison"]

    def test_two_comparables_are_too_few_and_an_accident_car_needs_its_score_factor(self, quick_api: Market) -> None:
        _, pair, _, appraisal_id = _engaged(quick_api)
        inspected(quick_api, pair[0], appraisal_id, {**SOUND, "records": [{"code": "8BX"}]})
        path = f"{BASE}/appraisals/{appraisal_id}/value"
        few = _market()
        few["comparables"].pop()
        assert quick_api.put(path, json=few, headers=pair[0].headers).json()["code"] == "too_few_comparables"
        missing = _market(score_bps=None, score_tenths=880)
        assert quick_api.put(path, json=missing, headers=pair[0].headers).json()["code"] == "factor_missing"
        assert quick_api.get(f"{BASE}/appraisals/{appraisal_id}", headers=pair[0].headers).json()["value_minor"] is None


class TestSuperseded:
    def test_a_signed_report_is_only_ever_superseded(self, api: Market) -> None:
        owner, pair = sign_up(api, "李车主"), appraisers(api)
        car = UUID(register_car(api, owner)["id"])
        first = signed_appraisal(api, owner, car, pair=pair)
        path = f"{BASE}/appraisals/{first['id']}"
        for answer in (
            api.put(f"{path}/inspection", json=SOUND, headers=pair[0].headers),
            api.put(f"{path}/value", json=COST, headers=pair[0].headers),
            api.post(f"{path}/end", json={"reason": "不要了"}, headers=owner.headers),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_step")
        second = signed_appraisal(api, owner, car, pair=pair)
        old = api.get(f"{BASE}/reports/{first['report_hash']}").json()
        assert (old["is_intact"], old["is_current"], old["superseded_by"]) == (True, False, second["id"])
        assert "已被新报告取代" in api.get(f"{BASE}/reports/{first['report_hash']}/page").text


class TestOutline:
    def test_shows_each_part_with_its_codes_and_the_worst_colour(self) -> None:
        marks = marks_of([(21, "21XS2", 2), (21, "21HH1", 1), (39, "39-4", 4), (8, "8BX", None)])
        body, frame = draw_body(marks), draw_frame(marks)
        assert ">21 XS2·HH1<" in body
        assert ">39 4<" in body
        assert "#ffb057" in body
        assert ">8 BX<" in frame
        assert "#c62828" in frame
        assert draw_frame({}).count("#c62828") == 0

    def test_every_item_of_the_exterior_and_the_frame_is_drawn(self) -> None:
        assert [item for item in range(14, 40) if f">{item}<" not in draw_body({})] == []
        assert [item for item in range(1, 14) if f">{item}<" not in draw_frame({})] == []
