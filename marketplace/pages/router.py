"""Pages: home, store, one car, auctions, one lot, orders, signing in. Reading only; forms call the public API."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse

from auction.bidding import service as bidding
from auction.lots import service as lots
from auction.lots.router import answer as lot_answer
from marketplace.core import clock
from marketplace.core.db import ReadSession, Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery, decode_cursor, encode_cursor
from marketplace.core.security import Viewer, process_now
from marketplace.core.settings import Settings
from marketplace.demo.people import SIGN_INS
from marketplace.listings.domain import Availability, ListingState
from marketplace.listings.queries import StoreFilter
from marketplace.listings.service import reading as listings
from marketplace.listings.service import viewings
from marketplace.orders import router as orders
from marketplace.orders.domain.orders import CONFIRMATION_TEXTS
from marketplace.pages.view import FOLDER, render
from marketplace.parallel_import import api as imports
from marketplace.sourcing.service import store as stores
from marketplace.vehicles.domain.vocabulary import term
from search.documents.domain import Filters, Sort
from search.query import router as cars
from search.query.schemas import CarHit

router = APIRouter(include_in_schema=False)
STATIC = {path.name: path for path in (FOLDER / "static").iterdir()}
CARDS = 12
SORTS = {
    Sort.RELEVANCE: "相关 relevance",
    Sort.PRICE: "价格从低 price up",
    Sort.PRICE_DOWN: "价格从高 price down",
    Sort.MILEAGE: "里程最少 mileage",
    Sort.NEWEST: "最新上架 newest",
}
AVAILABILITIES = {
    Availability.AVAILABLE: "在售 available",
    Availability.RESERVED: "已预订 reserved",
    Availability.IN_AUCTION: "竞拍中 in auction",
    Availability.PAUSED: "暂停 paused",
    Availability.SOLD: "已售 sold",
    Availability.WITHDRAWN: "已下架 withdrawn",
}
LOG_SHOWN = 50


@router.get("/", response_class=HTMLResponse)
def show_home(request: Request, session: ReadSession, viewer: Viewer) -> HTMLResponse:
    settings: Settings = request.app.state.settings
    newest = listings.list_store(session, paging=PageQuery(limit=CARDS, after=None), wanted=StoreFilter())
    return render(
        request,
        "home.html",
        principal=viewer,
        cards=[_card(one) for one in newest[:CARDS]],
        lots=_lots(session, PageQuery(limit=8, after=None))[:8],
        sign_ins=SIGN_INS if settings.demo else (),
    )


@router.get("/static/{name}", response_class=FileResponse)
async def get_static(name: str, _viewer: Viewer) -> FileResponse:
    path: Path | None = STATIC.get(name)
    if path is None:
        raise NotFound
    return FileResponse(path, headers={"Cache-Control": "public, max-age=300"})


@router.get("/sign-in", response_class=HTMLResponse)
def show_sign_in(request: Request, viewer: Viewer, next: Annotated[str, Query(max_length=200)] = "/") -> HTMLResponse:  # noqa: A002  # as the address says
    own = next if next.startswith("/") and not next.startswith("//") else "/"
    return render(request, "sign_in.html", principal=viewer, next=own)


@router.get("/store/{listing_id}", response_class=HTMLResponse)
def show_listing(listing_id: UUID, request: Request, session: ReadSession, viewer: Viewer) -> HTMLResponse:
    window = listings.get_window(session, listing_id=listing_id, viewer=viewer)
    own = viewer is not None and viewer.party_id in {window.listing.seller_id, window.listing.agent_id}
    is_live = window.listing.state is ListingState.LIVE
    return render(
        request,
        "listing.html",
        principal=viewer,
        listing=window.listing,
        car=window.car,
        seller=window.seller,
        prices=window.prices,
        comparison_minor=window.comparison_minor,
        notices=window.notices,
        own=own,
        slots=viewings.list_free_slots(session, listing_id=listing_id) if is_live and not own else [],
        booked=viewings.find_booked(session, visitor_id=viewer.party_id, listing_id=listing_id) if viewer else None,
        warranty=window.warranty,
        appraisal=window.appraisal,
        findings=window.findings,
        facts=_facts(window.car),
        import_lines=imports.shown_lines(session, vehicle_id=window.listing.vehicle_id) if is_live else [],
        availability=AVAILABILITIES[window.listing.availability],
        orderable=window.listing.availability is Availability.AVAILABLE,
        confirmations=[(code.value, text[0]) for code, text in CONFIRMATION_TEXTS.items()],
    )


@router.get("/my-store", response_class=HTMLResponse)
def show_my_store(request: Request, session: ReadSession, viewer: Viewer) -> HTMLResponse:
    """A dealer's stock at a glance."""
    if viewer is None:
        return _sign_in_first(request, "/my-store")
    if not viewer.can("stock.manage"):
        raise NotFound
    lines = stores.list_board(session, principal=viewer, paging=PageQuery(limit=100, after=None))
    return render(request, "my_store.html", principal=viewer, lines=lines[:100], summary=stores.summarize(session, principal=viewer))


