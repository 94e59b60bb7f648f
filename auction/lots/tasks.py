"""Jobs of lots: a car that went elsewhere."""

from uuid import UUID

from auction.lots import service
from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber


@subscriber("auction.hear_claim")
def hear_claim(session: Session, event: Delivered) -> None:
    """Somebody took the car: its lots that have not opened are withdrawn."""
    service.withdraw_claimed(session, vehicle_id=UUID(event.payload["vehicle_id"]), holder_id=UUID(event.payload["holder_id"]))
