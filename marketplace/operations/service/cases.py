"""Cases: opened by features and parties, taken, decided and closed by operators."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.operations import queries
from marketplace.operations.domain import (
    DECIDED_BY_FEATURE,
    CaseDecidedElsewhere,
    CaseKind,
    CaseNotFound,
    CaseState,
    CaseTakenByAnother,
    CaseView,
    Outcome,
    OwnCase,
    check_close,
    check_take,
    check_undecided,
    check_worked,
)
from marketplace.operations.events import CaseDecided, CaseOpened, case_key
from marketplace.operations.models import CaseStatement, OperationCase

READ = "cases.read"
WORK = "cases.work"


def open_case(
    session: Session,
    *,
    principal: Principal | None,
    kind: CaseKind,
    subject_kind: str,
    subject_id: UUID,
    opened_by: UUID | None = None,
    respondent_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
    statement: str = "",
) -> CaseView:
    """Put a question into the operators' queue; the same party's same question while undecided is the same case, its statement added."""
    topic = f"{kind.value}:{subject_kind}:{subject_id}:{opened_by or 'market'}"
    found = queries.find_undecided(session, topic) or _create(
        session,
        OperationCase(
            kind=kind,
            topic=topic,
            subject_kind=subject_kind,
            subject_id=subject_id,
            opened_by=opened_by,
            respondent_id=respondent_id,
            facts=dict(facts or {}),
            opened_at=clock.now(session),
        ),
        principal,
    )
    if statement.strip() and opened_by is not None:
        _say(session, found, party_id=opened_by, text=statement, by_operator=False)
    return view(found)


def _create(session: Session, row: OperationCase, principal: Principal | None) -> OperationCase:
    """The new case, or the one another transaction made of the same question at the same moment."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        found = queries.find_undecided(session, row.topic)
        if found is None:
            raise
        return found
    outbox.append(session, CaseOpened(**_event_facts(row)), key=case_key(row.id))
    _record(session, principal, row, "case.open", kind=row.kind.value, subject_kind=row.subject_kind, subject_id=str(row.subject_id))
    return row


def view(row: OperationCase) -> CaseView:
    return CaseView(row.id, row.kind, row.state, row.subject_kind, row.subject_id, row.opened_by, row.outcome, row.opened_at)


def _event_facts(row: OperationCase) -> dict[str, Any]:
    return {
        "case_id": row.id,
        "kind": row.kind,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "opened_by": row.opened_by,
        "respondent_id": row.respondent_id,
        "facts": row.facts,
    }


def _record(session: Session, principal: Principal | None, row: OperationCase, act: str, **facts: str) -> None:
    audit.record(session, principal=principal, act=act, object_kind="case", object_id=row.id, facts={"state": row.state.value, **facts})


def _say(session: Session, row: OperationCase, *, party_id: UUID, text: str, by_operator: bool) -> CaseStatement:
    said = CaseStatement(case_id=row.id, party_id=party_id, by_operator=by_operator, text=text.strip(), at=clock.now(session))
    session.add(said)
    session.flush()
    return said


# --- the parties' side ---------------------------------------------------------------------------------------------------


def get_case(session: Session, *, principal: Principal, case_id: UUID) -> tuple[OperationCase, Sequence[CaseStatement]]:
    """For who opened it, who has to answer it, and the market's people; a party sees its own statements and the operators'.

    Raises ``CaseNotFound``.
    """
    row = queries.get_case(session, case_id)
    _require_insight(row, principal)
    said = queries.list_statements(session, case_id)
    if principal.can(READ):
        return row, said
    return row, [one for one in said if one.by_operator or one.party_id == principal.party_id]


def _require_insight(row: OperationCase, principal: Principal) -> None:
    if principal.party_id not in {row.opened_by, row.respondent_id} and not principal.can(READ):
        raise CaseNotFound


def state_more(session: Session, *, principal: Principal, case_id: UUID, text: str) -> CaseStatement:
    """Say something in an undecided case. Raises ``CaseNotFound``, ``CaseStateRefused``."""
    row = queries.lock_case(session, case_id)
    _require_insight(row, principal)
    is_party = principal.party_id in {row.opened_by, row.respondent_id}
    if not is_party and not principal.can(WORK):
        raise CaseNotFound
    check_undecided(row.state)
    said = _say(session, row, party_id=principal.party_id, text=text, by_operator=not is_party)
    _record(session, principal, row, "case.state", statement_id=str(said.id))
    return said


