"""The stock feed: every car of the store, whoever sells it."""

from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core.db import Session
from marketplace.core.settings import get_settings
from marketplace.feeds.domain import FeedName
from marketplace.feeds.service.publishing import put
from marketplace.listings import api as listings
from marketplace.vehicles import api as vehicles

CURRENCY = "CNY"


def follow_listing(session: Session, *, listing_id: UUID, published_no: int) -> None:
    """Bring a listing's entry up to what is true now. Run twice it changes nothing."""
    listing = listings.get_listing(session, listing_id=listing_id)
    put(
        session,
        feed=FeedName.STOCK,
        object_id=listing.id,
        vehicle_id=listing.vehicle_id,
        seller_id=listing.seller_id,
        document=_document(session, listing),
        published_no=published_no,
    )


def follow_vehicle(session: Session, *, vehicle_id: UUID, published_no: int) -> None:
    """The car was claimed or freed: its listings say so."""
    for listing in listings.list_open(session, vehicle_id=vehicle_id):
        follow_listing(session, listing_id=listing.id, published_no=published_no)


def _document(session: Session, listing: listings.ListingView) -> dict[str, Any] | None:
    """None when it is not in the window, or is an auction's."""
    if listing.state is not listings.ListingState.LIVE or listing.channel is listings.Channel.AUCTION:
        return None
    car = vehicles.get_vehicle(session, vehicle_id=listing.vehicle_id)
    seller = accounts.get_party(session, party_id=listing.seller_id)
    is_person = seller.kind is accounts.PartyKind.PERSON
    return {
        **car_part(car),
        "id": str(listing.id),
        "state": "on_sale",
        "channel": listing.channel.value,
        "availability": listing.availability.value,
        "price_minor": listing.ask_minor,
        "currency": CURRENCY,
        "condition": "used" if car.first_registration_on else "new",
        "seller": "个人车主" if is_person else seller.display_name,
        "seller_id": None if is_person else str(seller.id),
        "url": f"{_base()}/marketplace/v1/listings/{listing.id}",
    }


def car_part(car: vehicles.VehicleView) -> dict[str, Any]:
    """What any feed says of a car itself. The VIN is masked."""
    plain = "brand series model model_year displacement_ml power_kw seats odometer_km city plate_region transfer_count msrp_minor".split()
    words = "segment body colour fuel gearbox drivetrain emission_stage use_type".split()
    return {
        "vehicle_id": str(car.id),
        "title": car.title,
        "vin_masked": car.vin_masked,
        **{name: getattr(car, name) for name in plain},
        **{name: getattr(car, name).value if getattr(car, name) is not None else None for name in words},
        "first_registration_on": car.first_registration_on.isoformat() if car.first_registration_on else None,
        "photos": [f"{_base()}/marketplace/v1/vehicles/{car.id}/photos/{photo.id}" for photo in car.photos],
    }


def _base() -> str:
    return get_settings().public_url.rstrip("/")
