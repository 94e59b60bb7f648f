"""What lots hear of their cars: a fact changed, the title moved."""

from uuid import UUID

from auction.reviewing import service
from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber


@subscriber("auction.review_vehicle")
def review_vehicle(session: Session, event: Delivered) -> None:
    """Readers of a suspended lot see the entry by the head of its log."""
    service.review_vehicle(session, vehicle_id=UUID(event.payload["vehicle_id"]))
