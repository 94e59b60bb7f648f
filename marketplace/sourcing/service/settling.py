"""Behind the switch: what counts already is written into the stock rows, facts and listings follow, pictures are asked for."""

import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, get_args, get_type_hints
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlmodel import col

from marketplace.core import clock
from marketplace.core.crypto import keyed_hash
from marketplace.core.db import Database, Session, insert_many
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.listings.api import Channel, ListingView
from marketplace.sourcing.domain import ImageState, ImportState, StockState
from marketplace.sourcing.domain.findings import find
from marketplace.sourcing.models.stock import StockCar, StockImage, StockImport, StockImportRow
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.staging import Pace, acting_for
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import VehicleFacts

_TABLE: sa.Table = StockCar.__table__  # type: ignore[attr-defined]  # SQLModel does not type it


def settle(row: StockCar) -> None:
    """What is pending becomes the row's own."""
    assert row.pending_state is not None
    row.state = row.pending_state
    row.import_id = row.pending_import_id
    if row.pending_state is StockState.IN_STOCK:
        row.stock_no, row.ask_minor, row.cost_minor = row.pending_stock_no, row.pending_ask_minor, row.pending_cost_minor
        row.description, row.row_hash = row.pending_description or "", row.pending_row_hash or ""
    row.pending_import_id, row.pending_state = None, None
    row.pending_stock_no, row.pending_ask_minor, row.pending_cost_minor = None, None, None
    row.pending_description, row.pending_row_hash = None, None
    row.hand_changed_at = None


def settled_view(session: Session, rows: Sequence[StockCar]) -> list[StockCar]:
    """Rows as they count now, for reading: taken out of the session, so that nothing of it is written."""
    waiting = {row.pending_import_id for row in rows if row.pending_import_id is not None}
    applied = queries.list_applied(session, sorted(waiting)) if waiting else set()
    for row in rows:
        if row.pending_import_id in applied:
            session.expunge(row)
            settle(row)
    return list(rows)


def settle_locked(session: Session, rows: Sequence[StockCar]) -> None:
    """The same for locked rows that are about to be changed."""
    waiting = {row.pending_import_id for row in rows if row.pending_import_id is not None}
    applied = queries.list_applied(session, sorted(waiting)) if waiting else set()
    for row in rows:
        if row.pending_import_id in applied:
            upload = queries.find_import(session, row.pending_import_id)
            assert upload is not None
            more = row.pending_more
            settle(row)
            row.pending_more = None
            session.add(row)
            if more is not None:
                _follow_more(session, upload, row.vehicle_id, more)


def settle_import(database: Database, *, import_id: UUID, aim_ms: int) -> None:
    """All rows of an applied import, some in a transaction. Twice is once."""
    pace = Pace(aim_ms)
    while True:
        with pace.measured(pace.size), database.writing() as session:
            if not settle_some(session, import_id=import_id, limit=pace.size):
                return


def settle_some(session: Session, *, import_id: UUID, limit: int) -> int:
    """The next rows of an applied import; none left: the import is settled. Returns how many there were."""
    upload = queries.find_import(session, import_id)
    if upload is None or upload.state is not ImportState.APPLIED:
        return 0
    rows = queries.lock_pending(session, import_id=import_id, limit=limit)
    at = clock.now(session)
    if not rows:
        if upload.settled_at is None:
            upload.settled_at = at
            session.add(upload)
        return 0
    ids = [row.vehicle_id for row in rows]
    gone = _gone(session, rows)
    _write(session, upload, rows, gone=gone, at=at)
    shown = listings.list_open_of_seller(session, vehicle_ids=ids, seller_id=upload.dealer_id, channel=Channel.B2C_STORE)
    principal = acting_for(upload.uploaded_by, upload.dealer_id)
    for row in rows:
        listing = shown.get(row.vehicle_id)
        if listing is not None:
            is_standing = row.pending_state is StockState.IN_STOCK and row.vehicle_id not in gone
            follow(session, principal=principal, listing=listing, ask_minor=row.pending_ask_minor if is_standing else None)
        if row.pending_more is not None and row.vehicle_id not in gone:
            _follow_more(session, upload, row.vehicle_id, row.pending_more)
    session.flush()
    session.expire_all()
    return len(rows)


def _gone(session: Session, rows: Sequence[StockCar]) -> set[UUID]:
    """Cars whose title went elsewhere between the staging and now."""
    holders = vehicles.list_holders(session, vehicle_ids=[row.vehicle_id for row in rows])
    return {row.vehicle_id for row in rows if holders.get(row.vehicle_id) != row.dealer_id}


