"""Every SELECT of notifications."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.notifications.domain import EndpointState, LetterState
from marketplace.notifications.models import WebhookEndpoint, WebhookLetter, WebhookMessage


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
