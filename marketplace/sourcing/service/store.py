"""A dealer's store from inside: what each car cost to make ready, what is left of its price, and how the whole stock stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.orders import api as orders
from marketplace.sourcing.domain import StockCarNotFound
from marketplace.sourcing.domain.store import (
    Margin,
    StoreRules,
    WorkKind,
    WorkNotFound,
    WorkState,
    age_band,
    compute_margin,
)
from marketplace.sourcing.models import Reconditioning, StockCar
from marketplace.sourcing.queries import store as queries
from marketplace.sourcing.service.tables import rule_table
from marketplace.vehicles import api as vehicles

SUMMARY_CARS_MAX = 5_000
_CHANNEL = listings.Channel.B2C_STORE
_NOBODY_ASKED = listings.InterestView(0, 0, 0, 0, 0, 0, 0, 0, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of reconditioning as the dealer states it. ``done_on`` None of a done one is today."""

    kind: WorkKind
    cost_minor: int
    description: str = ""
    workshop: str = ""
    state: WorkState = WorkState.PLANNED
    done_on: date | None = None


def add_work(session: Session, *, principal: Principal, vehicle_id: UUID, work: Work) -> Reconditioning:
    """Raises ``StockCarNotFound`` unless the car is the dealer's stock now."""
    _require_stock(session, principal, vehicle_id)
    at = clock.now(session)
    row = Reconditioning(
        dealer_id=principal.party_id,
        vehicle_id=vehicle_id,
        kind=work.kind,
        description=work.description,
        workshop=work.workshop,
        state=work.state,
        cost_minor=work.cost_minor,
        done_on=(work.done_on or clock.shanghai_day(at)) if work.state is WorkState.DONE else None,
        created_by=principal.id,
        created_at=at,
    )
    session.add(row)
    session.flush()
    _record(session, principal, row, "stock.add_work")
    return row


def change_work(
    session: Session, *, principal: Principal, vehicle_id: UUID, work_id: UUID, state: WorkState | None, cost_minor: int | None
) -> Reconditioning:
    """Done, dropped, planned again, or at another cost. Raises ``WorkNotFound``."""
    row = queries.lock_work(session, work_id)
    if row is None or (row.dealer_id, row.vehicle_id) != (principal.party_id, vehicle_id):
        raise WorkNotFound
    if state is not None and state is not row.state:
        row.state = state
        row.done_on = clock.shanghai_day(clock.now(session)) if state is WorkState.DONE else None
    row.cost_minor = row.cost_minor if cost_minor is None else cost_minor
    row.version += 1
    session.add(row)
    session.flush()
    _record(session, principal, row, "stock.change_work")
    return row


def _record(session: Session, principal: Principal, row: Reconditioning, act: str) -> None:
    facts = {"work_id": str(row.id), "kind": row.kind.value, "state": row.state.value, "cost_minor": row.cost_minor}
    audit.record(session, principal=principal, act=act, object_kind="vehicle", object_id=row.vehicle_id, facts=facts)


def _require_stock(session: Session, principal: Principal, vehicle_id: UUID) -> None:
    try:
        holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    except vehicles.VehicleNotFound as error:
        raise StockCarNotFound from error
    if holding.capacity is not vehicles.Capacity.DEALER_STOCK:
        raise StockCarNotFound


# --- one car -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CarView:
    """A stock car's books, also after it is sold."""

    vehicle_id: UUID
    margin: Margin
    works: list[Reconditioning]


def show_car(session: Session, *, principal: Principal, vehicle_id: UUID) -> CarView:
    """Raises ``StockCarNotFound`` for a car that is not and never was the dealer's stock."""
    works = queries.list_works(session, dealer_id=principal.party_id, vehicle_ids=[vehicle_id])
    row = queries.list_stock_cars(session, dealer_id=principal.party_id, vehicle_ids=[vehicle_id]).get(vehicle_id)
    if row is None and not works:
        _require_stock(session, principal, vehicle_id)
    shown = listings.list_open_of_seller(session, vehicle_ids=[vehicle_id], seller_id=principal.party_id, channel=_CHANNEL)
    sold = listings.find_sold_price(session, vehicle_id=vehicle_id, seller_id=principal.party_id)
    return CarView(vehicle_id, _margin(session, row, shown.get(vehicle_id), works, sold), works)


def _margin(
    session: Session,
    row: StockCar | None,
    listing: listings.ListingView | None,
    works: Sequence[Reconditioning],
    sold_minor: int | None,
) -> Margin:
    """By the price it was sold for, else the one it is marked with, else the one the stock list names."""
    marked = listing.ask_minor if listing is not None else row.ask_minor if row is not None else None
    is_sold = listing is None and sold_minor is not None
    price = sold_minor if is_sold else marked
    on = clock.shanghai_day(clock.now(session))
    return compute_margin(
        price_minor=price,
        is_sold=is_sold,
        cost_minor=row.cost_minor if row is not None else None,
        works=[(one.state, one.cost_minor) for one in works],
        fee_minor=orders.seller_fee(channel=_CHANNEL.value, price_minor=price, on=on) if price is not None else 0,
        vat_bps=_rules(on).vat_bps,
    )


