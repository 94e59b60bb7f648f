"""Documents for tests of engines."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from search.documents.domain import Change, VehicleDocument

START = datetime(2026, 11, 1, tzinfo=UTC)

_PLAIN = VehicleDocument(
    listing_id="",
    vehicle_id=str(UUID(int=7)),
    channel="b2c_store",
    availability="available",
    title="大众 帕萨特 2021款 330TSI",
    brand="大众",
    series="帕萨特",
    model="2021款 330TSI",
    model_year=2021,
    segment="b",
    body_style="sedan",
    fuel="petrol",
    gearbox="dct",
    drivetrain=None,
    emission="cn6a",
    colour="black",
    city="天津",
    seats=5,
    transfer_count=0,
    mileage_km=42_000,
    ask_minor=12_000_000,
    first_registration_on=date(2021, 3, 18),
    published_at=START,
    vin_masked="LSVCZ2A4**1****01",
    photo_id=None,
    photo_count=0,
    head="大众 帕萨特 2021款 330TSI Volkswagen Passat dazhong",
    body="",
)


def number_id(number: int) -> str:
    return str(UUID(int=number))


def document(number: int, **changes: object) -> VehicleDocument:
    """Listing ``number``; published that many minutes after the start."""
    stated = {"listing_id": number_id(number), "published_at": START + timedelta(minutes=number), **changes}
    return replace(_PLAIN, **stated)  # type: ignore[arg-type]  # the caller names fields of the document


def present(number: int, *, version: int = 1, **changes: object) -> Change:
    return Change(number_id(number), version, document(number, **changes))


def gone(number: int, *, version: int) -> Change:
    return Change(number_id(number), version, None)
