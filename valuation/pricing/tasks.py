"""What pricing hears: which cars the listings show."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber
from valuation.pricing import queries
from valuation.pricing.models import ShownVehicle


@subscriber("valuation.follow_listing")
def follow_listing(session: Session, event: Delivered) -> None:
    """Keep ``shown_vehicle`` in step; an older event than the one last heard changes nothing."""
    listing_id = UUID(event.payload["listing_id"])
    known = queries.lock_shown(session, listing_id=listing_id)
    if known is not None and known.key_seq >= event.key_seq:
        return
    row = known or ShownVehicle(listing_id=listing_id, vehicle_id=UUID(event.payload["vehicle_id"]), key_seq=event.key_seq, is_shown=False)
    row.key_seq = event.key_seq
    row.is_shown = event.payload["state"] == "live"
    session.add(row)
