"""Reading cars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import (
    HistoryKind,
    HoldingView,
    Reading,
    ServiceRecord,
    UnknownBrand,
    UnknownSeries,
    VehicleFacts,
    VehicleNotFound,
    VehicleView,
    find_roll_back,
)
from marketplace.vehicles.domain.catalogue import Brand, Series
from marketplace.vehicles.domain.vin import normalize_vin
from marketplace.vehicles.models import OdometerReading, VehicleDocument, VehicleHistory, VehicleRestriction, VehicleShowing
from marketplace.vehicles.service import tables, views
from marketplace.vehicles.service.records import RESTRICT

APPRAISE = "appraisals.perform"
MODELS_MAX = 500


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


@dataclass(frozen=True, slots=True)
class History:
    """A car's workshop visits and claims, oldest first, and what they come to; amounts in fen."""

    entries: list[VehicleHistory]
    services: int
    service_record: ServiceRecord
    service_last_on: date | None
    service_last_km: int | None
    claims: int
    claims_max_minor: int | None


def get_history(session: Session, *, vehicle_id: UUID) -> History:
    """Public: it names nobody. Raises ``VehicleNotFound``."""
    queries.get_row(session, vehicle_id)
    entries = list(queries.list_history(session, vehicle_id))
    services = [one for one in entries if one.kind is HistoryKind.SERVICE]
    claims = [one for one in entries if one.kind is HistoryKind.CLAIM]
    authorised = [one.is_authorised is True for one in services]
    record = ServiceRecord.NONE if not any(authorised) else ServiceRecord.FULL if all(authorised) else ServiceRecord.PARTIAL
    return History(
        entries=entries,
        services=len(services),
        service_record=record,
        service_last_on=services[-1].happened_on if services else None,
        service_last_km=services[-1].odometer_km if services else None,
        claims=len(claims),
        claims_max_minor=max((one.amount_minor for one in claims if one.amount_minor is not None), default=None),
    )


def list_models(session: Session, *, brand: str, series: str) -> tuple[Brand, Series, Sequence[tuple[str, int, int]]]:
    """The models of a series that the market has seen, whatever text names brand and series. Raises ``UnknownBrand``, ``UnknownSeries``."""
    found = tables.resolve_brand(brand)
    if found is None:
        raise UnknownBrand(brand=brand[:40], suggestions=tables.catalogue().suggest_brands(brand))
    line = tables.resolve_series(found, series)
    if line is None:
        raise UnknownSeries(series=series[:60])
    return found, line, queries.list_models(session, brand=found.name, series=line.name, limit=MODELS_MAX)


def follow_listing(session: Session, *, listing_id: UUID, vehicle_id: UUID, is_open: bool, version: int) -> None:
    """Whether a listing shows the car, by the newest word of it; words come out of order and twice."""
    row = queries.lock_showing(session, listing_id)
    if row is None:
        session.add(VehicleShowing(listing_id=listing_id, vehicle_id=vehicle_id, is_open=is_open, listing_version=version))
    elif version >= row.listing_version:
        row.is_open, row.listing_version = is_open, version
        session.add(row)
    session.flush()


def require_answer(session: Session, *, principal: Principal, vehicle_id: UUID) -> None:
    """Who may ask whether a car may be traded: its holders, the market's people, appraisers, and everybody while it is offered.

    Raises ``VehicleNotFound``.
    """
    queries.get_row(session, vehicle_id)
    if principal.can(RESTRICT) or principal.can(APPRAISE) or queries.find_holding(session, vehicle_id, principal.party_id) is not None:
        return
    if not queries.is_shown(session, vehicle_id):
        raise VehicleNotFound


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
