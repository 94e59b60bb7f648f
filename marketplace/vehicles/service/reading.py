"""Reading cars."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import HoldingView, Reading, VehicleFacts, VehicleNotFound, VehicleView, find_roll_back
from marketplace.vehicles.domain.vin import normalize_vin
from marketplace.vehicles.models import OdometerReading, VehicleDocument, VehicleRestriction
from marketplace.vehicles.service import views
from marketplace.vehicles.service.records import RESTRICT


def get_vehicle(session: Session, *, vehicle_id: UUID) -> VehicleView:
    """Public facts, masked. Raises ``VehicleNotFound``."""
    return views.load_view(session, queries.get_row(session, vehicle_id))


def get_vehicles(session: Session, *, vehicle_ids: Sequence[UUID]) -> dict[UUID, VehicleView]:
    """Several at once; an unknown id is left out."""
    return views.load_views(session, vehicle_ids)


def find_by_vin(session: Session, *, vin: str) -> UUID | None:
    """The car of a full VIN, whoever holds it. Never let the answer out to who does not hold the car."""
    row = queries.find_by_vin(session, normalize_vin(vin))
    return row.id if row else None


def get_facts(session: Session, *, vehicle_id: UUID) -> VehicleFacts:
    """Full facts, VIN and plate included: for contracts, registration offices and the car's own holder."""
    return views.facts_of(queries.get_row(session, vehicle_id))


def reveal_vin(session: Session, *, principal: Principal | None, vehicle_id: UUID, reason: str) -> str:
    """The full VIN, with the reason in the audit trail. Raises ``VehicleNotFound``."""
    row = queries.get_row(session, vehicle_id)
    audit.record(session, principal=principal, act="vehicle.reveal_vin", object_kind="vehicle", object_id=vehicle_id, reason=reason)
    return row.vin


def list_own(session: Session, *, principal: Principal, paging: PageQuery) -> list[tuple[VehicleView, HoldingView, UUID]]:
    """The caller's cars with his holdings and their ids, newest first; up to ``limit + 1``."""
    found = queries.list_held(session, principal.party_id, paging=paging)
    cars = views.load_views(session, [row.id for row, _ in found])
    return [(cars[row.id], views.holding_view(holding), holding.id) for row, holding in found]


def get_own(session: Session, *, principal: Principal, vehicle_id: UUID) -> tuple[VehicleView, HoldingView]:
    """One of the caller's cars. Raises ``VehicleNotFound``."""
    holding = queries.find_holding(session, vehicle_id, principal.party_id)
    if holding is None:
        raise VehicleNotFound
    return get_vehicle(session, vehicle_id=vehicle_id), views.holding_view(holding)


def list_readings(session: Session, *, vehicle_id: UUID) -> tuple[list[OdometerReading], bool]:
    """The odometer's history, oldest first, and whether it ever went back. Raises ``VehicleNotFound``."""
    queries.get_row(session, vehicle_id)
    rows = list(queries.list_readings(session, vehicle_id))
    back = find_roll_back([Reading(one.odometer_km, one.read_on, one.source) for one in rows])
    return rows, back is not None


def list_documents(session: Session, *, principal: Principal, vehicle_id: UUID) -> list[VehicleDocument]:
    """Papers on file, for a holder or an operator. Raises ``VehicleNotFound``."""
    _require_insight(session, principal, vehicle_id)
    return list(queries.list_documents(session, vehicle_id))


def list_restrictions(session: Session, *, principal: Principal, vehicle_id: UUID) -> list[VehicleRestriction]:
    """What stands on the car, for a holder or an operator. Raises ``VehicleNotFound``."""
    _require_insight(session, principal, vehicle_id)
    return list(queries.list_restrictions(session, vehicle_id))


def _require_insight(session: Session, principal: Principal, vehicle_id: UUID) -> None:
    queries.get_row(session, vehicle_id)
    if not principal.can(RESTRICT) and queries.find_holding(session, vehicle_id, principal.party_id) is None:
        raise VehicleNotFound
