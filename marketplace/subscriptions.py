"""Which task hears which event, and which sweep runs how often. The one place where features meet upwards."""

from collections.abc import Sequence

from marketplace.core.outbox import Subscriber, Sweep

SUBSCRIBERS: dict[str, Sequence[Subscriber]] = {}
SWEEPS: tuple[Sweep, ...] = ()
