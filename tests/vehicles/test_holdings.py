"""A car through several hands: one vehicle for ever, holdings that come and go, what a person is told and what is erased."""

from typing import Any
from uuid import UUID

from sqlmodel import select

from marketplace.vehicles.api import (
    PERSONAL_DATA,
    Capacity,
    TradeMode,
    end_holding,
    evaluate,
    grant_consignee,
    move_holding,
    record_sale,
)
from marketplace.vehicles.models import VehicleSale
from tests.cars import BASE, car_facts, register_car
from tests.market import Market
from tests.people import Person, operator, organization, sign_up


def move(api: Market, car: dict[str, Any], to: Person, capacity: Capacity = Capacity.OWNER) -> None:
    with api.database.writing() as session:
        move_holding(session, vehicle_id=UUID(car["id"]), to_party_id=to.party_id, capacity=capacity, proof="order:1")


class TestMove:
    def test_the_title_moves_and_the_former_holder_is_out(self, api: Market) -> None:
        owner, buyer = sign_up(api), sign_up(api, "李四")
        car = register_car(api, owner)
        move(api, car, buyer)
        assert api.get(f"{BASE}/{car['id']}/holding", headers=owner.headers).status_code == 404
        held = api.get(f"{BASE}/{car['id']}/holding", headers=buyer.headers).json()
        assert held["holding"]["proof"] == "order:1"
        assert held["transfer_count"] == 1
        assert held["plate_region"] is None
        papers = api.get(f"{BASE}/{car['id']}/documents", headers=buyer.headers).json()
        assert [one["kind"] for one in papers] == ["purchase_tax_proof"]
        notes = api.get(BASE, headers=buyer.headers).json()["items"]
        assert [one["id"] for one in notes] == [car["id"]]

    def test_a_car_that_comes_back_is_the_same_vehicle(self, api: Market) -> None:
        owner, later = sign_up(api), sign_up(api, "李四")
        body = car_facts(odometer_km=10_000)
        car = api.post(BASE, json=body, headers=owner.headers).json()
        with api.database.writing() as session:
            end_holding(session, principal=None, vehicle_id=UUID(car["id"]), party_id=owner.party_id, reason="left the market")
        again = api.post(BASE, json=body | {"odometer_km": 20_000, "colour": "red"}, headers=later.headers)
        assert again.status_code == 201, again.text
        found = again.json()
        assert (found["id"], found["odometer_km"], found["colour"]) == (car["id"], 20_000, "red")
        assert found["facts_version"] > car["facts_version"]

    def test_a_consignee_acts_beside_the_owner_until_the_title_moves(self, api: Market) -> None:
        owner, buyer, broker = sign_up(api), sign_up(api, "李四"), organization(api, "broker")
        car = register_car(api, owner)
        with api.database.writing() as session:
            grant_consignee(session, principal=None, vehicle_id=UUID(car["id"]), party_id=broker.party_id, proof="consignment:1")
        assert api.patch(f"{BASE}/{car['id']}", json={"key_count": 1}, headers=broker.headers).status_code == 200
        with api.database.reading() as session:
            found = evaluate(session, vehicle_id=UUID(car["id"]), mode=TradeMode.C2C_CONSIGNMENT, seller_id=broker.party_id)
        assert found.findings == ()
        move(api, car, buyer)
        assert api.patch(f"{BASE}/{car['id']}", json={"key_count": 2}, headers=broker.headers).status_code == 404


