"""A car's workshop visits and claims, photos that hang on the holding, the catalogue's models, and the whole list of facts."""

from io import BytesIO
from typing import Any
from uuid import UUID

from PIL import Image

from marketplace.core.files import file_store
from marketplace.vehicles.api import PERSONAL_DATA, Capacity, move_holding
from marketplace.vehicles.models import VehiclePhoto
from tests.cars import BASE, add_photo, picture, register_car
from tests.market import Market
from tests.people import Person, sign_up

FACTS: dict[str, Any] = {
    "registered_model": "SVW71810KJD", "registered_class": "k33", "plate_class": "small", "owner_kind": "person",
    "registry_status": "normal", "source_kind": "private", "is_turbocharged": True, "purchase_tax": "paid",
    "commercial_insurance_until": "2027-03-17", "vehicle_tax_until": "2026-12-31", "violations_count": 0, "violations_points": 0,
    "violations_fine_minor": 0, "service_record": "full", "service_last_on": "2026-06-01", "service_last_km": 40_000, "claims_count": 1,
    "claims_max_minor": 320_000, "is_accident": False, "is_flood": False, "is_fire": False, "condition_note": "右前翼子板更换",
    "estimated_km": 42_000, "manufactured_on": "2021-01-20",
}  # fmt: skip


def move(api: Market, car: dict[str, Any], to: Person) -> None:
    with api.database.writing() as session:
        move_holding(session, vehicle_id=UUID(car["id"]), to_party_id=to.party_id, capacity=Capacity.OWNER, proof=f"order:{car['id']}")


class TestFacts:
    def test_every_fact_of_the_glossary_is_kept_shown_and_corrected(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, **FACTS)
        shown = api.get(f"{BASE}/{car['id']}").json()
        assert {name: shown[name] for name in FACTS} == FACTS
        changed = api.patch(f"{BASE}/{car['id']}", json={"is_flood": True, "violations_count": 2}, headers=owner.headers).json()
        assert (changed["is_flood"], changed["is_accident"], changed["violations_count"]) == (True, False, 2)
        found = api.get(f"{BASE}/{car['id']}/eligibility", params={"mode": "transfer"}, headers=owner.headers).json()
        assert {one["code"] for one in found["findings"]} == {"violations_open", "flood_to_tell"}

    def test_a_state_of_health_says_how_and_when_it_was_found(self, quick_api: Market) -> None:
        owner = sign_up(quick_api)
        car = register_car(quick_api, owner, papers=False, fuel="phev", plate="津AF12345")
        for battery, field in (
            ({"soh_permille": 934}, "battery.soh_method"),
            ({"soh_permille": 934, "soh_method": "  ", "soh_on": "2026-10-01"}, "battery.soh_method"),
            ({"soh_permille": 934, "soh_method": "整车诊断读取"}, "battery.soh_on"),
            ({"soh_permille": 934, "soh_method": "整车诊断读取", "soh_on": "2099-10-01"}, "battery.soh_on"),
        ):
            answer = quick_api.patch(f"{BASE}/{car['id']}", json={"battery": battery}, headers=owner.headers)
            assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "bad_facts", field)
        assert quick_api.get(f"{BASE}/{car['id']}").json()["battery"] is None


class TestHistory:
    def test_visits_and_claims_come_to_a_summary(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, odometer_km=42_000)
        path = f"{BASE}/{car['id']}/history"
        assert api.get(path).json() == {
            "entries": [], "services": 0, "service_record": "none", "service_last_on": None, "service_last_km": None, "claims": 0,
            "claims_max_minor": None,
        }  # fmt: skip
        for entry in (
            {"kind": "service", "happened_on": "2025-06-01", "odometer_km": 30_000, "is_authorised": True, "place": "天津某某4S店"},
            {"kind": "service", "happened_on": "2024-06-01", "odometer_km": 20_000, "is_authorised": False},
            {"kind": "claim", "happened_on": "2025-02-01", "amount_minor": 320_000},
            {"kind": "claim", "happened_on": "2025-03-01"},
        ):
            assert api.post(path, json=entry, headers=owner.headers).status_code == 201
        found = api.get(path).json()
        assert [one["happened_on"] for one in found["entries"]] == ["2024-06-01", "2025-02-01", "2025-03-01", "2025-06-01"]
        assert (found["services"], found["service_record"], found["service_last_km"]) == (2, "partial", 30_000)
        assert (found["claims"], found["claims_max_minor"]) == (2, 320_000)
        readings = api.get(f"{BASE}/{car['id']}/odometer").json()
        assert ([one["odometer_km"] for one in readings["readings"]], readings["rolled_back"]) == ([20_000, 30_000, 42_000], False)
        assert api.get(f"{BASE}/{car['id']}").json()["odometer_km"] == 42_000

    def test_an_old_visit_uncovers_a_clock_turned_back(self, api: Market) -> None:
        owner, other = sign_up(api), sign_up(api, "李四")
        car = register_car(api, owner, odometer_km=42_000)
        path, entry = f"{BASE}/{car['id']}/history", {"kind": "service", "happened_on": "2025-06-01", "odometer_km": 90_000}
        assert api.post(path, json=entry, headers=other.headers).status_code == 404
        late = api.post(path, json=entry | {"happened_on": "2099-01-01"}, headers=owner.headers)
        assert (late.status_code, late.json()["field"]) == (422, "happened_on")
        assert api.post(path, json=entry, headers=owner.headers).status_code == 201
        assert api.get(f"{BASE}/{car['id']}/odometer").json()["rolled_back"]
        shown = api.get(f"{BASE}/{car['id']}").json()
        assert (shown["odometer_km"], shown["rolled_back_on"] is not None) == (42_000, True)


