"""What vehicles hears: a case decided, a listing opened or ended, a photo taken off."""

from uuid import UUID

from marketplace.core.db import Database, Session
from marketplace.core.files import file_store
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber
from marketplace.vehicles.service import photos, reading, titles


@subscriber("vehicles.hear_case")
def hear_case(session: Session, event: Delivered) -> None:
    """A title case granted moves the title."""
    titles.hear_decision(session, decided=event.payload)


@subscriber("vehicles.follow_listing")
def follow_listing(session: Session, event: Delivered) -> None:
    """While an open listing shows the car, the public may ask about it."""
    reading.follow_listing(
        session,
        listing_id=UUID(event.payload["listing_id"]),
        vehicle_id=UUID(event.payload["vehicle_id"]),
        is_open=event.payload["state"] in {"live", "paused"},
        version=event.payload["listing_version"],
    )


@outside_subscriber("vehicles.delete_photo_files")
def delete_photo_files(_database: Database, event: Delivered) -> None:
    """The file store is outside: no transaction is held meanwhile."""
    photos.delete_files(file_store(), event.payload["file_keys"])
