"""What parallel import hears: its listings, its cars' facts, its own dossiers."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber
from marketplace.parallel_import.service import cars, feed


@subscriber("parallel_import.refresh_feed")
def refresh_feed(session: Session, event: Delivered) -> None:
    """Something of a car changed: its listing is followed, its feed entry brought up to date."""
    vehicle_id = UUID(event.payload["vehicle_id"])
    cars.follow_listing(session, vehicle_id=vehicle_id)
    feed.refresh(session, vehicle_id=vehicle_id, published_no=event.published_no)