def _rules(on: date) -> StoreRules:
    return StoreRules.from_values(rule_table("store", on=on).values)


# --- the board ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLine:
    """One car of the stock board."""

    vehicle_id: UUID
    title: str
    stock_no: str | None
    listing: listings.ListingView | None
    days_in_stock: int
    age_band: int
    margin: Margin
    interest: listings.InterestView


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSummary:
    """The whole stock in numbers. ``is_capped``: only the newest cars were counted."""

    cars: int
    listed: int
    by_age_band: list[int]
    asked_minor: int
    tied_up_minor: int
    margin_minor: int
    margin_unknown: int
    views_recent: int
    leads_open: int
    leads_waiting: int
    viewings_open: int
    is_capped: bool


def list_board(session: Session, *, principal: Principal, paging: PageQuery) -> list[BoardLine]:
    """What stands in the dealer's stock or store, newest first; up to ``limit + 1``."""
    before = UUID(str(paging.after[0])) if paging.after else None
    return _lines(session, principal.party_id, _vehicle_ids(session, principal.party_id, before, paging.limit + 1))


def _vehicle_ids(session: Session, dealer_id: UUID, before: UUID | None, limit: int) -> list[UUID]:
    """Cars of the stock list and cars listed without standing in it, each once."""
    standing = queries.list_standing_vehicle_ids(session, dealer_id=dealer_id, before=before, limit=limit)
    shown = listings.list_open_vehicle_ids(session, seller_id=dealer_id, channel=_CHANNEL, before=before, limit=limit)
    return sorted({*standing, *shown}, reverse=True)[:limit]


def _lines(session: Session, dealer_id: UUID, ids: Sequence[UUID]) -> list[BoardLine]:
    cars = vehicles.get_vehicles(session, vehicle_ids=list(ids))
    rows = queries.list_stock_cars(session, dealer_id=dealer_id, vehicle_ids=ids)
    shown = listings.list_open_of_seller(session, vehicle_ids=ids, seller_id=dealer_id, channel=_CHANNEL)
    fares = listings.interest_of(session, listing_ids=[one.id for one in shown.values()])
    works: dict[UUID, list[Reconditioning]] = {}
    for one in queries.list_works(session, dealer_id=dealer_id, vehicle_ids=ids):
        works.setdefault(one.vehicle_id, []).append(one)
    limits = _rules(clock.shanghai_day(clock.now(session))).aging_days
    lines = []
    for vehicle_id in ids:
        row, listing = rows.get(vehicle_id), shown.get(vehicle_id)
        days = listings.days_in_stock(session, vehicle_id=vehicle_id, seller_id=dealer_id)
        lines.append(
            BoardLine(
                vehicle_id=vehicle_id,
                title=cars[vehicle_id].title,
                stock_no=row.stock_no if row else None,
                listing=listing,
                days_in_stock=days,
                age_band=age_band(days, limits),
                margin=_margin(session, row, listing, works.get(vehicle_id, []), None),
                interest=fares[listing.id] if listing else _NOBODY_ASKED,
            )
        )
    return lines


def summarize(session: Session, *, principal: Principal) -> BoardSummary:
    """Over the newest ``SUMMARY_CARS_MAX`` cars."""
    bands = [0] * (len(_rules(clock.shanghai_day(clock.now(session))).aging_days) + 1)
    lines = list(_all_lines(session, principal.party_id))
    for line in lines:
        bands[line.age_band] += 1
    known = [line.margin for line in lines if line.margin.margin_minor is not None]
    return BoardSummary(
        cars=len(lines),
        listed=sum(line.listing is not None for line in lines),
        by_age_band=bands,
        asked_minor=sum(line.margin.price_minor or 0 for line in lines),
        tied_up_minor=sum((line.margin.cost_minor or 0) + line.margin.spent_minor for line in lines),
        margin_minor=sum(one.margin_minor or 0 for one in known),
        margin_unknown=len(lines) - len(known),
        views_recent=sum(line.interest.views_recent for line in lines),
        leads_open=sum(line.interest.leads_open for line in lines),
        leads_waiting=sum(line.interest.leads_waiting for line in lines),
        viewings_open=sum(line.interest.viewings_open for line in lines),
        is_capped=len(lines) >= SUMMARY_CARS_MAX,
    )


def _all_lines(session: Session, dealer_id: UUID) -> Iterator[BoardLine]:
    before: UUID | None = None
    counted = 0
    while counted < SUMMARY_CARS_MAX:
        ids = _vehicle_ids(session, dealer_id, before, 200)
        if not ids:
            return
        yield from _lines(session, dealer_id, ids)
        counted, before = counted + len(ids), ids[-1]
