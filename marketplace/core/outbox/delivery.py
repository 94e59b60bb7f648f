"""Deliveries: one event for one subscriber, run by a Celery task or by the relay inside the process; the same function.

A task may run twice and out of order. ``@subscriber`` marks its delivery done in the handler's own transaction, so a repeated
run of a done delivery does nothing. ``@outside_subscriber`` is for handlers that call other systems: no transaction is held
meanwhile, and a crash between the call and the mark repeats the call, so the call must be idempotent at the other end.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from celery import shared_task
from sqlmodel import col, select

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.outbox.writing import DeliveryState, OutboxDelivery, OutboxEvent
from marketplace.core.settings import get_settings

logger = logging.getLogger(__name__)
_database: ContextVar[Database | None] = ContextVar("outbox_database", default=None)


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event as its receivers see it. ``published_no`` is the relay's number, ``(key, key_seq)`` the order within an object."""

    id: UUID
    name: str
    version: int
    key: str
    key_seq: int
    payload: dict[str, Any]
    occurred_at: datetime
    published_no: int


class Task(Protocol):
    """A Celery task: called directly it runs in the process, by ``delay`` it runs on a worker. Arguments are texts."""

    name: str

    def __call__(self, *arguments: str) -> None: ...
    def delay(self, *arguments: str) -> object: ...


Subscriber: TypeAlias = Task
"""A task that takes a delivery's id."""


@lru_cache(maxsize=1)
def _default_database() -> Database:
    return Database.from_settings(get_settings())


def current_database() -> Database:
    """The database tasks work on: the relay's own, else (on a worker) the settings'."""
    return _database.get() or _default_database()


@contextmanager
def use_database(database: Database) -> Iterator[None]:
    """Tasks called inside the block work on ``database``."""
    token = _database.set(database)
    try:
        yield
    finally:
        _database.reset(token)


def subscriber(name: str) -> Callable[[Callable[[Session, Delivered], None]], Subscriber]:
    """Make a Celery task of ``handler(session, event)``; its writes and the done mark commit together."""

    def decorate(handler: Callable[[Session, Delivered], None]) -> Subscriber:
        def run(delivery_id: str) -> None:
            database = current_database()
            try:
                with database.writing() as session:
                    delivery = _lock_open(session, UUID(delivery_id))
                    if delivery is not None:
                        handler(session, _delivered(session, delivery))
                        _mark_done(session, delivery)
            except Exception as error:
                _mark_failed(database, UUID(delivery_id), name, error)

        return _task(name, run, handler.__doc__)

    return decorate


def outside_subscriber(name: str) -> Callable[[Callable[[Database, Delivered], None]], Subscriber]:
    """Make a Celery task of ``handler(database, event)``, which opens its own transactions and may call other systems."""

    def decorate(handler: Callable[[Database, Delivered], None]) -> Subscriber:
        def run(delivery_id: str) -> None:
            database = current_database()
            try:
                with database.reading() as session:
                    delivery = session.get(OutboxDelivery, UUID(delivery_id))
                    if delivery is None or delivery.state is not DeliveryState.OPEN:
                        return
                    event = _delivered(session, delivery)
                handler(database, event)
                with database.writing() as session:
                    open_delivery = _lock_open(session, UUID(delivery_id))
                    if open_delivery is not None:
                        _mark_done(session, open_delivery)
            except Exception as error:
                _mark_failed(database, UUID(delivery_id), name, error)

        return _task(name, run, handler.__doc__)

    return decorate


def sweep(name: str) -> Callable[[Callable[[Database], None]], Task]:
    """Make a Celery task of ``work(database)`` for the beat table: deadlines are rows, found by a sweep."""

    def decorate(work: Callable[[Database], None]) -> Task:
        def run() -> None:
            work(current_database())

        return _task(name, run, work.__doc__)

    return decorate


def _task(name: str, run: Callable[..., None], doc: str | None) -> Task:
    run.__doc__ = doc
    run.__name__ = name.rpartition(".")[2]
    task: Task = shared_task(name=name, ignore_result=True)(run)
    return task


def _lock_open(session: Session, delivery_id: UUID) -> OutboxDelivery | None:
    """The delivery's row under lock, None when it is done, dead, or gone."""
    return session.exec(
        select(OutboxDelivery)
        .where(OutboxDelivery.id == delivery_id, OutboxDelivery.state == DeliveryState.OPEN)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def _delivered(session: Session, delivery: OutboxDelivery) -> Delivered:
    event = session.get(OutboxEvent, delivery.event_id)
    assert event is not None
    assert event.published_no is not None
    return Delivered(
        id=event.id,
        name=event.name,
        version=event.version,
        key=event.key,
        key_seq=event.key_seq,
        payload=event.payload,
        occurred_at=event.occurred_at,
        published_no=event.published_no,
    )


def _mark_done(session: Session, delivery: OutboxDelivery) -> None:
    delivery.state = DeliveryState.DONE
    delivery.attempts += 1
    delivery.done_at = clock.now(session)
    delivery.last_error = None
    session.add(delivery)


def _mark_failed(database: Database, delivery_id: UUID, name: str, error: Exception) -> None:
    """Count the attempt; the next one comes later and later, the last one makes a dead letter. Only the error's kind is kept."""
    logger.warning("delivery failed", exc_info=error, extra={"subscriber": name, "delivery_id": str(delivery_id)})
    with database.writing() as session:
        delivery = _lock_open(session, delivery_id)
        if delivery is None:
            return
        delivery.attempts += 1
        delivery.last_error = type(error).__name__
        delivery.leased_until = None
        if delivery.attempts >= get_settings().relay_attempts:
            delivery.state = DeliveryState.DEAD
        else:
            delivery.next_try_at = clock.now(session) + timedelta(seconds=min(2**delivery.attempts, 600))
        session.add(delivery)


def dead_letters(session: Session, *, limit: int = 100) -> list[OutboxDelivery]:
    """Deliveries that failed too often, oldest first."""
    return list(
        session.exec(select(OutboxDelivery).where(OutboxDelivery.state == DeliveryState.DEAD).order_by(col(OutboxDelivery.id)).limit(limit))
    )


def retry_dead_letters(session: Session, *, delivery_ids: Sequence[UUID] | None = None) -> int:
    """Open dead letters again (all of them without ``delivery_ids``); returns how many."""
    statement = sa.update(OutboxDelivery).where(col(OutboxDelivery.state) == DeliveryState.DEAD)
    if delivery_ids is not None:
        statement = statement.where(col(OutboxDelivery.id).in_(delivery_ids))
    result = session.connection().execute(
        statement.values(state=DeliveryState.OPEN, attempts=0, leased_until=None, next_try_at=clock.now(session))
    )
    return result.rowcount
