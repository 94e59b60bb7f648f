"""Every SELECT of notifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.notifications.domain import EndpointState, LetterState
from marketplace.notifications.models import Notice, WebhookEndpoint, WebhookLetter, WebhookMessage


def list_endpoints(session: Session, *, party_id: UUID) -> Sequence[WebhookEndpoint]:
    return session.exec(select(WebhookEndpoint).where(WebhookEndpoint.party_id == party_id).order_by(col(WebhookEndpoint.id))).all()


def list_active_endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    return session.exec(
        select(WebhookEndpoint).where(WebhookEndpoint.state == EndpointState.ACTIVE).order_by(col(WebhookEndpoint.id))
    ).all()


def lock_endpoint(session: Session, endpoint_id: UUID) -> WebhookEndpoint | None:
    return session.exec(
        select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_message(session: Session, number: int) -> WebhookMessage | None:
    return session.get(WebhookMessage, number)


def list_messages(session: Session, *, after: int, kinds: Sequence[str], subject_id: str | None, limit: int) -> Sequence[WebhookMessage]:
    """Behind ``after``, in the order of publication."""
    statement = select(WebhookMessage).where(WebhookMessage.number > after)
    if kinds:
        statement = statement.where(col(WebhookMessage.kind).in_(kinds))
    if subject_id is not None:
        statement = statement.where(WebhookMessage.subject_id == subject_id)
    return session.exec(statement.order_by(col(WebhookMessage.number)).limit(limit)).all()


def lock_unsent(session: Session, *, endpoint_id: UUID, kind: str, subject_id: str) -> Sequence[WebhookLetter]:
    """Letters of one subject that wait for their first attempt."""
    return session.exec(
        select(WebhookLetter)
        .where(
            WebhookLetter.endpoint_id == endpoint_id,
            WebhookLetter.kind == kind,
            WebhookLetter.subject_id == subject_id,
            WebhookLetter.state == LetterState.OPEN,
            WebhookLetter.attempts == 0,
            col(WebhookLetter.leased_until).is_(None),
        )
        .order_by(col(WebhookLetter.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def lock_due(session: Session, *, now: datetime, limit: int) -> Sequence[WebhookLetter]:
    """Letters whose time has come and that nobody is sending."""
    free = sa.or_(col(WebhookLetter.leased_until).is_(None), col(WebhookLetter.leased_until) <= now)
    return session.exec(
        select(WebhookLetter)
        .where(WebhookLetter.state == LetterState.OPEN, WebhookLetter.next_try_at <= now, free)
        .order_by(col(WebhookLetter.number), col(WebhookLetter.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def lock_letter(session: Session, letter_id: UUID) -> WebhookLetter | None:
    return session.exec(
        select(WebhookLetter).where(WebhookLetter.id == letter_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def list_letters(session: Session, *, endpoint_id: UUID, state: LetterState | None, page: PageQuery) -> Sequence[WebhookLetter]:
    """An endpoint's letters, newest first."""
    statement = select(WebhookLetter).where(WebhookLetter.endpoint_id == endpoint_id, page.where_after(WebhookLetter.id, descending=True))
    if state is not None:
        statement = statement.where(WebhookLetter.state == state)
    return session.exec(statement.order_by(col(WebhookLetter.id).desc()).limit(page.limit + 1)).all()


def delete_messages(session: Session, *, before: datetime, limit: int) -> int:
    """Messages past their term, with what is left of their letters; how many."""
    numbers = session.exec(
        select(WebhookMessage.number).where(WebhookMessage.at < before).order_by(col(WebhookMessage.number)).limit(limit)
    ).all()
    if numbers:
        connection = session.connection()
        connection.execute(sa.delete(WebhookLetter).where(col(WebhookLetter.number).in_(numbers)))
        connection.execute(sa.delete(WebhookMessage).where(col(WebhookMessage.number).in_(numbers)))
    return len(numbers)


# --- notices ---------------------------------------------------------------------------------------------------------------


def insert_notices(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Rows keyed by column; one that is there already stays as it is."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    key = ["party_id", "kind", "subject_id", "seq"]
    connection.execute(insert(Notice).on_conflict_do_nothing(index_elements=key), list(rows))


def list_newer_parties(session: Session, *, party_ids: Sequence[UUID], kind: str, subject_id: UUID, seq: int) -> set[UUID]:
    """Parties that were told something later of that kind and subject."""
    told = (col(Notice.party_id).in_(party_ids), Notice.kind == kind, Notice.subject_id == subject_id, Notice.seq > seq)
    return set(session.exec(select(Notice.party_id).where(*told)))


def delete_older_unread(session: Session, *, party_ids: Sequence[UUID], kind: str, subject_id: UUID, seq: int) -> None:
    told = (col(Notice.party_id).in_(party_ids), col(Notice.kind) == kind, col(Notice.subject_id) == subject_id)
    session.connection().execute(sa.delete(Notice).where(*told, col(Notice.read_at).is_(None), col(Notice.seq) < seq))


def list_notices(session: Session, *, party_id: UUID, unread: bool, page: PageQuery) -> Sequence[Notice]:
    """A party's notices, newest first, one more than the page holds."""
    statement = select(Notice).where(Notice.party_id == party_id, page.where_after(Notice.id, descending=True))
    if unread:
        statement = statement.where(col(Notice.read_at).is_(None))
    return session.exec(statement.order_by(col(Notice.id).desc()).limit(page.limit + 1)).all()


def list_all_notices(session: Session, *, party_id: UUID, limit: int) -> Sequence[Notice]:
    return session.exec(select(Notice).where(Notice.party_id == party_id).order_by(col(Notice.id).desc()).limit(limit)).all()


def count_unread(session: Session, *, party_id: UUID) -> int:
    unread = (Notice.party_id == party_id, col(Notice.read_at).is_(None))
    return session.exec(select(sa.func.count()).select_from(Notice).where(*unread)).one()


def lock_notice(session: Session, *, party_id: UUID, notice_id: UUID) -> Notice | None:
    return session.exec(
        select(Notice)
        .where(Notice.id == notice_id, Notice.party_id == party_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def mark_read(session: Session, *, party_id: UUID, up_to: UUID, at: datetime) -> int:
    """Everything not newer than ``up_to``; how many."""
    unread = (col(Notice.party_id) == party_id, col(Notice.id) <= up_to, col(Notice.read_at).is_(None))
    return session.connection().execute(sa.update(Notice).where(*unread).values(read_at=at)).rowcount


def delete_notices(session: Session, *, before: datetime, limit: int) -> int:
    ids = session.exec(select(Notice.id).where(Notice.created_at < before).order_by(col(Notice.created_at)).limit(limit)).all()
    if ids:
        session.connection().execute(sa.delete(Notice).where(col(Notice.id).in_(ids)))
    return len(ids)


def delete_notices_of(session: Session, *, party_id: UUID) -> int:
    return session.connection().execute(sa.delete(Notice).where(col(Notice.party_id) == party_id)).rowcount
