"""What other features may ask of listings: publish, change, end; and the claim, one a vehicle."""

from marketplace.listings.domain import (
    AlreadyListed,
    Availability,
    BelowFloor,
    Channel,
    ClaimKind,
    ClaimView,
    EndReason,
    ListingNotFound,
    ListingNotLive,
    ListingNotOpen,
    ListingState,
    ListingView,
    OwnCar,
    PriceOutOfBounds,
    SellerKindNotAllowed,
    VehicleClaimed,
    WrongHolding,
)
from marketplace.listings.queries import find_sold_price, list_open_vehicle_ids
from marketplace.listings.service.claims import find_claim, hand_over_claim, lock_claim, release_claim, take_claim
from marketplace.listings.service.ending import end_open, mark_sold, withdraw
from marketplace.listings.service.interest import InterestView, interest_of
from marketplace.listings.service.personal_data import PERSONAL_DATA
from marketplace.listings.service.publishing import change_price, publish, set_paused
from marketplace.listings.service.reading import (
    days_in_stock,
    get_listing,
    list_open,
    list_open_ids,
    list_open_of_seller,
    require_orderable,
    warranty_clause,
)
from marketplace.listings.service.tables import price_bounds

__all__ = [
    "PERSONAL_DATA",
    "AlreadyListed",
    "Availability",
    "BelowFloor",
    "Channel",
    "ClaimKind",
    "ClaimView",
    "EndReason",
    "InterestView",
    "ListingNotFound",
    "ListingNotLive",
    "ListingNotOpen",
    "ListingState",
    "ListingView",
    "OwnCar",
    "PriceOutOfBounds",
    "SellerKindNotAllowed",
    "VehicleClaimed",
    "WrongHolding",
    "change_price",
    "days_in_stock",
    "end_open",
    "find_claim",
    "find_sold_price",
    "get_listing",
    "hand_over_claim",
    "interest_of",
    "list_open",
    "list_open_ids",
    "list_open_of_seller",
    "list_open_vehicle_ids",
    "lock_claim",
    "mark_sold",
    "price_bounds",
    "publish",
    "release_claim",
    "require_orderable",
    "set_paused",
    "take_claim",
    "warranty_clause",
    "withdraw",
]
