"""Records on a car: kilometres, papers, restrictions."""

from datetime import date
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.operations import api as operations
from marketplace.vehicles import queries
from marketplace.vehicles.domain import (
    BadFacts,
    CheckState,
    DocumentChecked,
    DocumentKind,
    HistoryKind,
    OdometerSource,
    OwnPaper,
    RestrictionKind,
    RestrictionMissing,
    RestrictionNotOpen,
    RestrictionState,
    VehicleNotFound,
)
from marketplace.vehicles.domain.eligibility import CONSENTABLE
from marketplace.vehicles.domain.facts import ODOMETER_MAX_KM
from marketplace.vehicles.domain.papers import EFFECTS
from marketplace.vehicles.models import OdometerReading, VehicleDocument, VehicleHistory, VehicleRestriction
from marketplace.vehicles.service.odometer import look_back
from marketplace.vehicles.service.registration import announce_change

RESTRICT = "vehicles.restrict"
DISCLOSED_BY_HOLDER = frozenset({RestrictionKind.LIEN, RestrictionKind.PLEDGE, RestrictionKind.RECALL})
"""What a holder may (and must, 办法 第十四条) tell of his own car; the rest is recorded by the market's operators."""
REPORTED = frozenset(
    {
        RestrictionKind.STOLEN,
        RestrictionKind.ENGINE_NUMBER_MISMATCH,
        RestrictionKind.VIN_MISMATCH,
        RestrictionKind.ILLEGAL_ASSEMBLY,
    }
)
"""Signs of a crime: the market tells the police and the market regulator at once (办法 第二十条)."""


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
    changed = ["odometer_km"] if row.odometer_km != latest.odometer_km or latest.id != reading.id else []
    if look_back(session, row):
        changed.append("rolled_back_on")
    if changed:
        row.odometer_km = latest.odometer_km
        row.updated_at = at
        announce_change(session, row, changed=changed)
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
    issued_on: date | None = None,
    valid_until: date | None = None,
    restriction_id: UUID | None = None,
) -> VehicleDocument:
    """Put a paper on file; one of the same kind (about the same restriction) on file is superseded. Holder or operator.

    What an operator puts on file he has seen: it is accepted with it. Raises ``VehicleNotFound``, ``RestrictionMissing``.
    """
    row = queries.lock_row(session, vehicle_id)
    if not principal.can(RESTRICT):
        _require_holder(session, principal, vehicle_id)
    if kind in EFFECTS:
        _require_restriction(session, vehicle_id, kind, restriction_id)
    at = clock.now(session)
    for former in queries.list_documents(session, vehicle_id):
        if former.kind is kind and (kind not in EFFECTS or former.restriction_id == restriction_id):
            former.superseded_at = at
            session.add(former)
    document = VehicleDocument(
        vehicle_id=vehicle_id,
        kind=kind,
        number=number,
        holder_name=holder_name,
        issued_on=issued_on,
        valid_until=valid_until,
        restriction_id=restriction_id if kind in EFFECTS else None,
        party_id=principal.party_id,
        recorded_at=at,
    )
    session.add(document)
    session.flush()
    _audit(session, principal, "vehicle.record_document", vehicle_id, kind=kind.value)
    changed = [f"documents.{kind.value}"]
    if principal.can(RESTRICT) and queries.find_holding(session, vehicle_id, principal.id) is None:
        changed += _accept(session, principal, document)
    announce_change(session, row, changed=changed)
    return document


def _require_restriction(session: Session, vehicle_id: UUID, kind: DocumentKind, restriction_id: UUID | None) -> None:
    kinds = EFFECTS[kind].kinds
    if not any(one.id == restriction_id and one.kind in kinds for one in queries.list_restrictions(session, vehicle_id)):
        raise RestrictionMissing(restriction_kinds=sorted(one.value for one in kinds))


def check_document(
    session: Session, *, principal: Principal, vehicle_id: UUID, document_id: UUID, accepted: bool, note: str = ""
) -> VehicleDocument:
    """An operator's word on a paper; accepted, it ends or opens its restriction. Nobody checks papers of his own car.

    Raises ``VehicleNotFound``, ``DocumentChecked``, ``OwnPaper``.
    """
    row = queries.lock_row(session, vehicle_id)
    document = queries.lock_document(session, vehicle_id, document_id)
    if {document.party_id} & {principal.id} or queries.find_holding(session, vehicle_id, principal.id) is not None:
        raise OwnPaper
    if document.check_state is not CheckState.UNCHECKED or document.superseded_at is not None:
        raise DocumentChecked(check_state=document.check_state.value)
    changed = [f"documents.{document.kind.value}"]
    if accepted:
        changed += _accept(session, principal, document, note)
    else:
        _mark(session, principal, document, CheckState.REFUSED, note)
    announce_change(session, row, changed=changed)
    return document


