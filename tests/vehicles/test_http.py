"""Vehicles over HTTP, on both databases."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.vehicles.queries import is_shown
from marketplace.vehicles.service.reading import follow_listing
from tests.cars import BASE, add_photo, car_facts, picture, plate, register_car, restrict, vin
from tests.market import Market
from tests.people import Person, operator, organization, sign_up
from tests.stock import listed_car


def eligibility(api: Market, person: Person, car: dict[str, Any], mode: str = "c2b_auction", **more: str) -> dict[str, Any]:
    answer = api.get(f"{BASE}/{car['id']}/eligibility", params={"mode": mode, **more}, headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def codes(found: dict[str, Any]) -> set[str]:
    return {one["code"] for one in found["findings"]}


class TestRegister:
    def test_an_owner_registers_and_finds_his_car(self, api: Market) -> None:
        owner = sign_up(api)
        body = car_facts(brand="VW", series="Passat", city="天津市")
        answer = api.post(BASE, json=body, headers=owner.headers)
        assert answer.status_code == 201, answer.text
        car = answer.json()
        assert (car["brand"], car["series"], car["segment"], car["body"], car["city"]) == ("大众", "帕萨特", "b", "sedan", "天津")
        assert (car["holding"]["capacity"], car["maker"]) == ("owner", "上汽大众")
        assert body["vin"] not in answer.text
        assert body["plate"] not in answer.text
        assert car["plate_region"] == "津A"
        assert car["vin_masked"] == f"{body['vin'][:11]}****{body['vin'][-2:]}"
        own = api.get(BASE, headers=owner.headers).json()
        assert [one["id"] for one in own["items"]] == [car["id"]]
        public = api.get(f"{BASE}/{car['id']}")
        assert public.status_code == 200
        assert "holding" not in public.json()

    def test_a_dealer_holds_stock(self, api: Market) -> None:
        dealer = organization(api, "dealer")
        assert register_car(api, dealer)["holding"]["capacity"] == "dealer_stock"

    def test_a_newcomer_gets_a_title_case_and_nothing_else(self, api: Market) -> None:
        owner, other = sign_up(api), sign_up(api, "李四")
        body = car_facts()
        car = api.post(BASE, json=body, headers=owner.headers).json()
        answer = api.post(BASE, json=body, headers=other.headers)
        assert (answer.status_code, answer.json()["status"]) == (202, "title_case")
        assert car["id"] not in answer.text
        assert api.get(f"{BASE}/{car['id']}/holding", headers=other.headers).status_code == 404
        assert api.patch(f"{BASE}/{car['id']}", json={"colour": "red"}, headers=other.headers).status_code == 404
        assert api.patch(f"{BASE}/{car['id']}", json={"colour": "red"}, headers=owner.headers).status_code == 200

    def test_the_same_holder_is_shown_his_car(self, api: Market) -> None:
        owner = sign_up(api)
        body = car_facts()
        car = api.post(BASE, json=body, headers=owner.headers).json()
        answer = api.post(BASE, json=body, headers=owner.headers)
        assert (answer.status_code, answer.json()["code"], answer.json()["vehicle_id"]) == (409, "already_registered", car["id"])

    def test_what_is_wrong_is_named(self, quick_api: Market) -> None:
        owner = sign_up(quick_api)
        good = vin()
        wrong_digit = good[:8] + ("0" if good[8] != "0" else "1") + good[9:]
        for change, code in (
            ({"vin": wrong_digit}, "bad_vin"),
            ({"vin": "LSV0"}, "malformed"),
            ({"vin": vin(model_year=2012)}, "bad_vin"),
            ({"plate": "津O12345"}, "bad_plate"),
            ({"brand": "不存在牌"}, "unknown_brand"),
            ({"first_registration_on": "2099-01-01"}, "bad_facts"),
            ({"fuel": "bev", "battery": {"soh_permille": 1001}}, "malformed"),
        ):
            answer = quick_api.post(BASE, json=car_facts(**change), headers=owner.headers)
            assert (answer.status_code, answer.json()["code"]) == (422, code), change
        assert quick_api.post(BASE, json=car_facts()).status_code == 401

    def test_an_import_without_check_digit_is_warned_of(self, quick_api: Market) -> None:
        owner = sign_up(quick_api)
        good = vin(wmi="WBA")
        number = good[:8] + ("Z" if good[8] != "Z" else "0") + good[9:]
        car = register_car(quick_api, owner, vin=number, brand="宝马(进口)", series="X5")
        found = eligibility(quick_api, owner, car)
        assert found["tradable"]
        assert "vin_check_digit_unused" in codes(found)

    def test_the_same_key_registers_once(self, api: Market) -> None:
        owner = sign_up(api)
        body, headers = car_facts(), owner.headers | {"Idempotency-Key": "one"}
        first = api.post(BASE, json=body, headers=headers)
        again = api.post(BASE, json=body, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()


class TestFacts:
    def test_a_correction_counts_the_version_up_and_is_told(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, papers=False)
        changed = api.patch(f"{BASE}/{car['id']}", json={"series": "途观L", "colour": "red"}, headers=owner.headers).json()
        assert (changed["series"], changed["segment"], changed["body"], changed["facts_version"]) == ("途观L", "suv_b", "suv", 2)
        same = api.patch(f"{BASE}/{car['id']}", json={"colour": "red"}, headers=owner.headers).json()
        assert same["facts_version"] == 2
        assert api.patch(f"{BASE}/{car['id']}", json={"vin": vin()}, headers=owner.headers).status_code == 422

    def test_kilometres_that_go_back_raise_the_alarm(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, odometer_km=80_000)
        assert "odometer_rolled_back" not in codes(eligibility(api, owner, car))
        api.advance(timedelta(days=2))
        answer = api.post(f"{BASE}/{car['id']}/odometer", json={"odometer_km": 50_000}, headers=owner.headers)
        assert answer.status_code == 201, answer.text
        history = api.get(f"{BASE}/{car['id']}/odometer").json()
        assert [one["odometer_km"] for one in history["readings"]] == [80_000, 50_000]
        assert history["rolled_back"]
        assert "odometer_rolled_back" in codes(eligibility(api, owner, car))
        assert api.get(f"{BASE}/{car['id']}").json()["odometer_km"] == 50_000

    def test_a_full_vin_is_revealed_to_the_holder_and_logged(self, api: Market) -> None:
        owner, other = sign_up(api), sign_up(api, "李四")
        body = car_facts()
        car = api.post(BASE, json=body, headers=owner.headers).json()
        path = f"{BASE}/{car['id']}/vin-reveals"
        assert api.post(path, json={"reason": "办理转让登记"}, headers=other.headers).status_code == 404
        assert api.post(path, json={"reason": "办理转让登记"}, headers=owner.headers).json() == {"vin": body["vin"]}

    def test_the_vocabulary_speaks_both_languages(self, quick_api: Market) -> None:
        found = quick_api.get("/marketplace/v1/vehicle-vocabulary").json()
        assert {"value": "petrol", "zh": "汽油", "en": "petrol"} in found["terms"]["Fuel"]
        assert "宝马" in {brand["name"] for brand in found["brands"]}


class TestEligibility:
    def test_a_good_car_may_be_traded(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner)
        found = eligibility(api, owner, car, "transfer", buyer_city="天津", buyer_has_quota="true")
        assert found["tradable"]
        assert found["is_complete"], found

    def test_a_seal_bars_until_it_is_released(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car = register_car(api, owner)
        own = api.post(f"{BASE}/{car['id']}/restrictions", json={"kind": "seal"}, headers=owner.headers)
        assert own.status_code == 404
        seal = restrict(api, clerk, car["id"], "seal")
        found = eligibility(api, owner, car)
        assert not found["tradable"]
        [finding] = [one for one in found["findings"] if one["code"] == "sealed"]
        assert finding["article"] == "二手车流通管理办法 第二十条(三)"
        path = f"{BASE}/{car['id']}/restrictions/{seal['id']}/decision"
        assert api.post(path, json={"state": "consented", "reference": "x"}, headers=clerk.headers).status_code == 422
        assert api.post(path, json={"state": "released", "reference": "解封裁定"}, headers=clerk.headers).status_code == 200
        again = api.post(path, json={"state": "released", "reference": "解封裁定"}, headers=clerk.headers)
        assert (again.status_code, again.json()["code"]) == (409, "restriction_not_open")
        assert eligibility(api, owner, car)["tradable"]

    def test_a_lien_opens_with_the_creditors_consent(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        car = register_car(api, owner)
        lien = restrict(api, owner, car["id"], "lien")
        assert not eligibility(api, owner, car)["tradable"]
        path = f"{BASE}/{car['id']}/restrictions/{lien['id']}/decision"
        body = {"state": "consented", "reference": "三方协议 1"}
        assert api.post(path, json=body, headers=owner.headers).status_code == 403
        assert api.post(path, json=body, headers=clerk.headers).status_code == 200
        found = eligibility(api, owner, car)
        assert found["tradable"]
        assert not found["is_complete"]

    def test_a_certificate_in_another_name_bars_until_there_is_authority(self, api: Market) -> None:
        owner = sign_up(api, "张三")
        car = register_car(api, owner, papers=False)
        path = f"{BASE}/{car['id']}/documents"
        certificate = {"kind": "registration_certificate", "holder_name": "王五"}
        assert api.post(path, json=certificate, headers=owner.headers).status_code == 201
        assert "owner_name_differs" in codes(eligibility(api, owner, car))
        assert api.post(path, json={"kind": "power_of_attorney"}, headers=owner.headers).status_code == 201
        assert eligibility(api, owner, car)["tradable"]

    def test_the_buyers_city_asks_for_its_own(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, emission_stage="cn4", model_year=2013)
        found = eligibility(api, owner, car, "c2c_consignment", buyer_city="北京")
        assert {"plate_quota_needed", "emission_to_check"} <= codes(found)
        assert "plate_quota_needed" not in codes(eligibility(api, owner, car, "c2b_auction", buyer_city="北京"))

    def test_a_car_nobody_offers_is_no_strangers_business(self, api: Market) -> None:
        owner, other, clerk = sign_up(api), sign_up(api, "李四"), operator(api)
        car = register_car(api, owner)
        path, asked = f"{BASE}/{car['id']}/eligibility", {"mode": "c2b_auction"}
        assert api.get(path, params=asked, headers=other.headers).status_code == 404
        assert "no_holding" not in codes(eligibility(api, clerk, car))

    def test_what_is_offered_anybody_may_ask_about(self, api: Market) -> None:
        """From the listing's publication to its end, and of the holder's sale."""
        other = sign_up(api, "李四")
        shown = listed_car(api)
        path, asked = f"{BASE}/{shown.car_id}/eligibility", {"mode": "b2c_store", "buyer_city": "北京市"}
        assert api.get(path, params=asked, headers=other.headers).status_code == 404
        api.relay()
        found = api.get(path, params=asked, headers=other.headers).json()
        assert (found["tradable"], {one["code"] for one in found["findings"]}) == (True, {"plate_quota_needed"})
        assert api.get(path, params=asked).status_code == 401
        path_out, why = f"/marketplace/v1/listings/{shown.listing_id}/withdrawal", {"reason": "车主收回"}
        ended = api.post(path_out, json=why, headers=shown.seller.headers)
        assert ended.status_code == 200, ended.text
        api.relay()
        assert api.get(path, params=asked, headers=other.headers).status_code == 404

    def test_words_of_a_listing_are_heard_in_any_order(self, db: Database) -> None:
        listing, vehicle = new_id(), new_id()
        for version, is_open, expected in ((2, False, False), (1, True, False), (3, True, True), (3, True, True)):
            with db.writing() as session:
                follow_listing(session, listing_id=listing, vehicle_id=vehicle, is_open=is_open, version=version)
            with db.reading() as session:
                assert is_shown(session, vehicle) is expected


class TestPhotos:
    def test_a_photo_is_re_encoded_without_its_metadata(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, papers=False)
        image = Image.new("RGB", (2400, 1200), (10, 20, 30))
        exif = Image.Exif()
        exif[0x010E] = "at home"
        out = BytesIO()
        image.save(out, "JPEG", exif=exif)
        sent = {"photo": ("car.bin", out.getvalue(), "application/octet-stream")}
        answer = api.post(f"{BASE}/{car['id']}/photos", files=sent, headers=owner.headers)
        assert answer.status_code == 201, answer.text
        shown = api.get(f"{BASE}/{car['id']}").json()["photos"]
        assert [one["id"] for one in shown] == [answer.json()["id"]]
        got = api.get(shown[0]["url"])
        assert got.headers["content-type"] == "image/jpeg"
        stored = Image.open(BytesIO(got.content))
        assert stored.size == (1920, 960)
        assert not dict(stored.getexif())
        assert b"at home" not in got.content
        small = api.get(shown[0]["thumbnail_url"])
        assert Image.open(BytesIO(small.content)).size == (400, 200)
        assert api.get(shown[0]["url"], headers={"If-None-Match": got.headers["etag"]}).status_code == 304

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    def test_what_is_no_photo_is_refused(self, quick_api: Market) -> None:
        owner, other = sign_up(quick_api), sign_up(quick_api, "李四")
        car = register_car(quick_api, owner, papers=False)
        path = f"{BASE}/{car['id']}/photos"
        good = picture()
        for content, reason in (
            (b"<svg onload=alert(1)>", "type"),
            (picture(form="GIF"), "type"),
            (good[: len(good) // 2], "broken"),
            (picture(size=(100, 100)), "pixels"),
            (_bomb(), "pixels"),
        ):
            answer = quick_api.post(path, files={"photo": ("a.jpg", content, "image/jpeg")}, headers=owner.headers)
            assert (answer.status_code, answer.json()["reason"]) == (422, reason)
        assert quick_api.post(path, files={"photo": ("a.jpg", good, "image/jpeg")}, headers=other.headers).status_code == 404
        large = quick_api.post(path, files={"photo": ("a.jpg", b"x" * 11_000_000, "image/jpeg")}, headers=owner.headers)
        assert large.status_code == 413

    def test_the_same_picture_is_one_and_the_number_is_bounded(self, quick_api: Market) -> None:
        owner = sign_up(quick_api)
        car = register_car(quick_api, owner, papers=False)
        quick_api.app.state.settings = quick_api.app.state.settings.model_copy(update={"photos_a_car_max": 2})
        path, content = f"{BASE}/{car['id']}/photos", picture()
        ids = {
            quick_api.post(path, files={"photo": ("a.jpg", content, "image/jpeg")}, headers=owner.headers).json()["id"] for _ in range(2)
        }
        assert len(ids) == 1
        second = add_photo(quick_api, owner, car["id"])
        third = quick_api.post(path, files={"photo": ("a.jpg", picture(), "image/jpeg")}, headers=owner.headers)
        assert (third.status_code, third.json()["code"]) == (409, "too_many_photos")
        assert quick_api.delete(f"{path}/{second['id']}", headers=owner.headers).status_code == 204
        assert len(quick_api.get(f"{BASE}/{car['id']}").json()["photos"]) == 1


class TestNotes:
    def test_notes_hang_on_the_holding(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, plate=plate())
        answer = api.put(f"{BASE}/{car['id']}/note", json={"note": "底价可再谈", "buy_price_minor": 100}, headers=owner.headers)
        assert answer.status_code == 204
        assert "底价" not in api.get(f"{BASE}/{car['id']}").text


def _bomb() -> bytes:
    """A tiny file that claims a hundred million pixels."""
    out = BytesIO()
    Image.new("1", (12_000, 9_000)).save(out, "PNG")
    return out.getvalue()
