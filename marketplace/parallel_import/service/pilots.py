"""Pilots: they apply, an operator verifies them against their approval, and stops them; their cars follow."""

from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.accounts.api import LicenceKind, OrganizationKind
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.errors import Refusal
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.pilots import (
    CriterionResult,
    PilotKind,
    PilotNotFound,
    PilotNotVerified,
    PilotState,
    PilotStateRefuses,
    Stated,
    add_months,
    check_criteria,
    require_met,
)
from marketplace.parallel_import.events import PilotStopped, PilotVerified, pilot_key
from marketplace.parallel_import.models import ImportPilot
from marketplace.parallel_import.service.tables import pilot_rules

APPROVAL = LicenceKind.IMPORT_PILOT_APPROVAL


def require_pilot(session: Session, *, principal: Principal) -> accounts.LicenceView:
    """The approval of a pilot that may act today.

    Raises ``PartySuspended``, ``OrganizationUnverified``, ``LicenceMissing``, ``LicenceLapsed`` or ``PilotNotVerified``.
    """
    accounts.require_active(session, party_id=principal.party_id)
    today = clock.shanghai_day(clock.now(session))
    licence = accounts.require_licence(session, party_id=principal.party_id, kind=APPROVAL, on=today)
    pilot = queries.find_pilot(session, principal.party_id)
    if pilot is None or pilot.state is not PilotState.VERIFIED:
        raise PilotNotVerified(state=pilot.state.value if pilot else "none")
    return licence


def get_pilot(session: Session, *, party_id: UUID) -> ImportPilot:
    """Raises ``PilotNotFound``."""
    row = queries.find_pilot(session, party_id)
    if row is None:
        raise PilotNotFound
    return row


def criteria_of(session: Session, row: ImportPilot) -> tuple[CriterionResult, ...]:
    """Each condition with what was stated, by the rules of today."""
    rules = pilot_rules(clock.shanghai_day(clock.now(session)))
    return check_criteria(rules.application[row.kind], row.stated)


def apply(session: Session, *, principal: Principal, kind: PilotKind, zone: str, stated: Stated) -> ImportPilot:
    """An organization of importers asks to be admitted as a pilot; after a rejection or removal it may ask again.

    Raises ``PilotStateRefuses``, ``CriterionUnknown`` and what ``accounts.require_active`` raises.
    """
    party = accounts.require_active(session, party_id=principal.party_id)
    at = clock.now(session)
    check_criteria(pilot_rules(clock.shanghai_day(at)).application[kind], stated)
    row = queries.lock_pilot(session, principal.party_id)
    if party.organization_kind is not OrganizationKind.IMPORT_PILOT:
        raise PilotNotFound
    if row is not None and row.state not in {PilotState.REJECTED, PilotState.REMOVED}:
        raise PilotStateRefuses(state=row.state.value)
    row = row or ImportPilot(party_id=principal.party_id, kind=kind, applied_by=principal.id, applied_at=at, state_changed_at=at)
    row.kind, row.zone, row.stated, row.waived = kind, zone, dict(stated), []
    row.applied_by, row.applied_at = principal.id, at
    row.verified_on, row.next_assessment_on, row.decided_by = None, None, None
    _move(session, principal, row, PilotState.APPLIED, reason="")
    return row


def decide(
    session: Session, *, principal: Principal, party_id: UUID, verified: bool, waived: frozenset[str] = frozenset(), note: str = ""
) -> ImportPilot:
    """An operator verifies an applicant, or rejects it with a note. Verified is only who holds a checked approval (批复) valid today and
    meets every condition but those the operator waives by name.

    Raises ``PilotNotFound``, ``PilotStateRefuses``, ``CriteriaUnmet``, ``LicenceMissing``, ``LicenceLapsed``.
    """
    row = _lock(session, party_id, {PilotState.APPLIED})
    today = clock.shanghai_day(clock.now(session))
    row.decided_by = principal.id
    if not verified:
        _move(session, principal, row, PilotState.REJECTED, reason=note or "不符合试点条件")
        return row
    accounts.require_active(session, party_id=party_id)
    accounts.require_licence(session, party_id=party_id, kind=APPROVAL, on=today)
    require_met(criteria_of(session, row), waived=waived)
    row.waived = sorted(waived)
    row.verified_on = today
    row.next_assessment_on = add_months(today, pilot_rules(today).interval_months)
    _move(session, principal, row, PilotState.VERIFIED, reason=note)
    return row


