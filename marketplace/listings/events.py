"""What listings announces. Keys: ``listing:<id>``, ``lead:<id>``, ``viewing:<id>``, ``claim:<vehicle id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.listings.domain import Availability, Channel, ClaimKind, ListingState
from marketplace.listings.domain.leads import LeadStage
from marketplace.listings.domain.viewings import ViewingAct, ViewingSide, ViewingState


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


class LeadMoved(Event):
    """An enquiry came in, was answered, given to somebody, or ended. Ids only: what was said stays in the lead."""

    name: ClassVar[str] = "listings.lead_moved"
    lead_id: UUID
    listing_id: UUID
    seller_id: UUID
    agent_id: UUID | None
    visitor_id: UUID
    stage: LeadStage
    act: str


class ViewingMoved(Event):
    """A viewing was booked, confirmed, moved, cancelled, kept or missed; ``told`` are the parties concerned."""

    name: ClassVar[str] = "listings.viewing_moved"
    viewing_id: UUID
    listing_id: UUID
    vehicle_id: UUID
    act: ViewingAct
    by: ViewingSide | None
    state: ViewingState
    starts_at: datetime
    told: list[UUID]


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


def lead_key(lead_id: UUID) -> str:
    return f"lead:{lead_id}"


def viewing_key(viewing_id: UUID) -> str:
    return f"viewing:{viewing_id}"
