"""One vehicle, one claim: never sold twice, never stuck."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest
from sqlmodel import select

from marketplace.core import outbox
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.listings import api as listings
from marketplace.listings.api import ClaimKind, VehicleClaimed
from marketplace.listings.models import VehicleClaim
from marketplace.vehicles import api as vehicles
from tests.cars import vin


def make_car(db: Database, *, party_id: UUID | None = None) -> UUID:
    facts = vehicles.VehicleFacts(
        vin=vin(),
        brand="大众",
        series="帕萨特",
        model="2021款 330TSI 豪华版",
        model_year=2021,
        odometer_km=42_000,
        city="天津",
        first_registration_on=date(2021, 3, 18),
    )
    with db.writing() as session:
        car = vehicles.register_vehicle(
            session, principal=None, party_id=party_id or new_id(), facts=facts, capacity=vehicles.Capacity.OWNER
        )
    return car.id


def take(db: Database, car: UUID, kind: ClaimKind, holder: UUID) -> int:
    with db.writing() as session:
        return listings.take_claim(session, vehicle_id=car, kind=kind, holder_id=holder)


class TestClaim:
    def test_a_free_car_is_taken_once(self, db: Database) -> None:
        car, order, lot = make_car(db), new_id(), new_id()
        assert take(db, car, ClaimKind.ORDER, order) == 1
        with pytest.raises(VehicleClaimed) as refused:
            take(db, car, ClaimKind.LOT, lot)
        assert dict(refused.value.fields) == {"held_by": "order"}
        assert refused.value.status == 409

    def test_taking_it_again_gives_the_same_fence(self, db: Database) -> None:
        car, order = make_car(db), new_id()
        assert take(db, car, ClaimKind.ORDER, order) == 1
        assert take(db, car, ClaimKind.ORDER, order) == 1

    def test_the_fence_rises_with_every_change(self, db: Database) -> None:
        car, lot, order = make_car(db), new_id(), new_id()
        fences = [take(db, car, ClaimKind.LOT, lot)]
        with db.writing() as session:
            fences.append(listings.hand_over_claim(session, vehicle_id=car, from_holder_id=lot, kind=ClaimKind.ORDER, holder_id=order))
            assert listings.release_claim(session, vehicle_id=car, holder_id=order)
            assert listings.find_claim(session, vehicle_id=car) is None
        fences.append(take(db, car, ClaimKind.ACQUISITION, new_id()))
        assert fences == [1, 2, 4]

    def test_a_hand_over_repeats_and_wants_the_holder(self, db: Database) -> None:
        car, lot, order = make_car(db), new_id(), new_id()
        with db.writing() as session, pytest.raises(VehicleClaimed) as refused:
            listings.hand_over_claim(session, vehicle_id=car, from_holder_id=lot, kind=ClaimKind.ORDER, holder_id=order)
        assert dict(refused.value.fields) == {"held_by": "nobody"}
        take(db, car, ClaimKind.LOT, lot)
        with db.writing() as session:
            first = listings.hand_over_claim(session, vehicle_id=car, from_holder_id=lot, kind=ClaimKind.ORDER, holder_id=order)
            again = listings.hand_over_claim(session, vehicle_id=car, from_holder_id=lot, kind=ClaimKind.ORDER, holder_id=order)
        assert (first, again) == (2, 2)
        with db.writing() as session, pytest.raises(VehicleClaimed):
            listings.hand_over_claim(session, vehicle_id=car, from_holder_id=lot, kind=ClaimKind.ORDER, holder_id=new_id())

    def test_somebody_elses_claim_is_not_released(self, db: Database) -> None:
        car, order = make_car(db), new_id()
        take(db, car, ClaimKind.ORDER, order)
        with db.writing() as session:
            assert not listings.release_claim(session, vehicle_id=car, holder_id=new_id())
            held = listings.find_claim(session, vehicle_id=car)
        assert held == listings.ClaimView(car, ClaimKind.ORDER, order, 1)

    def test_a_rolled_back_taker_leaves_the_car_free(self, db: Database) -> None:
        car = make_car(db)
        with pytest.raises(RuntimeError), db.writing() as session:
            listings.take_claim(session, vehicle_id=car, kind=ClaimKind.ORDER, holder_id=new_id())
            raise RuntimeError
        assert take(db, car, ClaimKind.LOT, new_id()) == 1

    def test_claims_are_announced(self, db: Database) -> None:
        car, order = make_car(db), new_id()
        with db.writing() as session:
            listings.take_claim(session, vehicle_id=car, kind=ClaimKind.ORDER, holder_id=order)
            listings.release_claim(session, vehicle_id=car, holder_id=order)
            told = [(event.name, event.model_dump(mode="json")) for event in outbox.pending(session)]
        common = {"vehicle_id": str(car), "kind": "order", "holder_id": str(order)}
        assert told == [
            ("listings.claim_taken", common | {"fence": 1}),
            ("listings.claim_released", common | {"fence": 2, "sold": False}),
        ]


def race(size: int, act: Callable[[int], object]) -> list[object]:
    """``size`` acts started at the same instant, each on its own connection; results or refusals."""
    start = threading.Barrier(size)

    def run(number: int) -> object:
        start.wait()
        try:
            return act(number)
        except VehicleClaimed as refused:
            return refused

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


class TestRace:
    def test_store_contract_order_and_lot_race_for_one_car(self, postgres: Database) -> None:
        """Twenty rounds of 24 real connections; one wins each, and after its release the next round has a winner again."""
        db = Database(postgres.url, pool_size=30)
        car, kinds = make_car(db), list(ClaimKind)
        fences: list[int] = []
        for _ in range(20):
            holders = [new_id() for _ in range(24)]
            results = race(24, lambda number: take(db, car, kinds[number % 3], holders[number]))  # noqa: B023 - the round's own holders
            won = [number for number, result in enumerate(results) if isinstance(result, int)]
            assert len(won) == 1
            assert sum(isinstance(result, VehicleClaimed) for result in results) == 23
            fence = results[won[0]]
            assert isinstance(fence, int)
            with db.reading() as session:
                held = listings.find_claim(session, vehicle_id=car)
            assert held == listings.ClaimView(car, kinds[won[0] % 3], holders[won[0]], fence)
            fences.append(fence)
            with db.writing() as session:
                assert listings.release_claim(session, vehicle_id=car, holder_id=holders[won[0]])
        assert fences == [2 * step + 1 for step in range(20)]
        db.dispose()

    def test_many_cars_many_takers_never_stuck(self, postgres: Database) -> None:
        """Each taker wants every car in an order of his own, in transactions of one car: each car ends with one holder."""
        db = Database(postgres.url, pool_size=20)
        cars = [make_car(db) for _ in range(12)]

        def sweep(number: int) -> list[UUID]:
            mine, holder = [], new_id()
            for step in range(len(cars)):
                car = cars[(number * 5 + step * 7) % len(cars)]
                try:
                    take(db, car, ClaimKind.ORDER, holder)
                    mine.append(car)
                except VehicleClaimed:
                    continue
            return mine

        taken: Counter[UUID] = Counter()
        for result in race(16, sweep):
            assert isinstance(result, list)
            taken.update(result)
        assert taken == Counter(cars)
        with db.reading() as session:
            rows = session.exec(select(VehicleClaim)).all()
        assert [row.fence for row in rows] == [1] * 12
        db.dispose()

    def test_hand_over_against_a_rival_leaves_no_gap(self, postgres: Database) -> None:
        """While a lot's claim becomes the winner's order, no store order gets in between."""
        db = Database(postgres.url, pool_size=20)
        car, lot, order = make_car(db), new_id(), new_id()
        take(db, car, ClaimKind.LOT, lot)

        def act(number: int) -> int:
            if number:
                return take(db, car, ClaimKind.ORDER, new_id())
            with db.writing() as session:
                return listings.hand_over_claim(session, vehicle_id=car, from_holder_id=lot, kind=ClaimKind.ORDER, holder_id=order)

        results = race(12, act)
        assert results[0] == 2
        assert all(isinstance(result, VehicleClaimed) for result in results[1:])
        with db.reading() as session:
            assert listings.find_claim(session, vehicle_id=car) == listings.ClaimView(car, ClaimKind.ORDER, order, 2)
        db.dispose()
