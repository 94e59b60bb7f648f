"""Outbox: ``append`` an event, ``@subscriber`` a task, run a ``Relay``. See architecture in docs/adr/0003."""

from marketplace.core.outbox.delivery import (
    Delivered,
    Subscriber,
    dead_letters,
    outside_subscriber,
    retry_dead_letters,
    subscriber,
    sweep,
    use_database,
)
from marketplace.core.outbox.reading import last_published, last_seqs, list_published
from marketplace.core.outbox.relay import Relay, Sweep, backlog
from marketplace.core.outbox.writing import Event, OutboxDelivery, OutboxEvent, append, pending, wake

__all__ = [
    "Delivered",
    "Event",
    "OutboxDelivery",
    "OutboxEvent",
    "Relay",
    "Subscriber",
    "Sweep",
    "append",
    "backlog",
    "dead_letters",
    "last_published",
    "last_seqs",
    "list_published",
    "outside_subscriber",
    "pending",
    "retry_dead_letters",
    "subscriber",
    "sweep",
    "use_database",
    "wake",
]
