"""What bidding announces."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class LotMoved(Event):
    """One batch of accepted bids on a lot; the log has the details. Key ``lot:<id>``."""

    name: ClassVar[str] = "auction.lot_moved"

    lot_id: UUID
    session_id: UUID
    vehicle_id: UUID
    from_seq: int
    to_seq: int
    price_minor: int
    next_minimum_minor: int
    reserve_met: bool
    ends_at: datetime
