"""What listings hears: a fact of a car changed, a car changed hands."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber
from marketplace.listings.service import ending


@subscriber("listings.review_vehicle")
def review_vehicle(session: Session, event: Delivered) -> None:
    """Look at the car's open listings again; pull those that may no longer be traded."""
    ending.review_vehicle(session, vehicle_id=UUID(event.payload["vehicle_id"]))
