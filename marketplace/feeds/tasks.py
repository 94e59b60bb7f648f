"""What feeds hear: listings, and who holds their cars."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber
from marketplace.feeds.service import stock


@subscriber("feeds.follow_listing")
def follow_listing(session: Session, event: Delivered) -> None:
    """A listing came, changed or went: its line in the stock feed follows."""
    stock.follow_listing(session, listing_id=UUID(event.payload["listing_id"]), published_no=event.published_no)


@subscriber("feeds.follow_claim")
def follow_claim(session: Session, event: Delivered) -> None:
    """A car was claimed or freed: its lines say reserved, in auction or available."""
    stock.follow_vehicle(session, vehicle_id=UUID(event.payload["vehicle_id"]), published_no=event.published_no)
