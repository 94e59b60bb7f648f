"""Tables of listings, of the claim, and of what the public takes an interest in."""

from marketplace.listings.models.interest import (
    Lead,
    LeadMessage,
    ListingViews,
    ListingVisitor,
    Viewing,
    ViewingNotice,
    ViewingSlot,
    VisitorSalt,
)
from marketplace.listings.models.listings import Listing, ListingPrice, VehicleClaim

__all__ = [
    "Lead",
    "LeadMessage",
    "Listing",
    "ListingPrice",
    "ListingViews",
    "ListingVisitor",
    "VehicleClaim",
    "Viewing",
    "ViewingNotice",
    "ViewingSlot",
    "VisitorSalt",
]
