"""What negotiating tells others. Key: ``negotiation:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from auction.negotiation.domain import NegotiationKind, NegotiationState, Side
from marketplace.core.outbox import Event


class NegotiationMoved(Event):
    """An offer stands, or it is over. For the two parties: ``turn`` says whose answer is awaited until ``answer_by``."""

    name: ClassVar[str] = "auction.negotiation_moved"

    negotiation_id: UUID
    lot_id: UUID
    kind: NegotiationKind
    state: NegotiationState
    consignor_id: UUID
    bidder_id: UUID
    turn: Side | None
    offer_minor: int
    answer_by: datetime | None
    order_id: UUID | None
