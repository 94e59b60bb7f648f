"""Selects over the kernel's tables that only operators need."""

from collections.abc import Sequence

from sqlmodel import col, select

from marketplace.core.audit import AuditEntry
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def list_newest_entries(session: Session, *, page: PageQuery, act: str | None) -> Sequence[AuditEntry]:
    """The trail of all objects, newest first; one row more than the page shows."""
    statement = select(AuditEntry).where(page.where_after(col(AuditEntry.id), descending=True))
    if act is not None:
        statement = statement.where(AuditEntry.act == act)
    return session.exec(statement.order_by(col(AuditEntry.id).desc()).limit(page.limit + 1)).all()
