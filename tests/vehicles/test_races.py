"""Two at the same moment, on real connections."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Database
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.vehicles.api import Capacity, VehicleFacts, move_holding, register_vehicle
from marketplace.vehicles.models import Holding, Vehicle
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
