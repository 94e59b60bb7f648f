"""What listings announces. Listing events: key ``listing:<id>``; claim events: key ``claim:<vehicle id>``."""

from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.listings.domain import Availability, Channel, ClaimKind, ListingState


class ListingEvent(Event):
    """Everything an index needs to know of a listing besides the car's own facts. ``version`` counts its changes."""

    listing_id: UUID
    vehicle_id: UUID
    channel: Channel
    seller_id: UUID
    state: ListingState
    availability: Availability
    ask_minor: int
    brand: str
    city: str
    title: str
    facts_version: int
    listing_version: int


class ListingPublished(ListingEvent):
    name: ClassVar[str] = "listings.listing_published"


class ListingChanged(ListingEvent):
    """Price, text, facts, pause or availability changed."""

    name: ClassVar[str] = "listings.listing_changed"


class ListingWithdrawn(ListingEvent):
    """``reason`` is an ``EndReason``; ``codes`` the findings when the car may no longer be traded."""

    name: ClassVar[str] = "listings.listing_withdrawn"
    reason: str
    codes: list[str] = []
    source_kind: str | None = None
    source_id: UUID | None = None


class ListingSold(ListingEvent):
    name: ClassVar[str] = "listings.listing_sold"
    price_minor: int
    price_kind: str
    days_in_stock: int
    source_kind: str | None = None
    source_id: UUID | None = None


class ClaimTaken(Event):
    """Someone may now sell the car, nobody else; also after a hand-over."""

    name: ClassVar[str] = "listings.claim_taken"
    vehicle_id: UUID
    kind: ClaimKind
    holder_id: UUID
    fence: int


class ClaimReleased(Event):
    """The car is free again, or sold when ``sold``."""

    name: ClassVar[str] = "listings.claim_released"
    vehicle_id: UUID
    kind: ClaimKind
    holder_id: UUID
    fence: int
    sold: bool


def listing_key(listing_id: UUID) -> str:
    return f"listing:{listing_id}"


def claim_key(vehicle_id: UUID) -> str:
    return f"claim:{vehicle_id}"
