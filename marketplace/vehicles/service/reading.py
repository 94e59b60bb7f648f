"""Reading cars."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import VehicleFacts, VehicleView
from marketplace.vehicles.domain.vin import normalize_vin
from marketplace.vehicles.service import views


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