def _accept(session: Session, principal: Principal, document: VehicleDocument, note: str = "") -> list[str]:
    """Accept a paper and do what follows from it; returns the facts that changed besides."""
    _mark(session, principal, document, CheckState.ACCEPTED, note)
    effect = EFFECTS.get(document.kind)
    if effect is None or document.restriction_id is None:
        return []
    restriction = queries.lock_restriction(session, document.vehicle_id, document.restriction_id)
    if restriction.state is RestrictionState.RELEASED or restriction.state is effect.state:
        return []
    _turn(session, principal, restriction, effect.state, f"document:{document.id}")
    return [f"restrictions.{restriction.kind.value}"]


def _mark(session: Session, principal: Principal, document: VehicleDocument, state: CheckState, note: str) -> None:
    document.check_state, document.check_note = state, note.strip() or None
    document.checked_by, document.checked_at = principal.id, clock.now(session)
    session.add(document)
    session.flush()
    facts = {"kind": document.kind.value, "document_id": str(document.id)}
    _audit(session, principal, f"vehicle.document_{state.value}", document.vehicle_id, **facts)


def record_history(
    session: Session,
    *,
    principal: Principal,
    vehicle_id: UUID,
    kind: HistoryKind,
    happened_on: date,
    odometer_km: int | None = None,
    place: str = "",
    is_authorised: bool | None = None,
    description: str = "",
    amount_minor: int | None = None,
) -> VehicleHistory:
    """A workshop visit or a claim, by a holder or an operator; its kilometres are a reading of that day.

    Raises ``VehicleNotFound``, ``BadFacts``.
    """
    queries.lock_row(session, vehicle_id)
    if not principal.can(RESTRICT):
        _require_holder(session, principal, vehicle_id)
    at = clock.now(session)
    if happened_on > clock.shanghai_day(at):
        raise BadFacts(field="happened_on")
    entry = VehicleHistory(
        vehicle_id=vehicle_id,
        kind=kind,
        happened_on=happened_on,
        odometer_km=odometer_km,
        place=place.strip(),
        is_authorised=is_authorised,
        description=description.strip(),
        amount_minor=amount_minor,
        recorded_by=principal.party_id,
        recorded_at=at,
    )
    session.add(entry)
    if odometer_km is not None:
        record_odometer(
            session,
            vehicle_id=vehicle_id,
            recorded_by=principal.party_id,
            odometer_km=odometer_km,
            source=OdometerSource.WORKSHOP,
            read_on=happened_on,
        )
    _audit(session, principal, "vehicle.record_history", vehicle_id, kind=kind.value, entry_id=str(entry.id))
    return entry


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
    session.flush()
    if kind in REPORTED:
        operations.open_case(
            session,
            principal=principal,
            kind=operations.CaseKind.CRIME,
            subject_kind="vehicle",
            subject_id=vehicle_id,
            facts={"restriction_id": str(restriction.id), "kind": kind.value},
        )
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
    _turn(session, principal, restriction, state, reference)
    announce_change(session, row, changed=[f"restrictions.{restriction.kind.value}"])
    return restriction


def _turn(session: Session, principal: Principal, restriction: VehicleRestriction, state: RestrictionState, reference: str) -> None:
    restriction.state, restriction.decision_reference = state, reference
    restriction.decided_by, restriction.decided_at = principal.party_id, clock.now(session)
    session.add(restriction)
    session.flush()
    _audit(
        session,
        principal,
        f"vehicle.restriction_{state.value}",
        restriction.vehicle_id,
        kind=restriction.kind.value,
        restriction_id=str(restriction.id),
        reference=reference,
    )


def _require_holder(session: Session, principal: Principal, vehicle_id: UUID) -> None:
    if queries.find_holding(session, vehicle_id, principal.party_id) is None:
        raise VehicleNotFound


def _audit(session: Session, principal: Principal, act: str, vehicle_id: UUID, **facts: str | int) -> None:
    audit.record(session, principal=principal, act=act, object_kind="vehicle", object_id=vehicle_id, facts=dict(facts))
