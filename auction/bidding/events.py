"""What bidding announces."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class LotMoved(Event):
    """One batch of accepted bids on a lot; the log has the details. Of a sealed lot no price is told. Key ``lot:<id>``."""

    name: ClassVar[str] = "auction.lot_moved"

    lot_id: UUID
    session_id: UUID
    vehicle_id: UUID
    from_seq: int
    to_seq: int
    price_minor: int | None
    next_minimum_minor: int
    reserve_met: bool | None
    ends_at: datetime
