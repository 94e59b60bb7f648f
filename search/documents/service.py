"""Documents from the database: one listing after an event, or all of them into a new index."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace.api import listings, vehicles
from marketplace.core import outbox
from marketplace.core.db import Database, Session
from marketplace.core.telemetry import redact_text
from search.documents.domain import Change, VehicleDocument
from search.engines import SearchEngine, current_engine

BATCH = 500
EVENTS = ("listings.listing_published", "listings.listing_changed", "listings.listing_withdrawn", "listings.listing_sold")


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """``indexed`` listings were read, ``followed`` changed meanwhile and were read again."""

    index: str
    indexed: int
    followed: int


def changes_of(session: Session, *, versions: dict[UUID, int]) -> list[Change]:
    """What the index should hold of each listing now. ``versions`` are of events at or before now, so a newer state may carry an older
    one; the event that brought it comes later and says the same."""
    shown = {}
    for listing_id in versions:
        try:
            listing = listings.get_listing(session, listing_id=listing_id)
        except listings.ListingNotFound:
            continue
        if listing.state is listings.ListingState.LIVE:
            shown[listing_id] = listing
    cars = vehicles.get_vehicles(session, vehicle_ids=[listing.vehicle_id for listing in shown.values()])
    return [
        Change(
            listing_id=str(listing_id),
            version=version,
            document=document_of(shown[listing_id], cars[shown[listing_id].vehicle_id]) if listing_id in shown else None,
        )
        for listing_id, version in versions.items()
    ]


def document_of(listing: listings.ListingView, car: vehicles.VehicleView) -> VehicleDocument:
    """Public facts only. A VIN, plate or phone that a seller wrote into his text is taken out."""
    return VehicleDocument(
        listing_id=str(listing.id),
        vehicle_id=str(listing.vehicle_id),
        channel=listing.channel.value,
        availability=listing.availability.value,
        title=car.title,
        brand=car.brand,
        series=car.series,
        model=car.model,
        model_year=car.model_year,
        segment=car.segment.value,
        body_style=car.body.value if car.body else None,
        fuel=car.fuel.value,
        gearbox=car.gearbox.value if car.gearbox else None,
        drivetrain=car.drivetrain.value if car.drivetrain else None,
        emission=car.emission_stage.value if car.emission_stage else None,
        colour=car.colour.value,
        city=car.city,
        seats=car.seats,
        transfer_count=car.transfer_count,
        mileage_km=car.odometer_km,
        ask_minor=listing.ask_minor,
        first_registration_on=car.first_registration_on,
        published_at=listing.published_at,
        vin_masked=car.vin_masked,
        photo_id=str(car.photos[0].id) if car.photos else None,
        photo_count=len(car.photos),
        head=" ".join([car.title, f"{car.model_year}款", *_other_names(car.brand, car.series)]),
        body=" ".join([*_terms(car), car.city, redact_text(listing.description)]),
    )


def _other_names(brand_name: str, series_name: str) -> list[str]:
    brand = vehicles.resolve_brand(brand_name)
    if brand is None:
        return []
    series = vehicles.resolve_series(brand, series_name)
    return [*brand.texts(), *(series.texts() if series else ())]


def _terms(car: vehicles.VehicleView) -> list[str]:
    values = [car.fuel, car.gearbox, car.body, car.colour, car.drivetrain, car.emission_stage, car.segment]
    return [vehicles.term(value).zh for value in values if value is not None]


def index_listing(database: Database, *, listing_id: UUID, version: int, engine: SearchEngine | None = None) -> None:
    """Bring one listing's document up to the database. May run twice and late."""
    with database.reading() as session:
        changes = changes_of(session, versions={listing_id: version})
    (engine or current_engine()).index(changes)


def rebuild(database: Database, *, engine: SearchEngine | None = None) -> RebuildReport:
    """All live listings into a new index, then switch to it; searches go on meanwhile.

    What changed while it was built went to the index in use: those listings are read again after the switch.
    """
    engine = engine or current_engine()
    with database.reading() as session:
        started = outbox.last_published(session)
    fresh = engine.begin_rebuild()
    try:
        indexed = sum(_copy(database, fresh.index, ids) for ids in _batches(database))
        fresh.finish()
    except BaseException:
        fresh.abandon()
        raise
    return RebuildReport(fresh.name, indexed, _follow(database, engine, started))


def _batches(database: Database) -> Iterator[list[UUID]]:
    after: UUID | None = None
    while True:
        with database.reading() as session:
            ids = listings.list_open_ids(session, after=after, limit=BATCH)
        if not ids:
            return
        yield ids
        after = ids[-1]


def _copy(database: Database, index: Callable[[list[Change]], object], ids: Sequence[UUID]) -> int:
    with database.reading() as session:
        seqs = outbox.last_seqs(session, keys=[_key(listing_id) for listing_id in ids])
        changes = changes_of(session, versions={listing_id: seqs.get(_key(listing_id), 0) for listing_id in ids})
    index(changes)
    return len(changes)


def _key(listing_id: UUID) -> str:
    """The outbox key under which listings announces."""
    return f"listing:{listing_id}"


def _follow(database: Database, engine: SearchEngine, started: int) -> int:
    followed, after = 0, started
    while True:
        with database.reading() as session:
            events = outbox.list_published(session, after=after, limit=BATCH, names=EVENTS)
            changes = changes_of(session, versions={UUID(event.payload["listing_id"]): event.key_seq for event in events})
        if not events:
            return followed
        engine.index(changes)
        followed, after = followed + len(changes), events[-1].published_no
