"""The yearly assessment of pilots (年度考核): opened by a sweep, stated by the pilot, counted by the market, decided by an operator."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import ImportState, missing_papers
from marketplace.parallel_import.domain.pilots import (
    AssessmentNotFound,
    AssessmentNotOpen,
    AssessmentStands,
    AssessmentState,
    CriterionUnknown,
    PilotNotFound,
    PilotState,
    PilotStateRefuses,
    Stated,
    add_months,
    check_criteria,
    is_overdue,
    passes,
)
from marketplace.parallel_import.events import AssessmentMoved, pilot_key
from marketplace.parallel_import.models import PilotAssessment
from marketplace.parallel_import.service import pilots
from marketplace.parallel_import.service.tables import import_rules, pilot_rules


def open_by_hand(session: Session, *, principal: Principal, party_id: UUID) -> PilotAssessment:
    """An operator does not wait for the year's end: due in the usual notice. Raises ``PilotNotFound``, ``PilotStateRefuses``,
    ``AssessmentStands``."""
    today = clock.shanghai_day(clock.now(session))
    due_on = today + timedelta(days=pilot_rules(today).notice_days)
    return _open(session, principal=principal, party_id=party_id, due_on=due_on)


def _open(session: Session, *, principal: Principal | None, party_id: UUID, due_on: date) -> PilotAssessment:
    pilot = queries.lock_pilot(session, party_id)
    if pilot is None:
        raise PilotNotFound
    if pilot.state not in {PilotState.VERIFIED, PilotState.SUSPENDED}:
        raise PilotStateRefuses(state=pilot.state.value)
    at = clock.now(session)
    row = PilotAssessment(pilot_id=party_id, year=due_on.year, due_on=due_on, opened_at=at)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise AssessmentStands from error
    pilot.next_assessment_on = add_months(due_on, pilot_rules(clock.shanghai_day(at)).interval_months)
    session.add(pilot)
    session.flush()
    _moved(session, principal, row)
    return row


def open_due(session: Session, *, limit: int) -> int:
    """Open the assessments that come due; returns how many pilots were looked at."""
    today = clock.shanghai_day(clock.now(session))
    before = today + timedelta(days=pilot_rules(today).notice_days + 1)
    found = queries.list_near_assessment(session, before=before, limit=limit)
    for party_id in found:
        pilot = pilots.get_pilot(session, party_id=party_id)
        assert pilot.next_assessment_on is not None
        try:
            _open(session, principal=None, party_id=party_id, due_on=pilot.next_assessment_on)
        except AssessmentStands:  # opened by hand this year: the next one is the year after
            pilot.next_assessment_on = add_months(pilot.next_assessment_on, pilot_rules(today).interval_months)
            session.add(pilot)
            session.flush()
    return len(found)


def mark_overdue(session: Session, *, limit: int) -> int:
    """Assessments not handed in by the end of the grace: overdue, and their pilots are suspended; returns how many."""
    today = clock.shanghai_day(clock.now(session))
    rules = pilot_rules(today)
    found = queries.list_due_assessments(session, due_before=today - timedelta(days=rules.grace_days), limit=limit)
    for assessment_id in found:
        row = queries.lock_assessment(session, assessment_id)
        if row.state is AssessmentState.DUE and is_overdue(row.due_on, today=today, rules=rules):
            _set(session, None, row, AssessmentState.OVERDUE)
            pilots.suspend_if_verified(session, party_id=row.pilot_id, reason=f"{row.year} 年度考核逾期未提交")
    return len(found)


def submit(session: Session, *, principal: Principal, assessment_id: UUID, stated: Stated) -> PilotAssessment:
    """The pilot states its year; what the market counts itself it does not state. Late is still taken.

    Raises ``AssessmentNotFound``, ``AssessmentNotOpen``, ``CriterionUnknown``.
    """
    row = queries.lock_assessment(session, assessment_id)
    if row.pilot_id != principal.party_id:
        raise AssessmentNotFound
    if row.state not in {AssessmentState.DUE, AssessmentState.OVERDUE, AssessmentState.SUBMITTED}:
        raise AssessmentNotOpen(state=row.state.value)
    rules = pilot_rules(clock.shanghai_day(clock.now(session)))
    measured = _measure(session, row.pilot_id)
    if set(stated) & set(measured):
        raise CriterionUnknown(codes=sorted(set(stated) & set(measured)))
    row.results = [one.document() for one in check_criteria(rules.assessed, {**stated, **measured})]
    row.submitted_at = clock.now(session)
    _set(session, principal, row, AssessmentState.SUBMITTED)
    return row


def _measure(session: Session, pilot_id: UUID) -> dict[str, int]:
    """What the market knows by itself: cars in bond beyond the term, cars on sale without a needed paper."""
    today = clock.shanghai_day(clock.now(session))
    term = pilot_rules(today).bonded_months
    rules = import_rules(today)
    on_sale = queries.list_papers_on_sale(session, pilot_id).values()
    return {
        "bonded_overdue": queries.count_bonded_since(session, pilot_id, arrived_before=add_months(today, -term)),
        "incomplete_on_sale": sum(bool(missing_papers(papers, ImportState.ON_SALE, rules)) for papers in on_sale),
    }


def decide(session: Session, *, principal: Principal, assessment_id: UUID, passed: bool, note: str) -> PilotAssessment:
    """An operator's finding; a failed pilot is suspended. Passing against the criteria needs a note, as does failing.

    Raises ``AssessmentNotFound``, ``AssessmentNotOpen``.
    """
    row = queries.lock_assessment(session, assessment_id)
    if row.state not in {AssessmentState.SUBMITTED, AssessmentState.OVERDUE} or (passed and row.state is AssessmentState.OVERDUE):
        raise AssessmentNotOpen(state=row.state.value)
    row.decided_at, row.decided_by, row.note = clock.now(session), principal.id, note
    _set(session, principal, row, AssessmentState.PASSED if passed else AssessmentState.FAILED, reason=note)
    if not passed:
        pilots.suspend_if_verified(session, party_id=row.pilot_id, reason=f"{row.year} 年度考核不合格:{note}"[:500])
    return row


def suggests_pass(session: Session, row: PilotAssessment) -> bool | None:
    """Whether the criteria say pass; None before anything was stated."""
    if not row.results:
        return None
    rules = pilot_rules(clock.shanghai_day(clock.now(session)))
    return passes([bool(one["is_met"]) for one in row.results], pass_percent=rules.pass_percent)


def get_assessment(session: Session, *, principal: Principal, assessment_id: UUID) -> PilotAssessment:
    """The pilot's own. Raises ``AssessmentNotFound``."""
    row = queries.find_assessment(session, assessment_id)
    if row is None or row.pilot_id != principal.party_id:
        raise AssessmentNotFound
    return row


def _set(session: Session, principal: Principal | None, row: PilotAssessment, state: AssessmentState, *, reason: str = "") -> None:
    row.state = state
    session.add(row)
    session.flush()
    _moved(session, principal, row, reason=reason)


def _moved(session: Session, principal: Principal | None, row: PilotAssessment, *, reason: str = "") -> None:
    audit.record(
        session,
        principal=principal,
        act=f"pilot_assessment.{row.state.value}",
        object_kind="pilot_assessment",
        object_id=row.id,
        facts={"pilot_id": str(row.pilot_id), "year": row.year, "due_on": row.due_on.isoformat()},
        reason=reason or None,
    )
    event = AssessmentMoved(assessment_id=row.id, pilot_id=row.pilot_id, state=row.state.value)
    append(session, event, key=pilot_key(row.pilot_id))
