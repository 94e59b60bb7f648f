"""What the index hears: a listing was published, changed, withdrawn or sold."""

from uuid import UUID

from marketplace.core.db import Database
from marketplace.core.outbox import Delivered, outside_subscriber
from search.documents import service


@outside_subscriber("search.index_listing")
def index_listing(database: Database, event: Delivered) -> None:
    """Read the listing as it is now and index it under the event's place among the listing's events."""
    service.index_listing(database, listing_id=UUID(event.payload["listing_id"]), version=event.key_seq)
