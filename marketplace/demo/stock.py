"""Cars of the demo market: dealers' stock in the store."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.security import Principal
from marketplace.demo.cars import DemoCar, demo_cars
from marketplace.demo.seed import Resident, Tell
from marketplace.listings.api import Channel, publish
from marketplace.vehicles.api import Capacity, DocumentKind, record_document, register_vehicle

BATCH = 10
PAPERS = (DocumentKind.REGISTRATION_CERTIFICATE, DocumentKind.DRIVING_LICENCE, DocumentKind.PURCHASE_TAX_PROOF)


def load(database: Database, residents: dict[int, Resident], *, cars: int, tell: Tell) -> None:
    """``cars`` cars over the market's dealers, each listed at its asking price. In short transactions."""
    dealers = [one for one in residents.values() if one.person.kind == "dealer"]
    with database.reading() as session:
        today = clock.shanghai_day(clock.now(session))
    done = 0
    for batch in _batches(list(demo_cars(cars, today=today))):
        with database.writing() as session:
            for car in batch:
                _list(session, dealers[done % len(dealers)], car, done)
                done += 1
        if done % 100 == 0 or done == cars:
            tell(f"  {done}/{cars} 辆 cars")


def _batches(cars: Sequence[DemoCar]) -> list[tuple[DemoCar, ...]]:
    return [tuple(cars[start : start + BATCH]) for start in range(0, len(cars), BATCH)]


def _list(session: Session, dealer: Resident, car: DemoCar, serial: int) -> None:
    principal = dealer.principal
    vehicle_id = stock_car(session, principal, dealer.person.organization or "", car, serial)
    publish(
        session,
        principal=principal,
        vehicle_id=vehicle_id,
        seller_id=principal.party_id,
        channel=Channel.B2C_STORE,
        ask_minor=car.ask_minor,
        description="演示车辆,信息均为虚构。",
    )


def stock_car(session: Session, principal: Principal, holder: str, car: DemoCar, serial: int) -> UUID:
    """A stock car of the holder with its papers on file."""
    view = register_vehicle(
        session, principal=principal, party_id=principal.party_id, facts=car.facts, capacity=Capacity.DEALER_STOCK, proof="演示"
    )
    for place, kind in enumerate(PAPERS):
        number = f"1299{serial:06d}{place:02d}"
        record_document(session, principal=principal, vehicle_id=view.id, kind=kind, number=number, holder_name=holder)
    return view.id
