"""From rows to what others see: views and events."""

from typing import Any
from uuid import UUID

from marketplace.core.db import Session
from marketplace.listings import queries
from marketplace.listings.domain import ClaimKind, ListingView, compute_availability
from marketplace.listings.models import Listing


def event_fields(listing: Listing, claim: ClaimKind | None) -> dict[str, Any]:
    """The common part of a listing's events."""
    return {
        "listing_id": listing.id,
        "vehicle_id": listing.vehicle_id,
        "channel": listing.channel,
        "seller_id": listing.seller_id,
        "state": listing.state,
        "availability": compute_availability(listing.state, claim),
        "ask_minor": listing.ask_minor,
        "brand": listing.brand,
        "city": listing.city,
        "title": listing.title,
        "facts_version": listing.facts_version,
        "listing_version": listing.version,
    }


def view(listing: Listing, claim: ClaimKind | None) -> ListingView:
    return ListingView(
        id=listing.id,
        vehicle_id=listing.vehicle_id,
        channel=listing.channel,
        seller_id=listing.seller_id,
        agent_id=listing.agent_id,
        ask_minor=listing.ask_minor,
        floor_minor=listing.floor_minor,
        seller_fee_bps=listing.seller_fee_bps,
        title=listing.title,
        description=listing.description,
        brand=listing.brand,
        city=listing.city,
        state=listing.state,
        availability=compute_availability(listing.state, claim),
        published_at=listing.published_at,
        ended_at=listing.ended_at,
        end_reason=listing.end_reason.value if listing.end_reason else None,
        source_kind=listing.source_kind,
        source_id=listing.source_id,
        facts_version=listing.facts_version,
        version=listing.version,
    )


def claim_kind(session: Session, *, vehicle_id: UUID) -> ClaimKind | None:
    row = queries.find_claim(session, vehicle_id=vehicle_id)
    return row.kind if row else None
