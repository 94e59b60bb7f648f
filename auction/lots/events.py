"""What happens to a lot around its bidding. Key: ``lot:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from auction.lots.domain import ReserveKind
from auction.sessions.domain import LegalMode, SessionMode
from marketplace.core.outbox import Event


class LotEvent(Event):
    """Common to all: which car, in which sale."""

    lot_id: UUID
    session_id: UUID
    vehicle_id: UUID


class LotAnnounced(LotEvent):
    """The lot stands in the published catalogue. Prices in fen; a hidden reserve is not told."""

    name: ClassVar[str] = "auction.lot_announced"

    number: int
    title: str
    legal_mode: LegalMode
    mode: SessionMode
    start_minor: int
    reserve_kind: ReserveKind
    opens_at: datetime
    ends_at: datetime


class LotOpened(LotEvent):
    name: ClassVar[str] = "auction.lot_opened"

    start_minor: int
    opens_at: datetime
    ends_at: datetime


class LotWithdrawn(LotEvent):
    """Before it opened; ``reason`` is a code: consignor, house, claimed, not_eligible."""

    name: ClassVar[str] = "auction.lot_withdrawn"

    reason: str


class LotSuspended(LotEvent):
    """The operator holds the lot up; ``reason`` is published."""

    name: ClassVar[str] = "auction.lot_suspended"

    reason: str


class LotResumed(LotEvent):
    """Bidders have the time that was left."""

    name: ClassVar[str] = "auction.lot_resumed"

    reason: str
    ends_at: datetime


def lot_key(lot_id: UUID) -> str:
    return f"lot:{lot_id}"
