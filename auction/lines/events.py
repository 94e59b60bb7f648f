"""What lines tell others. Key: ``line:<id>``."""

from typing import ClassVar
from uuid import UUID

from auction.lines.domain import LineKind
from marketplace.core.outbox import Event


class LineActivated(Event):
    """The deposit is held."""

    name: ClassVar[str] = "auction.line_activated"

    line_id: UUID
    party_id: UUID
    kind: LineKind