def _write(session: Session, upload: StockImport, rows: Sequence[StockCar], *, gone: set[UUID], at: datetime) -> None:
    """Three statements, however many rows."""
    done = {"pending_import_id": None, "pending_state": None, "pending_more": None, "changed_at": at, "import_id": upload.id,
            "hand_changed_at": None}  # fmt: skip
    done |= dict.fromkeys(("pending_stock_no", "pending_ask_minor", "pending_cost_minor", "pending_description", "pending_row_hash"))
    standing = [row.id for row in rows if row.pending_state is StockState.IN_STOCK and row.vehicle_id not in gone]
    removed = [row.id for row in rows if row.pending_state is not StockState.IN_STOCK]
    sold = [row.id for row in rows if row.pending_state is StockState.IN_STOCK and row.vehicle_id in gone]
    taken = {
        "stock_no": _TABLE.c.pending_stock_no,
        "ask_minor": _TABLE.c.pending_ask_minor,
        "cost_minor": _TABLE.c.pending_cost_minor,
        "description": sa.func.coalesce(_TABLE.c.pending_description, ""),
        "row_hash": sa.func.coalesce(_TABLE.c.pending_row_hash, ""),
    }
    connection = session.connection()
    for ids, values in ((standing, {"state": StockState.IN_STOCK, **taken}), (sold, {"state": StockState.SOLD, **taken})):
        if ids:
            connection.execute(sa.update(_TABLE).where(_TABLE.c.id.in_(ids)).values(**values, **done))
    if removed:
        connection.execute(sa.update(_TABLE).where(_TABLE.c.id.in_(removed)).values(state=StockState.REMOVED, **done))


def follow(session: Session, *, principal: Principal, listing: ListingView, ask_minor: int | None) -> None:
    """An open store listing takes over the stock's price, or goes with the car (``None``)."""
    if ask_minor is None:
        listings.withdraw(session, principal=principal, listing_id=listing.id, reason=listings.EndReason.IMPORT)
    elif ask_minor != listing.ask_minor:
        listings.change_price(session, principal=principal, listing_id=listing.id, ask_minor=ask_minor)


# --- facts, kilometres, pictures ---------------------------------------------------------------------------------------------


def _follow_more(session: Session, upload: StockImport, vehicle_id: UUID, more: str) -> None:
    wanted: dict[str, Any] = orjson.loads(more)
    principal = acting_for(upload.uploaded_by, upload.dealer_id)
    try:
        with session.begin_nested():
            if wanted["facts"]:
                vehicles.update_facts(session, principal=principal, vehicle_id=vehicle_id, changes=read_facts(wanted["facts"]))
            if wanted["odometer_km"] is not None:
                vehicles.record_odometer(
                    session,
                    vehicle_id=vehicle_id,
                    recorded_by=upload.dealer_id,
                    odometer_km=wanted["odometer_km"],
                    source=vehicles.OdometerSource.IMPORT,
                )
    except Refusal:
        _tell_refused(session, upload.id, vehicle_id)
    if wanted["images"]:
        _ask_for(session, upload, vehicle_id, wanted["images"])


def _tell_refused(session: Session, import_id: UUID, vehicle_id: UUID) -> None:
    """The row's answer says that the car's facts stayed as they were."""
    for row in session.exec(
        sa.select(StockImportRow).where(col(StockImportRow.import_id) == import_id, col(StockImportRow.vehicle_id) == vehicle_id)  # type: ignore[call-overload]
    ).scalars():
        row.findings = [*row.findings, find("row", "fact_wrong").as_plain()]
        session.add(row)


def _ask_for(session: Session, upload: StockImport, vehicle_id: UUID, urls: Sequence[str]) -> None:
    known = queries.list_image_hashes(session, dealer_id=upload.dealer_id, vehicle_ids=[vehicle_id])
    at = clock.now(session)
    rows = []
    for position, url in enumerate(urls, start=1):
        hashed = keyed_hash("image_url", url)
        if (vehicle_id, hashed) not in known:
            rows.append(
                {
                    "id": new_id(),
                    "dealer_id": upload.dealer_id,
                    "vehicle_id": vehicle_id,
                    "import_id": upload.id,
                    "position": position,
                    "url": url,
                    "url_hash": hashed,
                    "state": ImageState.WAITING,
                    "attempts": 0,
                    "next_try_at": at,
                    "problem": None,
                    "photo_id": None,
                    "created_at": at,
                }
            )
    insert_many(session, StockImage, rows)


def _kinds() -> dict[str, type]:
    """The type of each fact, without its None."""
    found = {}
    for name, hint in get_type_hints(VehicleFacts).items():
        options = [one for one in get_args(hint) if one is not type(None)] if isinstance(hint, types.UnionType) else [hint]
        found[name] = options[0]
    return found


_KINDS = _kinds()


def read_facts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Facts from their JSON."""
    return {name: _read_fact(_KINDS[name], value) for name, value in stored.items()}


def _read_fact(kind: type, value: Any) -> Any:
    if value is None:
        return None
    if issubclass(kind, StrEnum):
        return kind(value)
    return date.fromisoformat(value) if kind is date else value
