"""Records on a car: kilometres, papers, restrictions."""

from datetime import date
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import (
    BadFacts,
    DocumentKind,
    OdometerSource,
    RestrictionKind,
    RestrictionNotOpen,
    RestrictionState,
    VehicleNotFound,
)
from marketplace.vehicles.domain.eligibility import CONSENTABLE
from marketplace.vehicles.domain.facts import ODOMETER_MAX_KM
from marketplace.vehicles.models import OdometerReading, VehicleDocument, VehicleRestriction
from marketplace.vehicles.service.registration import announce_change

RESTRICT = "vehicles.restrict"
DISCLOSED_BY_HOLDER = frozenset({RestrictionKind.LIEN, RestrictionKind.PLEDGE, RestrictionKind.RECALL})
"""What a holder may (and must, 办法 第十四条) tell of his own car; the rest is recorded by the market's operators."""


def record_odometer(
    session: Session, *, vehicle_id: UUID, recorded_by: UUID, odometer_km: int, source: OdometerSource, read_on: date | None = None
) -> OdometerReading:
    """Append a reading; the latest day's is what is shown. A lower one is recorded too: it raises the alarm. Raises ``BadFacts``."""
    row = queries.lock_row(session, vehicle_id)
    at = clock.now(session)
    day = read_on or clock.shanghai_day(at)
    if not 0 <= odometer_km <= ODOMETER_MAX_KM:
        raise BadFacts(field="odometer_km")
    if day > clock.shanghai_day(at):
        raise BadFacts(field="read_on")
    reading = OdometerReading(
        vehicle_id=vehicle_id, odometer_km=odometer_km, read_on=day, source=source, recorded_by=recorded_by, recorded_at=at
    )
    session.add(reading)
    session.flush()
    latest = queries.list_readings(session, vehicle_id)[-1]
    if row.odometer_km != latest.odometer_km or latest.id != reading.id:
        row.odometer_km = latest.odometer_km
        row.updated_at = at
        announce_change(session, row, changed=["odometer_km"])
    return reading


def record_own_reading(
    session: Session, *, principal: Principal, vehicle_id: UUID, odometer_km: int, read_on: date | None = None
) -> OdometerReading:
    """A holder's reading. Raises ``VehicleNotFound``."""
    _require_holder(session, principal, vehicle_id)
    reading = record_odometer(
        session,
        vehicle_id=vehicle_id,
        recorded_by=principal.party_id,
        odometer_km=odometer_km,
        source=OdometerSource.HOLDER,
        read_on=read_on,
    )
    _audit(session, principal, "vehicle.read_odometer", vehicle_id, odometer_km=odometer_km)
    return reading


def record_document(
    session: Session,
    *,
    principal: Principal,
    vehicle_id: UUID,
    kind: DocumentKind,
    number: str | None = None,
    holder_name: str | None = None,
    valid_until: date | None = None,
) -> VehicleDocument:
    """Put a paper on file; one of the same kind on file is superseded. Holder or operator. Raises ``VehicleNotFound``."""
    row = queries.lock_row(session, vehicle_id)
    if not principal.can(RESTRICT):
        _require_holder(session, principal, vehicle_id)
    at = clock.now(session)
    for former in queries.list_documents(session, vehicle_id):
        if former.kind is kind:
            former.superseded_at = at
            session.add(former)
    document = VehicleDocument(
        vehicle_id=vehicle_id,
        kind=kind,
        number=number,
        holder_name=holder_name,
        valid_until=valid_until,
        party_id=principal.party_id,
        recorded_at=at,
    )
    session.add(document)
    announce_change(session, row, changed=[f"documents.{kind.value}"])
    _audit(session, principal, "vehicle.record_document", vehicle_id, kind=kind.value)
    return document


def record_restriction(
    session: Session,
    *,
    principal: Principal,
    vehicle_id: UUID,
    kind: RestrictionKind,
    authority: str = "",
    reference: str = "",
    amount_minor: int | None = None,
) -> VehicleRestriction:
    """Put a lien, seal or other restriction on record. A holder may disclose his own lien; else an operator. Raises ``VehicleNotFound``."""
    row = queries.lock_row(session, vehicle_id)
    if not principal.can(RESTRICT):
        _require_holder(session, principal, vehicle_id)
        if kind not in DISCLOSED_BY_HOLDER:
            raise VehicleNotFound
    restriction = VehicleRestriction(
        vehicle_id=vehicle_id,
        kind=kind,
        authority=authority,
        reference=reference,
        amount_minor=amount_minor,
        recorded_by=principal.party_id,
        recorded_at=clock.now(session),
    )
    session.add(restriction)
    announce_change(session, row, changed=[f"restrictions.{kind.value}"])
    _audit(session, principal, "vehicle.restrict", vehicle_id, kind=kind.value, restriction_id=str(restriction.id))
    return restriction


def decide_restriction(
    session: Session,
    *,
    principal: Principal,
    vehicle_id: UUID,
    restriction_id: UUID,
    state: RestrictionState,
    reference: str,
) -> VehicleRestriction:
    """Release a restriction, or record the third party's consent where one can consent. Raises ``RestrictionNotOpen``, ``BadFacts``."""
    row = queries.lock_row(session, vehicle_id)
    restriction = queries.lock_restriction(session, vehicle_id, restriction_id)
    if restriction.state is RestrictionState.RELEASED:
        raise RestrictionNotOpen
    if state is RestrictionState.OPEN or (state is RestrictionState.CONSENTED and restriction.kind not in CONSENTABLE):
        raise BadFacts(field="state")
    restriction.state = state
    restriction.decided_by = principal.party_id
    restriction.decided_at = clock.now(session)
    restriction.decision_reference = reference
    session.add(restriction)
    announce_change(session, row, changed=[f"restrictions.{restriction.kind.value}"])
    _audit(
        session,
        principal,
        f"vehicle.restriction_{state.value}",
        vehicle_id,
        kind=restriction.kind.value,
        restriction_id=str(restriction_id),
        reference=reference,
    )
    return restriction


def _require_holder(session: Session, principal: Principal, vehicle_id: UUID) -> None:
    if queries.find_holding(session, vehicle_id, principal.party_id) is None:
        raise VehicleNotFound


def _audit(session: Session, principal: Principal, act: str, vehicle_id: UUID, **facts: str | int) -> None:
    audit.record(session, principal=principal, act=act, object_kind="vehicle", object_id=vehicle_id, facts=dict(facts))
