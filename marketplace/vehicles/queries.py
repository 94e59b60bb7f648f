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
from marketplace.vehicles.models import (
    Holding,
    OdometerReading,
    Vehicle,
    VehicleDocument,
    VehicleHistory,
    VehiclePhoto,
    VehicleRestriction,
    VehicleSale,
    VehicleShowing,
)


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


def find_sale(session: Session, *, vehicle_id: UUID, party_id: UUID, since: datetime) -> VehicleSale | None:
    """The sale of a car by a party that has held it since then."""
    return session.exec(
        select(VehicleSale).where(
            VehicleSale.vehicle_id == vehicle_id, VehicleSale.party_id == party_id, col(VehicleSale.recorded_at) >= since
        )
    ).first()


def last_ordinal(session: Session, *, party_id: UUID, year: int) -> int:
    """How many sales of a calendar year have been counted."""
    counted = select(sa.func.max(VehicleSale.ordinal)).where(VehicleSale.party_id == party_id, VehicleSale.year == year)
    return session.exec(counted).one() or 0


def list_short_sales(session: Session, *, party_id: UUID, year: int) -> Sequence[VehicleSale]:
    """A party's counted sales of a calendar year."""
    return session.exec(
        select(VehicleSale)
        .where(VehicleSale.party_id == party_id, VehicleSale.year == year, col(VehicleSale.ordinal).is_not(None))
        .order_by(col(VehicleSale.ordinal))
    ).all()


# --- the shop window -----------------------------------------------------------------------------------------------------


def lock_showing(session: Session, listing_id: UUID) -> VehicleShowing | None:
    return session.exec(
        select(VehicleShowing).where(VehicleShowing.listing_id == listing_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def is_shown(session: Session, vehicle_id: UUID) -> bool:
    """Whether an open listing shows the car."""
    found = session.exec(
        select(VehicleShowing.listing_id).where(VehicleShowing.vehicle_id == vehicle_id, col(VehicleShowing.is_open)).limit(1)
    ).first()
    return found is not None


# --- records on a car


def list_readings(session: Session, vehicle_id: UUID) -> Sequence[OdometerReading]:
    """Oldest first."""
    return session.exec(
        select(OdometerReading)
        .where(OdometerReading.vehicle_id == vehicle_id)
        .order_by(col(OdometerReading.read_on), col(OdometerReading.id))
    ).all()


def list_history(session: Session, vehicle_id: UUID) -> Sequence[VehicleHistory]:
    """Oldest first."""
    return session.exec(
        select(VehicleHistory)
        .where(VehicleHistory.vehicle_id == vehicle_id)
        .order_by(col(VehicleHistory.happened_on), col(VehicleHistory.id))
    ).all()


def lock_document(session: Session, vehicle_id: UUID, document_id: UUID) -> VehicleDocument:
    """Raises ``VehicleNotFound``."""
    row = session.exec(
        select(VehicleDocument)
        .where(VehicleDocument.id == document_id, VehicleDocument.vehicle_id == vehicle_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise VehicleNotFound
    return row


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
    """Of several cars, in the order shown: those of open holdings, a former holder's are gone with him."""
    return session.exec(
        select(VehiclePhoto)
        .join(Holding, col(Holding.id) == col(VehiclePhoto.holding_id))
        .where(col(VehiclePhoto.vehicle_id).in_(vehicle_ids), col(Holding.until_at).is_(None))
        .order_by(col(VehiclePhoto.vehicle_id), col(VehiclePhoto.position), col(VehiclePhoto.id))
    ).all()


def list_photos_of_holdings(session: Session, holding_ids: Sequence[UUID]) -> Sequence[VehiclePhoto]:
    return session.exec(select(VehiclePhoto).where(col(VehiclePhoto.holding_id).in_(holding_ids)).order_by(col(VehiclePhoto.id))).all()


def get_photo(session: Session, vehicle_id: UUID, photo_id: UUID) -> VehiclePhoto:
    """One that is shown. Raises ``VehicleNotFound``."""
    row = session.exec(
        select(VehiclePhoto)
        .join(Holding, col(Holding.id) == col(VehiclePhoto.holding_id))
        .where(VehiclePhoto.id == photo_id, VehiclePhoto.vehicle_id == vehicle_id, col(Holding.until_at).is_(None))
    ).first()
    if row is None:
        raise VehicleNotFound
    return row


def find_photo_by_hash(session: Session, holding_id: UUID, sha256: str) -> VehiclePhoto | None:
    return session.exec(select(VehiclePhoto).where(VehiclePhoto.holding_id == holding_id, VehiclePhoto.sha256 == sha256)).first()


def list_models(session: Session, *, brand: str, series: str, limit: int) -> Sequence[tuple[str, int, int]]:
    """Models of a series that the market has seen: name, model year, number of cars; the newest year first, then the most frequent."""
    counted = sa.func.count()
    rows = session.exec(
        select(Vehicle.model, Vehicle.model_year, counted)
        .where(Vehicle.brand == brand, Vehicle.series == series)
        .group_by(col(Vehicle.model), col(Vehicle.model_year))
        .order_by(col(Vehicle.model_year).desc(), counted.desc(), col(Vehicle.model))
        .limit(limit)
    ).all()
    return list(rows)
