"""What arbitration tells others. Key: ``claim:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from auction.arbitration.domain import ClaimState, DefectClass
from marketplace.core.outbox import Event


class ClaimMoved(Event):
    """A claim was filed, answered, taken back or decided. ``awarded_minor`` in fen."""

    name: ClassVar[str] = "auction.claim_moved"

    claim_id: UUID
    order_id: UUID
    lot_id: UUID
    buyer_id: UUID
    seller_id: UUID
    house_id: UUID
    defect: DefectClass
    state: ClaimState
    answer_by: datetime
    awarded_minor: int | None
