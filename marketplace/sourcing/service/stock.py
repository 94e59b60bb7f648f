"""A dealer's stock: enter, price, take out, show in the store; and what follows when a file changed it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.listings.api import Channel, ListingView
from marketplace.sourcing.domain import RUNNING, ImportState, NothingToAsk, StockCarNotFound, StockState
from marketplace.sourcing.events import ImportReceived, ListingRequested, import_key
from marketplace.sourcing.models.stock import StockCar
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.queries.stock import is_applied, state_now
from marketplace.sourcing.service.running import HEARD_S
from marketplace.sourcing.service.settling import follow, settle_import, settle_locked, settled_view
from marketplace.sourcing.service.staging import Pace, Staging, acting_for, forget_some
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True)
class StockView:
    """A stock car as its dealer sees it."""

    row: StockCar
    car: vehicles.VehicleView
    listing: ListingView | None
    days_in_stock: int


def list_stock(session: Session, *, dealer_id: UUID, state: StockState | None, paging: PageQuery) -> list[StockView]:
    """Newest first; up to ``limit + 1``."""
    return _views(session, dealer_id, queries.list_stock(session, dealer_id=dealer_id, state=state, paging=paging))


def get_stock_car(session: Session, *, dealer_id: UUID, vehicle_id: UUID) -> StockView:
    """Raises ``StockCarNotFound``."""
    row = queries.find_stock_car(session, dealer_id=dealer_id, vehicle_id=vehicle_id)
    found = _views(session, dealer_id, [row]) if row is not None else []
    if not found or found[0].row.state is StockState.STAGED:
        raise StockCarNotFound
    return found[0]


def _views(session: Session, dealer_id: UUID, rows: Sequence[StockCar]) -> list[StockView]:
    rows = settled_view(session, rows)
    ids = [row.vehicle_id for row in rows]
    cars = vehicles.get_vehicles(session, vehicle_ids=ids)
    shown = listings.list_open_of_seller(session, vehicle_ids=ids, seller_id=dealer_id, channel=Channel.B2C_STORE)
    return [
        StockView(
            row,
            cars[row.vehicle_id],
            shown.get(row.vehicle_id),
            listings.days_in_stock(session, vehicle_id=row.vehicle_id, seller_id=dealer_id),
        )
        for row in rows
    ]


def enter(
    session: Session,
    *,
    principal: Principal,
    vehicle_id: UUID,
    ask_minor: int,
    cost_minor: int | None,
    stock_no: str | None,
    description: str,
) -> StockView:
    """Put a car the dealer holds as stock into his stock list, or change what stands there; an open listing follows the price.

    Raises ``VehicleNotFound``, ``WrongHolding``, ``PriceOutOfBounds``.
    """
    holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=principal.party_id)
    if holding.capacity is not vehicles.Capacity.DEALER_STOCK:
        raise listings.WrongHolding(needed=vehicles.Capacity.DEALER_STOCK)
    at = clock.now(session)
    low, high = listings.price_bounds(clock.shanghai_day(at))
    if not low <= ask_minor <= high:
        raise listings.PriceOutOfBounds(min_minor=low, max_minor=high)
    found = _lock_own(session, principal.party_id, vehicle_id)
    row = found or StockCar(dealer_id=principal.party_id, vehicle_id=vehicle_id, state=StockState.IN_STOCK, created_at=at, changed_at=at)
    row.state, row.ask_minor, row.cost_minor = StockState.IN_STOCK, ask_minor, cost_minor
    row.stock_no, row.description, row.changed_at = stock_no, description, at
    row.row_hash, row.hand_changed_at = "", at  # the next file that names it is looked at
    session.add(row)
    session.flush()
    _follow(session, principal=principal, row=row)
    audit.record(
        session, principal=principal, act="stock.enter", object_kind="vehicle", object_id=vehicle_id, facts={"ask_minor": ask_minor}
    )
    return _views(session, principal.party_id, [row])[0]


def remove(session: Session, *, principal: Principal, vehicle_id: UUID) -> StockView:
    """Take a car out of the stock list; its store listing is withdrawn. Raises ``StockCarNotFound``."""
    row = _lock_own(session, principal.party_id, vehicle_id)
    if row is None or row.state is not StockState.IN_STOCK:
        raise StockCarNotFound
    row.state, row.changed_at = StockState.REMOVED, clock.now(session)
    row.hand_changed_at = row.changed_at
    session.add(row)
    session.flush()
    _follow(session, principal=principal, row=row)
    audit.record(session, principal=principal, act="stock.remove", object_kind="vehicle", object_id=vehicle_id)
    return _views(session, principal.party_id, [row])[0]


def _lock_own(session: Session, dealer_id: UUID, vehicle_id: UUID) -> StockCar | None:
    """The stock row as it counts now, locked."""
    rows = list(queries.lock_stock_of_vehicles(session, dealer_id=dealer_id, vehicle_ids=[vehicle_id]).values())
    settle_locked(session, rows)
    return rows[0] if rows else None


def _follow(session: Session, *, principal: Principal, row: StockCar) -> None:
    """The open store listing takes over the stock's price, or goes with the car."""
    shown = listings.list_open_of_seller(session, vehicle_ids=[row.vehicle_id], seller_id=row.dealer_id, channel=Channel.B2C_STORE).get(
        row.vehicle_id
    )
    if shown is not None:
        follow(session, principal=principal, listing=shown, ask_minor=row.ask_minor if row.state is StockState.IN_STOCK else None)


