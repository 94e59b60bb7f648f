"""A pilot's car in the outbound feed: its document follows what is true now."""

from typing import Any
from uuid import UUID

from marketplace.core.db import Session
from marketplace.core.settings import get_settings
from marketplace.feeds import api as feeds
from marketplace.listings import api as listings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import VERSION_NAMES, ImportState
from marketplace.parallel_import.models import ImportCar
from marketplace.parallel_import.service.cars import ImportView, customs_status, registration_status, view


def refresh(session: Session, *, vehicle_id: UUID, published_no: int) -> None:
    """Bring a car's entry up to what is true now. Run twice it changes nothing."""
    row = queries.find_of_vehicle(session, vehicle_id)
    if row is None:
        return
    feeds.put(
        session,
        feed=feeds.FeedName.PARALLEL_IMPORT,
        object_id=row.id,
        vehicle_id=row.vehicle_id,
        seller_id=row.pilot_id,
        document=_document(session, row),
        published_no=published_no,
    )


def _document(session: Session, row: ImportCar) -> dict[str, Any] | None:
    """What the feed says of the car, None when it is not on sale. The full VIN is not in it."""
    if row.state is not ImportState.ON_SALE or row.listing_id is None:
        return None
    listing = listings.get_listing(session, listing_id=row.listing_id)
    if listing.state is not listings.ListingState.LIVE:
        return None
    priced = {"price_minor": listing.ask_minor, "currency": feeds.CURRENCY, "listing_id": str(listing.id)}
    return {**_car_part(view(session, row)), **priced, "availability": listing.availability.value}


def _car_part(found: ImportView) -> dict[str, Any]:
    row, car = found.row, found.car
    shared = feeds.car_part(car)
    base = get_settings().public_url.rstrip("/")
    return {
        **{name: shared[name] for name in _CAR_FIELDS},
        "id": str(row.id),
        "state": row.state.value,
        "import_channel": "平行进口",
        "import_version": VERSION_NAMES[row.import_version],
        "condition": "new" if row.is_new else "used",
        "registration_status": registration_status(found),
        "customs": customs_status(row),
        "arrived_on": row.arrived_on.isoformat() if row.arrived_on else None,
        "ccc_no": found.ccc_no,
        "importer": row.importer,
        "pilot_no": row.pilot_no,
        "warranty_giver": row.warranty_giver,
        "warranty_terms": row.warranty_terms,
        "repair_outlets": row.repair_outlets,
        "recall_contact": row.recall_contact,
        "makers_warranty": row.makers_warranty,
        "rectifications": row.rectifications,
        "differences": row.differences,
        "papers": [{"kind": one.kind.value, "zh": one.zh, "is_there": one.is_there} for one in found.checks],
        "url": f"{base}/marketplace/v1/vehicles/{car.id}",
    }


_CAR_FIELDS = (
    "vehicle_id", "title", "vin_masked", "brand", "series", "model", "model_year", "segment", "colour", "fuel", "displacement_ml",
    "odometer_km", "city", "emission_stage", "photos",
)  # fmt: skip