class TestPhotosOfAHolding:
    def test_a_former_holders_photos_go_with_him(self, api: Market) -> None:
        owner, buyer = sign_up(api), sign_up(api, "李四")
        car = register_car(api, owner, papers=False)
        photo = add_photo(api, owner, car["id"])
        move(api, car, buyer)
        assert api.get(f"{BASE}/{car['id']}").json()["photos"] == []
        assert api.get(photo["url"]).status_code == 404
        assert api.delete(f"{BASE}/{car['id']}/photos/{photo['id']}", headers=owner.headers).status_code == 404
        assert api.delete(f"{BASE}/{car['id']}/photos/{photo['id']}", headers=buyer.headers).status_code == 404
        add_photo(api, buyer, car["id"])
        assert len(api.get(f"{BASE}/{car['id']}").json()["photos"]) == 1

    def test_files_go_once_the_photo_is_off(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, papers=False)
        photo = add_photo(api, owner, car["id"])
        with api.database.reading() as session:
            row = session.get(VehiclePhoto, UUID(photo["id"]))
            assert row is not None
            keys = [row.file_key, row.thumbnail_key]
        assert [file_store().exists(key) for key in keys] == [True, True]
        assert api.delete(f"{BASE}/{car['id']}/photos/{photo['id']}", headers=owner.headers).status_code == 204
        assert [file_store().exists(key) for key in keys] == [True, True]
        api.relay()
        assert [file_store().exists(key) for key in keys] == [False, False]

    def test_an_erased_person_leaves_no_photos(self, api: Market) -> None:
        owner, buyer = sign_up(api), sign_up(api, "李四")
        car = register_car(api, owner, papers=False)
        photo = add_photo(api, owner, car["id"])
        move(api, car, buyer)
        with api.database.writing() as session:
            assert PERSONAL_DATA.erase(session, owner.party_id).erased == 1
        with api.database.reading() as session:
            assert session.get(VehiclePhoto, UUID(photo["id"])) is None

    def test_a_place_taken_by_a_photo_is_nobodys_business(self, api: Market) -> None:
        owner = sign_up(api)
        car = register_car(api, owner, papers=False)
        exif = Image.Exif()
        exif.get_ifd(0x8825)[1] = "N"
        out = BytesIO()
        Image.open(BytesIO(picture())).save(out, "JPEG", exif=exif)
        sent = {"photo": ("a.jpg", out.getvalue(), "image/jpeg")}
        url = api.post(f"{BASE}/{car['id']}/photos", files=sent, headers=owner.headers).json()["url"]
        assert not dict(Image.open(BytesIO(api.get(url).content)).getexif().get_ifd(0x8825))

    def test_prices_and_note_are_the_holders_alone(self, api: Market) -> None:
        owner, buyer = sign_up(api), sign_up(api, "李四")
        car = register_car(api, owner)
        note = {"note": "底价可再谈", "buy_price_minor": 15_000_000, "floor_price_minor": 16_500_000}
        assert api.put(f"{BASE}/{car['id']}/note", json=note, headers=owner.headers).status_code == 204
        mine = api.get(f"{BASE}/{car['id']}/holding", headers=owner.headers).json()["holding"]
        assert (mine["private_note"], mine["buy_price_minor"], mine["floor_price_minor"]) == ("底价可再谈", 15_000_000, 16_500_000)
        move(api, car, buyer)
        theirs = api.get(f"{BASE}/{car['id']}/holding", headers=buyer.headers).json()["holding"]
        assert (theirs["private_note"], theirs["buy_price_minor"], theirs["floor_price_minor"]) == ("", None, None)


class TestModels:
    def test_any_name_of_brand_and_series_finds_its_models(self, api: Market) -> None:
        owner = sign_up(api)
        for year in (2021, 2021, 2022):
            register_car(api, owner, papers=False, brand="宝马", series="3系", wmi="LBV", model=f"{year}款 325Li", model_year=year)
        expected = [("2022款 325Li", 2022, 1), ("2021款 325Li", 2021, 2)]
        for brand in ("宝马", "BMW", "baoma", "华晨宝马"):
            found = api.get(f"/marketplace/v1/vehicle-catalogue/{brand}/3xi/models").json()
            assert (found["brand"], found["series"]) == ("宝马", "3系")
            assert [(one["name"], one["model_year"], one["cars"]) for one in found["models"]] == expected
        assert api.get("/marketplace/v1/vehicle-catalogue/BMW/nothing/models").json()["code"] == "unknown_series"
        assert api.get("/marketplace/v1/vehicle-catalogue/nobody/x/models").json()["code"] == "unknown_brand"