@router.get("/lots", response_class=HTMLResponse)
def show_lots(
    request: Request, session: ReadSession, viewer: Viewer, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> HTMLResponse:
    page = PageQuery(limit=24, after=decode_cursor(cursor) if cursor else None)
    found = _lots(session, page)
    shown = found[: page.limit]
    more = encode_cursor([shown[-1].ends_at.isoformat(), shown[-1].id]) if len(found) > page.limit else None
    return render(request, "lots.html", principal=viewer, lots=shown, next_url=f"/lots?{urlencode({'cursor': more})}" if more else None)


@router.get("/lots/{lot_id}", response_class=HTMLResponse)
def show_lot(lot_id: UUID, request: Request, session: ReadSession, viewer: Viewer) -> HTMLResponse:
    lot, row = lots.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    at = clock.now(session)
    entries = bidding.list_log(session, lot_id=lot_id, after_seq=max(lot.seq - LOG_SHOWN, 0), limit=LOG_SHOWN)
    contents = [entry.content() for entry in reversed(entries)]
    return render(
        request,
        "lot.html",
        principal=viewer,
        lot=lot_answer(lot, row, at),
        log=[one for one in contents if one.get("bidder")],
        skew_ms=round((at - process_now()).total_seconds() * 1000),
    )


@router.get("/orders", response_class=HTMLResponse)
def show_orders(request: Request, session: ReadSession, viewer: Viewer) -> HTMLResponse:
    if viewer is None:
        return _sign_in_first(request, "/orders")
    page = orders.list_orders(session, viewer, PageQuery(limit=50, after=None))
    return render(request, "orders.html", principal=viewer, orders=page.items)


@router.get("/orders/{order_id}", response_class=HTMLResponse)
def show_order(order_id: UUID, request: Request, session: ReadSession, viewer: Viewer) -> HTMLResponse:
    if viewer is None:
        return _sign_in_first(request, f"/orders/{order_id}")
    body = orders.get_order(order_id, session, viewer)
    signed = any(one.side is body.side for one in body.signatures)
    return render(request, "order.html", principal=viewer, order=body, signed=signed)


@router.get("/store", response_class=HTMLResponse)
def show_store(
    request: Request,
    session: ReadSession,
    viewer: Viewer,
    q: Annotated[str, Query(max_length=100)] = "",
    sort: Annotated[str, Query(max_length=20)] = "relevance",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> HTMLResponse:
    paging = PageQuery(limit=24, after=decode_cursor(cursor) if cursor else None)
    wanted = Sort(sort) if sort in SORTS else Sort.RELEVANCE
    found = cars.search_vehicles(viewer, None, session, paging, Filters(), q, wanted, False)
    more = urlencode({"q": q, "sort": wanted.value, "cursor": found.next}) if found.next else None
    return render(
        request,
        "store.html",
        principal=viewer,
        q=q,
        sort=wanted.value,
        sorts=SORTS.items(),
        total=found.total,
        understood=[part.meaning for part in found.understood.parts],
        cards=[_hit(one) for one in found.items],
        next_url=f"/store?{more}" if more else None,
    )


# --- parts -----------------------------------------------------------------------------------------------------------------


def _card(card: listings.CardView) -> dict[str, Any]:
    listing, car = card.listing, card.car
    return {
        "id": listing.id,
        "title": listing.title,
        "brand": car.brand,
        "model_year": car.model_year,
        "odometer_km": car.odometer_km,
        "city": listing.city,
        "price_minor": listing.ask_minor,
        "channel": listing.channel.value,
        "photo_url": f"/marketplace/v1/vehicles/{car.id}/photos/{car.photos[0].id}/thumbnail" if car.photos else None,
    }


def _hit(hit: CarHit) -> dict[str, Any]:
    photo = f"/marketplace/v1/vehicles/{hit.vehicle_id}/photos/{hit.photo_id}/thumbnail" if hit.photo_id else None
    return hit.model_dump() | {"id": hit.listing_id, "odometer_km": hit.mileage_km, "price_minor": hit.ask_minor, "photo_url": photo}


def _lots(session: Session, page: PageQuery) -> list[Any]:
    at = clock.now(session)
    return [lot_answer(lot, row, at) for lot, row in lots.list_live_lots(session, page=page)]


def _sign_in_first(request: Request, back: str) -> HTMLResponse:
    return render(request, "sign_in.html", principal=None, next=back, status=401)


def _facts(car: Any) -> list[tuple[str, str, str]]:
    """Name and value of what a buyer looks at, in the order he does."""
    rows: list[tuple[str, str, object]] = [
        ("车架号", "VIN", car.vin_masked),
        ("首次登记", "first registration", car.first_registration_on),
        ("里程", "mileage", f"{car.odometer_km:,} km"),
        ("能源", "fuel", _term(car.fuel)),
        ("变速箱", "gearbox", _term(car.gearbox)),
        ("排量", "displacement", f"{car.displacement_ml / 1000:.1f} L" if car.displacement_ml else None),
        ("排放", "emission stage", _term(car.emission_stage)),
        ("颜色", "colour", _term(car.colour)),
        ("座位", "seats", car.seats),
        ("使用性质", "use", _term(car.use_type)),
        ("过户次数", "transfers", car.transfer_count),
        ("所在地", "city", car.city),
    ]
    return [(zh, en, str(value)) for zh, en, value in rows if value is not None]


def _term(value: StrEnum | None) -> str | None:
    return term(value).zh if value is not None else None