def suspend(session: Session, *, principal: Principal | None, party_id: UUID, reason: str) -> ImportPilot:
    """Stop a verified pilot for a time; its listings leave the window and come back with it. Raises ``PilotNotFound``,
    ``PilotStateRefuses``."""
    row = _lock(session, party_id, {PilotState.VERIFIED})
    _move(session, principal, row, PilotState.SUSPENDED, reason=reason)
    return row


def reinstate(session: Session, *, principal: Principal, party_id: UUID, reason: str) -> ImportPilot:
    """End a suspension, while the approval is valid. Raises ``PilotNotFound``, ``PilotStateRefuses``, ``LicenceMissing``,
    ``LicenceLapsed``."""
    row = _lock(session, party_id, {PilotState.SUSPENDED})
    today = clock.shanghai_day(clock.now(session))
    accounts.require_active(session, party_id=party_id)
    accounts.require_licence(session, party_id=party_id, kind=APPROVAL, on=today)
    _move(session, principal, row, PilotState.VERIFIED, reason=reason)
    return row


def remove(session: Session, *, principal: Principal, party_id: UUID, reason: str) -> ImportPilot:
    """Exit 退出: its listings end for good. Raises ``PilotNotFound``, ``PilotStateRefuses``."""
    row = _lock(session, party_id, {PilotState.VERIFIED, PilotState.SUSPENDED})
    row.next_assessment_on = None
    _move(session, principal, row, PilotState.REMOVED, reason=reason)
    return row


def suspend_if_verified(session: Session, *, party_id: UUID, reason: str) -> bool:
    """What the market does by itself: an approval revoked or lapsed, a party suspended, an assessment not handed in."""
    row = queries.lock_pilot(session, party_id)
    if row is None or row.state is not PilotState.VERIFIED:
        return False
    _move(session, None, row, PilotState.SUSPENDED, reason=reason)
    return True


def suspend_unless_licensed(session: Session, *, party_id: UUID, reason: str) -> None:
    """Suspend a verified pilot that holds no valid approval today."""
    today = clock.shanghai_day(clock.now(session))
    try:
        accounts.require_licence(session, party_id=party_id, kind=APPROVAL, on=today)
    except Refusal:
        suspend_if_verified(session, party_id=party_id, reason=reason)


def suspend_unlicensed(session: Session, *, after: UUID | None, limit: int) -> UUID | None:
    """Suspend verified pilots whose approval has lapsed; returns the last one looked at, None at the end."""
    found = queries.list_unlicensed_candidates(session, after=after, limit=limit)
    for party_id in found:
        suspend_unless_licensed(session, party_id=party_id, reason="试点批复已失效")
    return found[-1] if len(found) == limit else None


def _lock(session: Session, party_id: UUID, states: set[PilotState]) -> ImportPilot:
    row = queries.lock_pilot(session, party_id)
    if row is None:
        raise PilotNotFound
    if row.state not in states:
        raise PilotStateRefuses(state=row.state.value)
    return row


_STOPPED = {PilotState.SUSPENDED, PilotState.REMOVED}


def _move(session: Session, principal: Principal | None, row: ImportPilot, state: PilotState, *, reason: str) -> None:
    before = row.state
    row.state, row.state_reason = state, reason
    row.state_changed_at = clock.now(session)
    session.add(row)
    session.flush()
    facts: dict[str, Any] = {"from": before.value, "to": state.value, "kind": row.kind.value, "waived": row.waived}
    audit.record(
        session,
        principal=principal,
        act=f"pilot.{state.value}",
        object_kind="import_pilot",
        object_id=row.party_id,
        facts=facts,
        reason=reason or None,
    )
    if state is PilotState.VERIFIED:
        append(session, PilotVerified(pilot_id=row.party_id, kind=row.kind.value), key=pilot_key(row.party_id))
    elif state in _STOPPED:
        append(session, PilotStopped(pilot_id=row.party_id, state=state.value), key=pilot_key(row.party_id))