class TestThirdSale:
    def test_rule_5_the_third_sale_of_a_year_of_cars_held_under_a_year_is_barred(self, api: Market) -> None:
        owner, dealer = sign_up(api), organization(api, "dealer")
        today = "2026-10-01"
        cars = [register_car(api, owner, acquired_on=today, transfer_count=1) for _ in range(3)]
        for car in cars[:2]:
            move(api, car, dealer, Capacity.DEALER_STOCK)
        path = f"{BASE}/{cars[2]['id']}/eligibility"
        found = api.get(path, params={"mode": "c2b_auction"}, headers=owner.headers).json()
        assert [one["code"] for one in found["findings"]] == ["third_sale"]
        assert not found["tradable"]
        older = register_car(api, owner, acquired_on="2022-01-01")
        free = api.get(f"{BASE}/{older['id']}/eligibility", params={"mode": "c2b_auction"}, headers=owner.headers).json()
        assert free["tradable"]

    def test_an_invoice_is_a_sale_before_the_title_moves(self, api: Market) -> None:
        owner, dealer = sign_up(api), organization(api, "dealer")
        cars = [register_car(api, owner, acquired_on="2026-10-01", transfer_count=1) for _ in range(3)]
        for car in cars[:2]:
            for _ in range(2):
                with api.database.writing() as session:
                    record_sale(session, vehicle_id=UUID(car["id"]), party_id=owner.party_id, proof=f"order:{car['id']}")
        asked = {"mode": "transfer"}
        answers = [api.get(f"{BASE}/{car['id']}/eligibility", params=asked, headers=owner.headers).json() for car in cars]
        assert [one["tradable"] for one in answers] == [True, True, False]
        for car in cars[:2]:
            move(api, car, dealer, Capacity.DEALER_STOCK)
        with api.database.reading() as session:
            rows = session.exec(select(VehicleSale).where(VehicleSale.party_id == owner.party_id)).all()
        assert sorted((one.ordinal, one.year) for one in rows) == [(1, 2026), (2, 2026)]

    def test_a_car_held_for_a_year_and_a_dealers_stock_do_not_count(self, api: Market) -> None:
        owner, dealer, buyer = sign_up(api), organization(api, "dealer"), sign_up(api, "李四")
        old, stock = register_car(api, owner, acquired_on="2022-01-01"), register_car(api, dealer, acquired_on="2026-10-01")
        for car in (old, stock):
            move(api, car, buyer)
        with api.database.reading() as session:
            assert [one.ordinal for one in session.exec(select(VehicleSale)).all()] == [None, None]


class TestKinds:
    def test_a_new_energy_car_has_its_battery(self, api: Market) -> None:
        owner = sign_up(api)
        battery = {
            "chemistry": "lfp",
            "rated_wh": 60_000,
            "range_km": 556,
            "soh_permille": 934,
            "soh_method": "整车诊断读取",
            "soh_on": "2026-10-01",
        }
        changes: dict[str, Any] = {"fuel": "bev", "brand": "特斯拉", "series": "Model 3", "wmi": "LRW", "plate": "津AD12345"}
        car = register_car(api, owner, papers=False, battery=battery, displacement_ml=None, emission_stage=None, gearbox=None, **changes)
        assert car["battery"]["soh_permille"] == 934
        assert (car["emission_stage"], car["gearbox"], car["displacement_ml"]) == ("none", "single_speed", None)
        worn = battery | {"soh_permille": 900}
        changed = api.patch(f"{BASE}/{car['id']}", json={"battery": worn}, headers=owner.headers).json()
        assert changed["battery"]["soh_permille"] == 900

    def test_a_chassis_number_has_its_own_kind(self, quick_api: Market) -> None:
        owner = sign_up(quick_api)
        old = {"vin": "BJ212-00412", "identity_kind": "chassis", "model_year": 1996, "first_registration_on": "1996-05-01"}
        car = register_car(quick_api, owner, papers=False, **old)
        assert (car["identity_kind"], car["vin_masked"]) == ("chassis", "BJ2****")


class TestPersonalData:
    def test_a_person_gets_his_cars_and_notes_and_their_erasure(self, api: Market) -> None:
        owner, clerk = sign_up(api), operator(api)
        body = car_facts()
        car = api.post(BASE, json=body, headers=owner.headers).json()
        api.put(f"{BASE}/{car['id']}/note", json={"note": "急售"}, headers=owner.headers)
        with api.database.writing() as session:
            exported = PERSONAL_DATA.export(session, owner.party_id)
            report = PERSONAL_DATA.erase(session, owner.party_id)
        assert (exported["holdings"][0]["vin"], exported["holdings"][0]["private_note"]) == (body["vin"], "急售")
        assert report.erased == 1
        assert report.kept
        revealed = api.post(f"{BASE}/{car['id']}/vin-reveals", json={"reason": "司法协查"}, headers=clerk.headers)
        assert revealed.json() == {"vin": body["vin"]}
