"""Use cases over the kernel's own records."""

from uuid import UUID

from marketplace.core import audit, outbox
from marketplace.core.audit import AuditEntry
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal


def get_trail(session: Session, *, object_kind: str, object_id: UUID) -> list[AuditEntry]:
    """One object's entries, oldest first; raises ``NotFound`` when there is none."""
    entries = audit.list_entries(session, object_kind=object_kind, object_id=object_id)
    if not entries:
        raise NotFound
    return entries


def retry_dead_letter(session: Session, *, principal: Principal, delivery_id: UUID) -> int:
    """Open one dead letter again; raises ``NotFound`` when there is no such one."""
    reopened = outbox.retry_dead_letters(session, delivery_ids=[delivery_id])
    if not reopened:
        raise NotFound
    audit.record(session, principal=principal, act="outbox.retry", object_kind="delivery", object_id=delivery_id)
    return reopened
