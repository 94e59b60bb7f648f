"""The relay: numbers committed events, makes their deliveries, and has them run, here or on Celery workers.

Any number of processes may run one. ``publish`` is done by whoever holds the head row; ``claim`` skips what others hold. Order
within a key holds for each subscriber: a delivery is claimed only when none of its key's earlier ones is still open.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.ids import new_id
from marketplace.core.outbox.delivery import Subscriber, Task, use_database
from marketplace.core.outbox.writing import DeliveryState, OutboxDelivery, OutboxEvent, OutboxHead, wake
from marketplace.core.settings import Settings

logger = logging.getLogger(__name__)
SubscriberMap: TypeAlias = Mapping[str, Sequence[Subscriber]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One line of the beat table: run by Celery beat when there is a broker, else by the relay."""

    name: str
    task: Task
    every_s: float

    @property
    def task_name(self) -> str:
        """The Celery task's own name."""
        return self.task.name


class Relay:
    """``run_once`` for tests and commands, ``start``/``stop`` for a thread of its own."""

    def __init__(self, database: Database, *, subscribers: SubscriberMap, sweeps: Sequence[Sweep] = (), settings: Settings) -> None:
        self._database = database
        self._subscribers = subscribers
        self._tasks = {task.name: task for tasks in subscribers.values() for task in tasks}
        self._sweeps = list(sweeps) if settings.is_embedded and settings.sweeps else []
        self._next_sweep = {sweep.name: 0.0 for sweep in self._sweeps}
        self._settings = settings
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # --- one round

    def run_once(self) -> int:
        """Publish and deliver until nothing is waiting now; returns how many deliveries were run or sent."""
        total = 0
        while True:
            published = self.publish()
            ran = self.deliver()
            total += ran
            if not published and not ran:
                return total

    def publish(self) -> int:
        """Number up to a batch of committed events and make their deliveries; returns how many events."""
        with self._database.reading() as session:
            if not session.exec(select(OutboxEvent.id).where(col(OutboxEvent.published_no).is_(None)).limit(1)).first():
                return 0
        with self._database.writing() as session:
            head = self._lock_head(session)
            if head is None:
                return 0
            events = self._unpublished(session)
            at = clock.now(session)
            numbers = [{"b_id": event.id, "number": head.last_no + position} for position, event in enumerate(events, start=1)]
            if not numbers:
                return 0
            session.connection().execute(
                sa.update(OutboxEvent).where(col(OutboxEvent.id) == sa.bindparam("b_id")).values(published_no=sa.bindparam("number")),
                numbers,
            )
            head.last_no += len(events)
            session.add(head)
            deliveries = [
                {
                    "id": new_id(),
                    "event_id": event.id,
                    "subscriber": task.name,
                    "key": event.key,
                    "key_seq": event.key_seq,
                    "state": DeliveryState.OPEN,
                    "attempts": 0,
                    "next_try_at": at,
                }
                for event in events
                for task in self._subscribers.get(event.name, ())
            ]
            if deliveries:
                session.connection().execute(sa.insert(OutboxDelivery), deliveries)
            return len(events)

    def _lock_head(self, session: Session) -> OutboxHead | None:
        """The head row, or None while another process publishes."""
        locked = select(OutboxHead).with_for_update(skip_locked=True).execution_options(populate_existing=True)
        head = session.exec(locked).first()
        if head is None and session.exec(select(OutboxHead)).first() is None:
            connection = session.connection()
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(OutboxHead).values(id=1, last_no=0).on_conflict_do_nothing())
            head = session.exec(locked).first()
        return head

    def _unpublished(self, session: Session) -> Sequence[OutboxEvent]:
        """Committed events of the keys that wait longest; within a key never one before its predecessor."""
        waiting = (
            select(OutboxEvent.key)
            .where(col(OutboxEvent.published_no).is_(None))
            .order_by(col(OutboxEvent.id))
            .limit(self._settings.relay_batch)
        ).subquery()
        return session.exec(
            select(OutboxEvent)
            .where(col(OutboxEvent.published_no).is_(None), col(OutboxEvent.key).in_(select(waiting.c.key)))
            .order_by(col(OutboxEvent.key_seq), col(OutboxEvent.id))
            .limit(self._settings.relay_batch * 4)
        ).all()

    def deliver(self) -> int:
        """Claim what may run now and run it (embedded) or send it to Celery; returns how many."""
        claimed = self._claim()
        for delivery_id, name in claimed:
            task = self._tasks[name]
            if self._settings.is_embedded:
                with use_database(self._database):
                    task(str(delivery_id))
            else:
                task.delay(str(delivery_id))
            if self._stopping.is_set():
                break
        return len(claimed)

    def _claim(self) -> list[tuple[UUID, str]]:
        with self._database.reading() as session:
            if not session.exec(self._claimable(clock.now(session)).limit(1)).first():
                return []
        with self._database.writing() as session:
            at = clock.now(session)
            claimable = self._claimable(at).limit(self._settings.relay_batch)
            locked = claimable.with_for_update(skip_locked=True, of=OutboxDelivery).execution_options(populate_existing=True)
            rows = session.exec(locked).all()
            lease = at + timedelta(seconds=self._settings.relay_lease_s)
            if rows:
                session.connection().execute(
                    sa.update(OutboxDelivery).where(col(OutboxDelivery.id).in_([row[0] for row in rows])).values(leased_until=lease)
                )
            return [(row[0], row[1]) for row in rows]

    def _claimable(self, at: Any) -> Any:
        earlier = aliased(OutboxDelivery)
        blocked = sa.exists().where(
            col(earlier.subscriber) == col(OutboxDelivery.subscriber),
            col(earlier.key) == col(OutboxDelivery.key),
            col(earlier.key_seq) < col(OutboxDelivery.key_seq),
            col(earlier.state) == DeliveryState.OPEN,
        )
        return (
            select(OutboxDelivery.id, OutboxDelivery.subscriber)
            .where(
                OutboxDelivery.state == DeliveryState.OPEN,
                OutboxDelivery.next_try_at <= at,
                sa.or_(col(OutboxDelivery.leased_until).is_(None), col(OutboxDelivery.leased_until) < at),
                col(OutboxDelivery.subscriber).in_(list(self._tasks)),
                ~blocked,
            )
            .order_by(col(OutboxDelivery.id))
        )

    # --- sweeps and the thread

    def sweep_due(self) -> None:
        """Run the sweeps whose time has come; one that fails is logged and tried at its next turn."""
        for sweep in self._sweeps:
            if monotonic() < self._next_sweep[sweep.name] or self._stopping.is_set():
                continue
            self._next_sweep[sweep.name] = monotonic() + sweep.every_s
            try:
                with use_database(self._database):
                    sweep.task()
            except Exception:
                logger.exception("sweep failed", extra={"sweep": sweep.name})

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the delivery in hand, then end."""
        self._stopping.set()
        wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            wake.clear()
            try:
                self.run_once()
                self.sweep_due()
            except Exception:
                logger.exception("relay round failed")
                self._stopping.wait(1)
            wake.wait(self._settings.relay_poll_ms / 1_000)


def backlog(session: Session) -> dict[str, int]:
    """For metrics: events not published, deliveries open and dead. Each count walks a partial index, never the done ones."""
    unpublished = sa.select(sa.func.count()).select_from(OutboxEvent).where(col(OutboxEvent.published_no).is_(None))
    return {
        "unpublished": session.connection().execute(unpublished).scalar_one(),
        "open": _count(session, DeliveryState.OPEN),
        "dead": _count(session, DeliveryState.DEAD),
    }


def _count(session: Session, state: DeliveryState) -> int:
    wanted = sa.text(f"state = '{state.value}'")  # a bound value would keep SQLite from its partial index
    return session.connection().execute(sa.select(sa.func.count()).select_from(OutboxDelivery).where(wanted)).scalar_one()
