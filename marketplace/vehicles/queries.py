"""Every SELECT of vehicles."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.crypto import keyed_hashes
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.vehicles.domain import Capacity, RestrictionState, VehicleNotFound
from marketplace.vehicles.models import Holding, OdometerReading, Vehicle, VehicleDocument, VehiclePhoto, VehicleRestriction


def get_row(session: Session, vehicle_id: UUID) -> Vehicle:
    """Raises ``VehicleNotFound``."""
    row = session.get(Vehicle, vehicle_id)
    if row is None:
        raise VehicleNotFound
    return row


def lock_row(session: Session, vehicle_id: UUID) -> Vehicle:
    """The vehicle under lock, fresh. Raises ``VehicleNotFound``."""
    row = session.exec(select(Vehicle).where(Vehicle.id == vehicle_id).with_for_update().execution_options(populate_existing=True)).first()
    if row is None:
        raise VehicleNotFound
    return row


def lock_by_vin(session: Session, number: str) -> Vehicle | None:
    return session.exec(
        select(Vehicle)
        .where(col(Vehicle.vin_hash).in_(keyed_hashes("vin", number)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def find_by_vin(session: Session, number: str) -> Vehicle | None:
    return session.exec(select(Vehicle).where(col(Vehicle.vin_hash).in_(keyed_hashes("vin", number)))).first()


def list_rows(session: Session, vehicle_ids: Sequence[UUID]) -> Sequence[Vehicle]:
    return session.exec(select(Vehicle).where(col(Vehicle.id).in_(vehicle_ids))).all()


def count_same_plate(session: Session, vehicle: Vehicle) -> int:
    """Other cars registered under this car's plate."""
    if vehicle.plate is None:
        return 0
    return session.exec(
        select(sa.func.count())
        .select_from(Vehicle)
        .where(col(Vehicle.plate_hash).in_(keyed_hashes("plate", vehicle.plate)), col(Vehicle.id) != vehicle.id)
    ).one()


# --- holdings


def _open(vehicle_id: UUID) -> Any:
    return select(Holding).where(Holding.vehicle_id == vehicle_id, col(Holding.until_at).is_(None))


def find_title(session: Session, vehicle_id: UUID) -> Holding | None:
    """The open holding that is no consignee's."""
    found: Holding | None = session.exec(_open(vehicle_id).where(Holding.capacity != Capacity.CONSIGNEE)).first()
    return found


def find_holding(session: Session, vehicle_id: UUID, party_id: UUID) -> Holding | None:
    found: Holding | None = session.exec(_open(vehicle_id).where(Holding.party_id == party_id)).first()
    return found


def list_open_holdings(session: Session, vehicle_id: UUID) -> Sequence[Holding]:
    found: Sequence[Holding] = session.exec(_open(vehicle_id).order_by(col(Holding.id))).all()
    return found


def list_held(session: Session, party_id: UUID, *, paging: PageQuery) -> Sequence[tuple[Vehicle, Holding]]:
    """A party's cars, newest holding first; up to ``limit + 1``."""
    rows = session.exec(
        select(Vehicle, Holding)
        .join(Holding, col(Holding.vehicle_id) == col(Vehicle.id))
        .where(Holding.party_id == party_id, col(Holding.until_at).is_(None), paging.where_after(col(Holding.id), descending=True))
        .order_by(col(Holding.id).desc())
        .limit(paging.limit + 1)
    ).all()
    return list(rows)


def list_holdings_of(session: Session, party_id: UUID) -> Sequence[Holding]:
    """All holdings of a party, ended ones too."""
    return session.exec(select(Holding).where(Holding.party_id == party_id).order_by(col(Holding.id))).all()


def list_sold(session: Session, party_id: UUID, *, since: datetime) -> Sequence[Holding]:
    """Holdings a party ended by sale since an instant."""
    return session.exec(
        select(Holding)
        .where(Holding.party_id == party_id, Holding.ended_by == "sale", col(Holding.until_at) >= since)
        .order_by(col(Holding.until_at))
    ).all()


# --- records on a car


def list_readings(session: Session, vehicle_id: UUID) -> Sequence[OdometerReading]:
    """Oldest first."""
    return session.exec(
        select(OdometerReading)
        .where(OdometerReading.vehicle_id == vehicle_id)
        .order_by(col(OdometerReading.read_on), col(OdometerReading.id))
    ).all()


def list_documents(session: Session, vehicle_id: UUID) -> Sequence[VehicleDocument]:
    """Valid ones (not superseded), in the order of recording."""
    return session.exec(
        select(VehicleDocument)
        .where(VehicleDocument.vehicle_id == vehicle_id, col(VehicleDocument.superseded_at).is_(None))
        .order_by(col(VehicleDocument.id))
    ).all()


def list_restrictions(session: Session, vehicle_id: UUID) -> Sequence[VehicleRestriction]:
    """Those that stand: open or consented."""
    return session.exec(
        select(VehicleRestriction)
        .where(VehicleRestriction.vehicle_id == vehicle_id, VehicleRestriction.state != RestrictionState.RELEASED)
        .order_by(col(VehicleRestriction.id))
    ).all()


def lock_restriction(session: Session, vehicle_id: UUID, restriction_id: UUID) -> VehicleRestriction:
    """Raises ``VehicleNotFound``."""
    row = session.exec(
        select(VehicleRestriction)
        .where(VehicleRestriction.id == restriction_id, VehicleRestriction.vehicle_id == vehicle_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise VehicleNotFound
    return row


def list_photos(session: Session, vehicle_ids: Sequence[UUID]) -> Sequence[VehiclePhoto]:
    """Of several cars, in the order shown."""
    return session.exec(
        select(VehiclePhoto)
        .where(col(VehiclePhoto.vehicle_id).in_(vehicle_ids))
        .order_by(col(VehiclePhoto.vehicle_id), col(VehiclePhoto.position))
    ).all()


def get_photo(session: Session, vehicle_id: UUID, photo_id: UUID) -> VehiclePhoto:
    """Raises ``VehicleNotFound``."""
    row = session.get(VehiclePhoto, photo_id)
    if row is None or row.vehicle_id != vehicle_id:
        raise VehicleNotFound
    return row


def find_photo_by_hash(session: Session, vehicle_id: UUID, sha256: str) -> VehiclePhoto | None:
    return session.exec(select(VehiclePhoto).where(VehiclePhoto.vehicle_id == vehicle_id, VehiclePhoto.sha256 == sha256)).first()