def follow_import(database: Database, *, import_id: UUID, aim_ms: int) -> None:
    """All that an import made visible is settled; then, where it was asked for, its cars go into the store. Twice is once."""
    settle_import(database, import_id=import_id, aim_ms=aim_ms)
    with database.writing() as session:
        upload = queries.lock_import(session, import_id)
        if upload is None or not upload.list_after:
            return
        upload.list_after = False
        session.add(upload)
        principal = acting_for(upload.uploaded_by, upload.dealer_id)
        with suppress(Refusal):  # no car, or no licence now: the dealer sees them unlisted
            list_in_store(session, principal=principal, vehicle_ids=None, import_id=import_id, inline=0)


# --- into the store ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListedCar:
    """What became of one car: its listing, or the code of what refused it."""

    vehicle_id: UUID
    listing_id: UUID | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class ListingOutcome:
    """``waiting`` cars follow after the answer; ``GET /stock`` shows how they fared."""

    request_id: UUID
    asked: int
    cars: list[ListedCar]
    waiting: int


def list_in_store(
    session: Session,
    *,
    principal: Principal,
    vehicle_ids: Sequence[UUID] | None,
    import_id: UUID | None,
    inline: int,
) -> ListingOutcome:
    """Show chosen cars, those of one import, or the whole standing stock in the B2C store, each at its stock price.

    Cars shown already are left as they are. Raises ``NothingToAsk`` when none is standing, ``PartySuspended``, ``LicenceMissing``.
    """
    today = clock.shanghai_day(clock.now(session))
    accounts.require_active(session, party_id=principal.party_id)
    accounts.require_licence(session, party_id=principal.party_id, kind=accounts.LicenceKind.DEALER_FILING, on=today)
    request_id = new_id()
    wanted = [col(StockCar.dealer_id) == principal.party_id, state_now() == StockState.IN_STOCK]
    if vehicle_ids is not None:
        wanted.append(col(StockCar.vehicle_id).in_(vehicle_ids))
    if import_id is not None:
        wanted.append(sa.or_(col(StockCar.import_id) == import_id, sa.and_(col(StockCar.pending_import_id) == import_id, is_applied())))
    marked = session.connection().execute(
        sa.update(StockCar).where(*wanted).values(list_request_id=request_id, list_requested_by=principal.id, list_problem=None)
    )
    if not marked.rowcount:
        raise NothingToAsk
    audit.record(
        session,
        principal=principal,
        act="stock.list",
        object_kind="organization",
        object_id=principal.party_id,
        facts={"request_id": str(request_id), "cars": marked.rowcount},
    )
    cars = list_some(session, request_id=request_id, principal=principal, limit=inline)
    waiting = queries.count_requested(session, request_id)
    if waiting:
        event = ListingRequested(request_id=request_id, dealer_id=principal.party_id, requested_by=principal.id)
        outbox.append(session, event, key=f"stock:{principal.party_id}")
    return ListingOutcome(request_id, marked.rowcount, cars, waiting)


