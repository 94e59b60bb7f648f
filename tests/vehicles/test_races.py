"""Two at the same moment, on real connections."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from marketplace.core.db import Database
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.operations import api as operations
from marketplace.vehicles.api import Capacity, VehicleFacts, move_holding, record_sale, register_vehicle
from marketplace.vehicles.models import Holding, Vehicle, VehicleSale
from tests.cars import vin

AT_ONCE = 6


def facts(number: str) -> VehicleFacts:
    return VehicleFacts(vin=number, brand="大众", series="帕萨特", model="2021款", model_year=2021, odometer_km=1_000, city="天津")


class TestRegister:
    def test_one_of_many_gets_a_new_vin(self, postgres: Database) -> None:
        number, start = vin(), Barrier(AT_ONCE)

        def register(_turn: int) -> str:
            start.wait()
            try:
                with postgres.writing() as session:
                    register_vehicle(session, principal=None, party_id=new_id(), facts=facts(number), capacity=Capacity.OWNER)
            except Refusal as refusal:
                return refusal.code
            return "registered"

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = sorted(pool.map(register, range(AT_ONCE)))
        assert answers == ["held_by_another"] * (AT_ONCE - 1) + ["registered"]
        with postgres.reading() as session:
            assert session.exec(select(sa.func.count()).select_from(Vehicle)).one() == 1
            assert session.exec(select(sa.func.count()).select_from(Holding)).one() == 1


class TestMoveHolding:
    def test_a_car_has_one_title_whatever_order_moves_come_in(self, postgres: Database) -> None:
        with postgres.writing() as session:
            car = register_vehicle(session, principal=None, party_id=new_id(), facts=facts(vin()), capacity=Capacity.OWNER)
        buyers, start = [new_id() for _ in range(AT_ONCE)], Barrier(AT_ONCE)

        def move(buyer: UUID) -> None:
            start.wait()
            with postgres.writing() as session:
                move_holding(session, vehicle_id=car.id, to_party_id=buyer, capacity=Capacity.OWNER, proof=f"order:{buyer}")

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(move, buyers))
        with postgres.reading() as session:
            held = session.exec(select(Holding).where(Holding.vehicle_id == car.id)).all()
            row = session.get(Vehicle, car.id)
        assert row is not None
        assert row.transfer_count == AT_ONCE
        assert len(held) == AT_ONCE + 1
        [title] = [one for one in held if one.until_at is None]
        assert title.party_id in buyers
        with postgres.writing() as session:
            again = move_holding(session, vehicle_id=car.id, to_party_id=title.party_id, capacity=Capacity.OWNER, proof="again")
            assert again.proof == title.proof
            assert session.exec(select(sa.func.count()).where(col(Holding.vehicle_id) == car.id)).one() == AT_ONCE + 1


class TestRecordSale:
    def test_two_sales_of_one_person_at_one_moment_never_have_one_number(self, postgres: Database) -> None:
        party, start = new_id(), Barrier(AT_ONCE)
        cars = []
        for _ in range(AT_ONCE):
            with postgres.writing() as session:
                car = register_vehicle(session, principal=None, party_id=party, facts=facts(vin()), capacity=Capacity.OWNER)
            cars.append(car.id)

        def sell(vehicle_id: UUID) -> int:
            """How many times it was tried."""
            start.wait()
            for tried in range(1, 50):
                try:
                    with postgres.writing() as session:
                        record_sale(session, vehicle_id=vehicle_id, party_id=party, proof=f"order:{vehicle_id}")
                except IntegrityError:  # the other was first: the ordinal is unique
                    continue
                return tried
            raise AssertionError

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(sell, cars))
        with postgres.reading() as session:
            rows = session.exec(select(VehicleSale).where(VehicleSale.party_id == party)).all()
        assert sorted(one.ordinal or 0 for one in rows) == list(range(1, AT_ONCE + 1))


class TestTitleCases:
    def test_many_who_claim_one_car_have_a_case_each_and_one_who_asks_often_has_one(self, postgres: Database) -> None:
        start, vehicle_id = Barrier(AT_ONCE), new_id()
        parties = [new_id() for _ in range(AT_ONCE // 2)] + [new_id()] * (AT_ONCE - AT_ONCE // 2)

        def ask(party: UUID) -> UUID:
            start.wait()
            with postgres.writing() as session:
                return operations.open_case(
                    session,
                    principal=None,
                    kind=operations.CaseKind.TITLE,
                    subject_kind="vehicle",
                    subject_id=vehicle_id,
                    opened_by=party,
                    facts={"capacity": "owner"},
                ).id

        with ThreadPoolExecutor(AT_ONCE) as pool:
            ids = list(pool.map(ask, parties))
        assert len(set(ids)) == len(set(parties))
