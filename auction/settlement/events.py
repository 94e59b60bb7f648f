"""What follows the hammer. Key: ``lot:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from auction.settlement.domain import ResultKind
from marketplace.core.outbox import Event


class LotClosed(Event):
    """The lot's time is over. ``price_minor`` in fen, None without a bid."""

    name: ClassVar[str] = "auction.lot_closed"

    lot_id: UUID
    session_id: UUID
    vehicle_id: UUID
    result: ResultKind
    price_minor: int | None
    bids: int
    ended_at: datetime


class LotSold(Event):
    """For the people in it: winner and consignor."""

    name: ClassVar[str] = "auction.lot_sold"

    lot_id: UUID
    session_id: UUID
    vehicle_id: UUID
    consignor_id: UUID
    winner_id: UUID
    price_minor: int
    order_id: UUID | None
    pay_by: datetime


class BidderRegistered(Event):
    """The deposit is held: the party may bid."""

    name: ClassVar[str] = "auction.bidder_registered"

    lot_id: UUID
    party_id: UUID
    registration_id: UUID