def list_some(session: Session, *, request_id: UUID, principal: Principal, limit: int) -> list[ListedCar]:
    """List the next cars of a request; one that is refused keeps the code and stops nobody."""
    rows = queries.list_requested(session, request_id=request_id, limit=limit)
    settle_locked(session, rows)
    return [_list_one(session, row, principal=principal) for row in rows]


def _list_one(session: Session, row: StockCar, *, principal: Principal) -> ListedCar:
    row.list_request_id = None
    listing_id, problem = None, None
    try:
        with session.begin_nested():
            assert row.ask_minor is not None
            listing_id = listings.publish(
                session,
                principal=principal,
                vehicle_id=row.vehicle_id,
                seller_id=row.dealer_id,
                channel=Channel.B2C_STORE,
                ask_minor=row.ask_minor,
                description=row.description,
                source_kind="stock",
                source_id=row.id,
            ).id
    except listings.AlreadyListed as refusal:
        listing_id = UUID(str(refusal.fields["listing_id"]))
    except Refusal as refusal:
        problem = refusal.code
    row.list_problem = problem
    session.add(row)
    session.flush()
    return ListedCar(row.vehicle_id, listing_id, problem)


def list_requested(database: Database, *, request_id: UUID, dealer_id: UUID, requested_by: UUID, aim_ms: int) -> None:
    """The rest of a request, a few cars in a transaction."""
    principal = acting_for(requested_by, dealer_id)
    pace = Pace(aim_ms)
    while True:
        with pace.measured(pace.size), database.writing() as session:
            if not list_some(session, request_id=request_id, principal=principal, limit=pace.size):
                return


# --- what happens outside ------------------------------------------------------------------------------------------------------


def close_moved(session: Session, *, vehicle_id: UUID) -> None:
    """A car's title moved: whoever holds it no more has it no more in stock."""
    owner = vehicles.owner_of(session, vehicle_id=vehicle_id)
    rows = queries.lock_rows_of_vehicle(session, vehicle_id)
    settle_locked(session, rows)
    for row in rows:
        if row.state is StockState.IN_STOCK and row.dealer_id != owner:
            row.state, row.changed_at = StockState.SOLD, clock.now(session)
            session.add(row)
    session.flush()


def give_up_stuck(database: Database, *, hours: int, aim_ms: int) -> int:
    """Imports whose runner is gone are run again; those not finished in time fail: nothing they staged becomes visible.

    Returns how many failed.
    """
    with database.writing() as session:
        at = clock.now(session)
        stuck = queries.list_stuck_imports(session, before=at - timedelta(hours=hours))
        for row in queries.list_stalled_imports(session, before=at - timedelta(seconds=HEARD_S)):
            if row.id not in stuck:
                outbox.append(session, ImportReceived(import_id=row.id, dealer_id=row.dealer_id), key=import_key(row.id))
                row.heard_at = None
                session.add(row)
    for import_id in stuck:
        _give_up(database, import_id, aim_ms=aim_ms)
    return len(stuck)


def _give_up(database: Database, import_id: UUID, *, aim_ms: int) -> None:
    with database.writing() as session:
        row = queries.lock_import(session, import_id)
        if row is None or row.state not in RUNNING:
            return
        row.state, row.finished_at, row.run_id = ImportState.FAILED, clock.now(session), None
        row.problem_code, row.problem = "import_given_up", "导入超时,未作任何更改,请重新上传"
        session.add(row)
        staging = Staging(row.id, row.dealer_id, row.uploaded_by)
    pace = Pace(aim_ms)
    while True:
        with pace.measured(pace.size), database.writing() as session:
            if not forget_some(session, staging=staging, limit=pace.size):
                return
