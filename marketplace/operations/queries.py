"""Selects over the kernel's tables that only operators need, and over the cases."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.audit import AuditEntry
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.operations.domain import UNDECIDED, CaseKind, CaseNotFound, CaseState
from marketplace.operations.models import CaseStatement, OperationCase


def list_newest_entries(session: Session, *, page: PageQuery, act: str | None) -> Sequence[AuditEntry]:
    """The trail of all objects, newest first; one row more than the page shows."""
    statement = select(AuditEntry).where(page.where_after(col(AuditEntry.id), descending=True))
    if act is not None:
        statement = statement.where(AuditEntry.act == act)
    return session.exec(statement.order_by(col(AuditEntry.id).desc()).limit(page.limit + 1)).all()


# --- cases ---------------------------------------------------------------------------------------------------------------


def get_case(session: Session, case_id: UUID) -> OperationCase:
    """Raises ``CaseNotFound``."""
    row = session.get(OperationCase, case_id)
    if row is None:
        raise CaseNotFound
    return row


def lock_case(session: Session, case_id: UUID) -> OperationCase:
    """Under lock, fresh. Raises ``CaseNotFound``."""
    row = session.exec(
        select(OperationCase).where(OperationCase.id == case_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise CaseNotFound
    return row


def find_undecided(session: Session, topic: str) -> OperationCase | None:
    """The case that asks this already."""
    return session.exec(select(OperationCase).where(OperationCase.topic == topic, col(OperationCase.state).in_(UNDECIDED))).first()


def list_queue(session: Session, *, states: Sequence[CaseState], kind: CaseKind | None, page: PageQuery) -> Sequence[OperationCase]:
    """The operators' queue, the oldest first; one row more than the page shows."""
    statement = select(OperationCase).where(col(OperationCase.state).in_(states), page.where_after(col(OperationCase.id)))
    if kind is not None:
        statement = statement.where(OperationCase.kind == kind)
    return session.exec(statement.order_by(col(OperationCase.id)).limit(page.limit + 1)).all()


def list_of_party(session: Session, party_id: UUID, *, page: PageQuery) -> Sequence[OperationCase]:
    """Cases a party opened or has to answer, the newest first; one row more than the page shows."""
    return session.exec(
        select(OperationCase)
        .where(
            sa.or_(col(OperationCase.opened_by) == party_id, col(OperationCase.respondent_id) == party_id),
            page.where_after(col(OperationCase.id), descending=True),
        )
        .order_by(col(OperationCase.id).desc())
        .limit(page.limit + 1)
    ).all()


def list_opened_by(session: Session, party_id: UUID) -> Sequence[OperationCase]:
    return session.exec(select(OperationCase).where(OperationCase.opened_by == party_id).order_by(col(OperationCase.id))).all()


def list_statements(session: Session, case_id: UUID) -> Sequence[CaseStatement]:
    """In the order they were made."""
    return session.exec(select(CaseStatement).where(CaseStatement.case_id == case_id).order_by(col(CaseStatement.id))).all()


def list_statements_of(session: Session, party_id: UUID) -> Sequence[tuple[CaseStatement, OperationCase]]:
    """A party's statements with their cases."""
    rows = session.exec(
        select(CaseStatement, OperationCase)
        .join(OperationCase, col(OperationCase.id) == col(CaseStatement.case_id))
        .where(CaseStatement.party_id == party_id, sa.not_(col(CaseStatement.by_operator)))
        .order_by(col(CaseStatement.id))
    ).all()
    return list(rows)