def withdraw(session: Session, *, principal: Principal, case_id: UUID) -> OperationCase:
    """Who opened a case takes it back while it is undecided. Raises ``CaseNotFound``, ``CaseStateRefused``, ``CaseDecidedElsewhere``."""
    row = queries.lock_case(session, case_id)
    if row.opened_by is None or row.opened_by != principal.party_id:
        raise CaseNotFound
    _require_here(row)
    if row.outcome is Outcome.WITHDRAWN:
        return row
    check_undecided(row.state)
    row.state, row.outcome = CaseState.CLOSED, Outcome.WITHDRAWN
    row.decided_at = row.closed_at = clock.now(session)
    _save(session, principal, row, "case.withdraw")
    return row


def list_of_party(session: Session, *, principal: Principal, page: PageQuery) -> Sequence[OperationCase]:
    return queries.list_of_party(session, principal.party_id, page=page)


# --- the operators' side -------------------------------------------------------------------------------------------------


def take(session: Session, *, principal: Principal, case_id: UUID) -> OperationCase:
    """An operator takes a case out of the queue. Raises ``CaseNotFound``, ``CaseTakenByAnother``, ``CaseStateRefused``, ``OwnCase``."""
    row = queries.lock_case(session, case_id)
    _require_stranger(row, principal)
    if check_take(row.state, taken_by=row.taken_by, by=principal.id):
        row.state, row.taken_by, row.taken_at = CaseState.TAKEN, principal.id, clock.now(session)
        _save(session, principal, row, "case.take")
    return row


def give_back(session: Session, *, principal: Principal, case_id: UUID) -> OperationCase:
    """Back into the queue. Raises ``CaseNotFound``, ``CaseTakenByAnother``, ``CaseStateRefused``."""
    row = queries.lock_case(session, case_id)
    check_worked(row.state, taken_by=row.taken_by, by=principal.id)
    row.state, row.taken_by, row.taken_at = CaseState.OPEN, None, None
    _save(session, principal, row, "case.give_back")
    return row


def decide(session: Session, *, principal: Principal, case_id: UUID, is_granted: bool, note: str) -> OperationCase:
    """Who took the case answers it; its feature hears of it.

    Raises ``CaseNotFound``, ``CaseTakenByAnother``, ``CaseStateRefused``, ``CaseDecidedElsewhere``.
    """
    row = queries.lock_case(session, case_id)
    _require_here(row)
    check_worked(row.state, taken_by=row.taken_by, by=principal.id)
    row.state = CaseState.DECIDED
    row.outcome = Outcome.GRANTED if is_granted else Outcome.REFUSED
    row.decision_note, row.decided_by, row.decided_at = note.strip(), principal.id, clock.now(session)
    _save(session, principal, row, "case.decide")
    outbox.append(session, CaseDecided(**_event_facts(row), outcome=row.outcome), key=case_key(row.id))
    return row


def conclude(session: Session, *, principal: Principal, case_id: UUID, outcome: Outcome, note: str = "") -> CaseView:
    """A feature answers its own question and closes the case, with all that follows done in this transaction. Twice is once.

    Raises ``CaseNotFound``, ``CaseTakenByAnother``, ``OwnCase`` (but for who takes it back).
    """
    row = queries.lock_case(session, case_id)
    if row.outcome is outcome:
        return view(row)
    check_undecided(row.state)
    if outcome is not Outcome.WITHDRAWN:
        _require_stranger(row, principal)
        if row.state is CaseState.TAKEN and row.taken_by != principal.id:
            raise CaseTakenByAnother
    row.state, row.outcome = CaseState.CLOSED, outcome
    row.decision_note, row.decided_by = note.strip(), principal.id
    row.decided_at = row.closed_at = clock.now(session)
    _save(session, principal, row, "case.conclude")
    return view(row)


def _require_here(row: OperationCase) -> None:
    if row.kind in DECIDED_BY_FEATURE:
        raise CaseDecidedElsewhere(subject_kind=row.subject_kind, subject_id=str(row.subject_id))


def _require_stranger(row: OperationCase, principal: Principal) -> None:
    if {principal.id, principal.party_id} & {row.opened_by, row.respondent_id}:
        raise OwnCase


def close(session: Session, *, principal: Principal, case_id: UUID) -> OperationCase:
    """What follows from the answer is done. Raises ``CaseNotFound``, ``CaseStateRefused``."""
    row = queries.lock_case(session, case_id)
    check_close(row.state)
    row.state, row.closed_at = CaseState.CLOSED, clock.now(session)
    _save(session, principal, row, "case.close")
    return row


def _save(session: Session, principal: Principal, row: OperationCase, act: str) -> None:
    session.add(row)
    session.flush()
    _record(session, principal, row, act, **({"outcome": row.outcome.value} if row.outcome else {}))


def list_queue(session: Session, *, states: Sequence[CaseState], kind: CaseKind | None, page: PageQuery) -> Sequence[OperationCase]:
    return queries.list_queue(session, states=states, kind=kind, page=page)
