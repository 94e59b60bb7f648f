"""Many cars at once, for imports: a few statements a few hundred cars, one event and one audit entry for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import PydanticUndefined
from sqlmodel import SQLModel, col, select

from marketplace.core import audit, clock
from marketplace.core.crypto import keyed_hashes
from marketplace.core.db import Session, insert_many
from marketplace.core.ids import new_id
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import Capacity, OdometerSource, VehicleFacts
from marketplace.vehicles.events import VehiclesRegistered
from marketplace.vehicles.models import Holding, OdometerReading, Vehicle
from marketplace.vehicles.service import views
from marketplace.vehicles.service.registration import new_values


def _blank(model: type[SQLModel]) -> dict[str, Any]:
    """Every column with the model's default, None where it has none."""
    blank: dict[str, Any] = {}
    for column in model.__table__.columns:  # type: ignore[attr-defined]  # SQLModel does not type it
        default = model.model_fields[column.name].default
        blank[column.name] = None if default is PydanticUndefined else default
    return blank


_VEHICLE, _HOLDING, _READING = _blank(Vehicle), _blank(Holding), _blank(OdometerReading)


@dataclass(frozen=True, slots=True)
class KnownVehicle:
    """A car the market knows, and who holds its title now. Never let it out to who does not hold the car."""

    id: UUID
    holder_id: UUID | None
    capacity: Capacity | None


@dataclass(frozen=True, slots=True)
class NewVehicle:
    """A car to register: ``facts`` as ``check_stated`` gave them."""

    facts: VehicleFacts
    acquired_on: date | None = None


def find_known(session: Session, *, vins: Sequence[str]) -> dict[str, KnownVehicle]:
    """By full VIN, normalized as stored; unknown ones are left out. One statement."""
    by_hash = {hashed: number for number in vins for hashed in keyed_hashes("vin", number)}
    if not by_hash:
        return {}
    title = sa.and_(
        col(Holding.vehicle_id) == col(Vehicle.id), col(Holding.until_at).is_(None), col(Holding.capacity) != Capacity.CONSIGNEE
    )
    rows = session.exec(
        select(Vehicle.vin_hash, Vehicle.id, Holding.party_id, Holding.capacity)
        .join(Holding, title, isouter=True)
        .where(col(Vehicle.vin_hash).in_(list(by_hash)))
    )
    return {by_hash[row[0]]: KnownVehicle(row[1], row[2], Capacity(row[3]) if row[3] else None) for row in rows}


def list_holders(session: Session, *, vehicle_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Who holds the title of each; a car nobody holds is left out."""
    rows = session.exec(
        select(Holding.vehicle_id, Holding.party_id).where(
            col(Holding.vehicle_id).in_(vehicle_ids), col(Holding.until_at).is_(None), col(Holding.capacity) != Capacity.CONSIGNEE
        )
    )
    return {row[0]: row[1] for row in rows}


def list_facts(session: Session, *, vehicle_ids: Sequence[UUID]) -> dict[UUID, VehicleFacts]:
    """Full facts of several cars; an unknown id is left out."""
    return {row.id: views.facts_of(row) for row in queries.list_rows(session, vehicle_ids)}


def register_vehicles(
    session: Session, *, principal: Principal | None, party_id: UUID, capacity: Capacity, proof: str, cars: Sequence[NewVehicle]
) -> list[UUID]:
    """Cars whose VINs nobody has registered, held by ``party_id`` from now on; ids in the order of ``cars``.

    Raises ``IntegrityError`` when another transaction registered one of them meanwhile: register them one by one then.
    """
    if not cars:
        return []
    ids = [new_id() for _ in cars]
    new = new_rows(cars, ids, party_id=party_id, capacity=capacity, proof=proof, at=clock.now(session))
    for model, rows in new.items():
        insert_many(session, model, rows)
    append(session, VehiclesRegistered(vehicle_ids=ids, party_id=party_id, capacity=capacity), key=f"registrations:{party_id}")
    audit.record(
        session,
        principal=principal,
        act="vehicle.register_many",
        object_kind="organization",
        object_id=party_id,
        facts={"cars": len(ids), "capacity": capacity.value, "proof": proof[:200], "first_id": str(ids[0]), "last_id": str(ids[-1])},
    )
    return ids


def new_rows(
    cars: Sequence[NewVehicle], ids: Sequence[UUID], *, party_id: UUID, capacity: Capacity, proof: str, at: datetime
) -> dict[type[SQLModel], list[dict[str, Any]]]:
    """What is inserted for new cars, by table, in the order of insertion."""
    holding = _HOLDING | {"party_id": party_id, "capacity": capacity, "since_at": at, "proof": proof[:200]}
    reading = _READING | {
        "read_on": clock.shanghai_day(at),
        "source": OdometerSource.HOLDER,
        "recorded_by": party_id,
        "recorded_at": at,
    }
    each = list(zip(ids, cars, strict=True))
    return {
        Vehicle: [_VEHICLE | {"id": id_} | new_values(car.facts, at) for id_, car in each],
        Holding: [holding | {"id": new_id(), "vehicle_id": id_, "acquired_on": car.acquired_on} for id_, car in each],
        OdometerReading: [reading | {"id": new_id(), "vehicle_id": id_, "odometer_km": car.facts.odometer_km} for id_, car in each],
    }


def end_registrations(session: Session, *, party_id: UUID, proof: str, limit: int) -> int:
    """Take back holdings that were opened by one act and nothing followed: an import that came to nothing. Returns how many."""
    at = clock.now(session)
    ids = list(
        session.exec(
            select(Holding.id)
            .where(Holding.party_id == party_id, col(Holding.until_at).is_(None), Holding.proof == proof[:200])
            .order_by(col(Holding.id))
            .limit(limit)
            .with_for_update()
        )
    )
    if ids:
        session.connection().execute(sa.update(Holding).where(col(Holding.id).in_(ids)).values(until_at=at, ended_by="import_undone"))
        audit.record(
            session,
            principal=None,
            act="vehicle.end_registrations",
            object_kind="organization",
            object_id=party_id,
            facts={"cars": len(ids), "proof": proof[:200]},
        )
    return len(ids)
