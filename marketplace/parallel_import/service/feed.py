"""The outbound feed: entries follow what is on sale; a cursor never skips a change."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from marketplace.core.crypto import canonical_json, market_signing_key, public_key_of, sha256_hex, sign
from marketplace.core.db import Session
from marketplace.core.settings import Settings, get_settings
from marketplace.listings import api as listings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import VERSION_NAMES, ImportState
from marketplace.parallel_import.domain.feeds import NAME, FeedPage, to_csv, to_document, to_linked, to_xml
from marketplace.parallel_import.models import FeedEntry, FeedHead, ImportCar
from marketplace.parallel_import.service.cars import ImportView, customs_status, view

SIGNING_PURPOSE = "feeds"
CURRENCY = "CNY"


def refresh(session: Session, *, vehicle_id: UUID, published_no: int) -> None:
    """Bring a car's entry up to what is true now. ``published_no`` is the event's; a change takes it, or the next free number above it.

    Numbers are given under the head's lock, so they become visible in their order whatever order events arrive in. Run twice it changes
    nothing.
    """
    row = queries.find_of_vehicle(session, vehicle_id)
    if row is None:
        return
    head = _lock_head(session)
    entry = queries.find_entry(session, row.id)
    document = _document(session, row)
    if document is None and (entry is None or entry.is_removed):
        return
    shown = document or {}
    content_hash = sha256_hex(canonical_json(shown))
    if entry is not None and entry.content_hash == content_hash:
        return
    head.last_no = max(head.last_no + 1, published_no)
    session.add(head)
    entry = entry or FeedEntry(import_id=row.id, feed_no=0, content_hash="")
    entry.feed_no, entry.is_removed, entry.content_hash, entry.document = head.last_no, document is None, content_hash, shown
    session.add(entry)
    session.flush()


def _lock_head(session: Session) -> FeedHead:
    head = queries.lock_head(session)
    if head is None:
        connection = session.connection()
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(FeedHead).values(id=1, last_no=0).on_conflict_do_nothing())
        head = queries.lock_head(session)
    assert head is not None
    return head


def _document(session: Session, row: ImportCar) -> dict[str, Any] | None:
    """What the feed says of the car, None when it is not on sale. The full VIN is not in it."""
    if row.state is not ImportState.ON_SALE or row.listing_id is None:
        return None
    listing = listings.get_listing(session, listing_id=row.listing_id)
    if listing.state is not listings.ListingState.LIVE:
        return None
    return {**_car_part(view(session, row)), "price_minor": listing.ask_minor, "currency": CURRENCY, "listing_id": str(listing.id)}


def _car_part(found: ImportView) -> dict[str, Any]:
    row, car = found.row, found.car
    base = get_settings().public_url.rstrip("/")
    return {
        "id": str(row.id),
        "vehicle_id": str(car.id),
        "state": row.state.value,
        "title": car.title,
        "vin_masked": car.vin_masked,
        "brand": car.brand,
        "series": car.series,
        "model": car.model,
        "model_year": car.model_year,
        "segment": car.segment.value,
        "colour": car.colour.value,
        "fuel": car.fuel.value,
        "displacement_ml": car.displacement_ml,
        "odometer_km": car.odometer_km,
        "city": car.city,
        "import_channel": "平行进口",
        "import_version": VERSION_NAMES[row.import_version],
        "condition": "new" if row.is_new else "used",
        "customs": customs_status(row),
        "arrived_on": row.arrived_on.isoformat() if row.arrived_on else None,
        "emission_stage": car.emission_stage.value if car.emission_stage else None,
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
        "photos": [f"{base}/marketplace/v1/vehicles/{car.id}/photos/{photo.id}" for photo in car.photos],
        "url": f"{base}/marketplace/v1/vehicles/{car.id}",
    }


def read_page(session: Session, *, since: int | None, limit: int, settings: Settings) -> FeedPage:
    """The whole feed (``since`` None: what is on sale, and the cursor to go on from), or what changed after a cursor.

    The head is read first: what changes meanwhile is told again at the next call, never missed.
    """
    head = queries.find_head(session)
    last_no = head.last_no if head else 0
    if since is None:
        entries = list(queries.list_entries(session, limit=limit + 1))
    else:
        entries = list(queries.list_changed(session, since=since, limit=limit + 1))
    has_more = len(entries) > limit
    entries = entries[:limit]
    cursor = entries[-1].feed_no if has_more else max([last_no, *((since is not None and [one.feed_no for one in entries]) or [])])
    return FeedPage(
        market=settings.market_name,
        since=since,
        cursor=cursor,
        has_more=has_more,
        cars=tuple({**one.document, "feed_no": one.feed_no} for one in entries if not one.is_removed),
        removed=tuple({"id": str(one.import_id), "state": "removed", "feed_no": one.feed_no} for one in entries if one.is_removed),
    )


@dataclass(frozen=True, slots=True)
class Rendered:
    """Bytes with what proves them: entity tag and Ed25519 signature over exactly these bytes (before any content coding)."""

    content: bytes
    media_type: str
    tag: str
    signature: str
    key_id: str
    cursor: int


_FORMATS: dict[str, tuple[str, Callable[[FeedPage], bytes]]] = {
    "json": ("application/json", lambda page: canonical_json(to_document(page))),
    "csv": ("text/csv; charset=utf-8", to_csv),
    "xml": ("application/xml", to_xml),
    "jsonld": ("application/ld+json", lambda page: canonical_json(to_linked(page))),
}


def render(page: FeedPage, *, form: str) -> Rendered:
    """The same page gives the same bytes, tag and signature."""
    media_type, write = _FORMATS[form]
    content = write(page)
    key = market_signing_key(SIGNING_PURPOSE)
    return Rendered(
        content=content,
        media_type=media_type,
        tag=sha256_hex(content)[:32],
        signature=base64.b64encode(sign(key, content)).decode(),
        key_id=key_id(),
        cursor=page.cursor,
    )


def public_key() -> bytes:
    """The 32 bytes that verify feed signatures."""
    return public_key_of(market_signing_key(SIGNING_PURPOSE))


def key_id() -> str:
    return f"{NAME}-{sha256_hex(public_key())[:8]}"
