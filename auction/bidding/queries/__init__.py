"""What a batch of bids loads and writes, in as few statements as it takes, whatever the batch's size.

``Storage`` speaks SQLAlchemy and works on both databases; ``queries/postgres.py`` does the same in two round trips.
Rows, not objects, come back: nothing here is ever stale in an identity map.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.bidding.domain import Bidder, LotState, SealedBid
from auction.bidding.log import Entry
from auction.bidding.models import BidRefusal, LogEntry, Registration
from auction.lines import queries as lines
from auction.lines.domain import Book
from auction.lots.models import Lot
from auction.sessions.domain import BidRules
from auction.sessions.models import AuctionSession
from marketplace.core import clock
from marketplace.core.db import Session, id_list

LOG: sa.Table = LogEntry.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
LOTS: sa.Table = Lot.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
REGISTRATIONS: sa.Table = Registration.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
REFUSALS: sa.Table = BidRefusal.__table__  # type: ignore[attr-defined]  # SQLModel does not type it

LOT_COLUMNS = (
    "id", "session_id", "vehicle_id", "state", "start_minor", "reserve_minor", "opens_at", "ends_at", "hard_end_at", "seq", "price_minor",
    "leader_id", "leader_pseudonym", "maximum_minor", "extensions", "head_hash", "moved_at", "buy_now_minor", "floor_minor",
    "estimate_minor", "reserve_kind", "warned_seq",
)  # fmt: skip


@dataclass(slots=True)
class LockedLot:
    """A lot's row as it stands under its lock, and how the batch moves it."""

    id: UUID
    session_id: UUID
    vehicle_id: UUID
    state: LotState
    head_hash: str
    moved_at: datetime | None
    from_seq: int


@dataclass(frozen=True, slots=True)
class StoredBid:
    """What a key was answered before. ``entry`` for an accepted bid, else status and body of the refusal."""

    lot_id: UUID
    maximum_minor: int
    entry: Entry | None
    status: int = 201
    body: str = ""


@dataclass(slots=True)
class Loaded:
    """Everything a batch is decided on."""

    now: datetime
    lots: dict[UUID, LockedLot]
    bidders: dict[tuple[UUID, UUID], Bidder]
    answers: dict[tuple[UUID, str], StoredBid] = field(default_factory=dict)
    book: Book = field(default_factory=Book)


@dataclass(slots=True)
class Writes:
    """What a decided batch leaves behind: rows keyed by column name."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    lots: list[LockedLot] = field(default_factory=list)
    book: Book = field(default_factory=Book)


_rules: dict[UUID, BidRules] = {}
"""Rules of sessions that have opened: frozen, so remembered for the life of the process."""


def frozen_rules(session: Session, session_ids: Sequence[UUID]) -> dict[UUID, BidRules]:
    """The rules of sessions; only those frozen are remembered."""
    found = {}
    missing = []
    for session_id in session_ids:
        rules = _rules.get(session_id)
        if rules is None:
            missing.append(session_id)
        else:
            found[session_id] = rules
    if missing:
        rows = session.exec(select(AuctionSession).where(col(AuctionSession.id).in_(missing)).execution_options(populate_existing=True))
        for row in rows:
            found[row.id] = BidRules.from_json(row.rules)
            if row.rules_frozen_at is not None:
                if len(_rules) > 10_000:
                    _rules.clear()
                _rules[row.id] = found[row.id]
    return found


def locked_lots(session: Session, rows: Sequence[Any]) -> dict[UUID, LockedLot]:
    """Rows in the order of ``LOT_COLUMNS`` as lots."""
    rules = frozen_rules(session, [*{row[1] for row in rows}])
    return {row[0]: locked_lot(row, rules[row[1]]) for row in rows}


def locked_lot(row: Any, rules: BidRules) -> LockedLot:
    (lot_id, session_id, vehicle_id, phase, start, reserve, opens_at, ends_at, hard_end_at, seq, price,
     leader_id, pseudonym, maximum, extensions, head_hash, moved_at, buy_now, floor, estimate, reserve_kind, warned_seq) = row  # fmt: skip
    state = LotState(
        phase, rules, start, reserve, opens_at, ends_at, hard_end_at, seq, price, leader_id, pseudonym, maximum, extensions,
        buy_now, floor, estimate, reserve_kind == "on_approval", moved_at if warned_seq is not None and warned_seq == seq else None,
    )  # fmt: skip
    return LockedLot(lot_id, session_id, vehicle_id, state, head_hash, moved_at, seq)


class Storage:
    """The portable way, on SQLAlchemy's compiled statements."""

    _lock_lots = (
        sa.select(*[LOTS.c[name] for name in LOT_COLUMNS])
        .where(LOTS.c.id.in_(sa.bindparam("ids", expanding=True)))
        .order_by(LOTS.c.id)
        .with_for_update()
    )
    _lock_registrations = (
        sa.select(*[REGISTRATIONS.c[name] for name in ("lot_id", "party_id", "id", "pseudonym", "state", "conflict", "line_id", "fee_bps")])
        .where(sa.tuple_(REGISTRATIONS.c.lot_id, REGISTRATIONS.c.party_id).in_(sa.bindparam("pairs", expanding=True)))
        .order_by(REGISTRATIONS.c.id)
        .with_for_update()
    )
    _answers = sa.select(*[LOG.c[name] for name in ("actor_id", "key", "lot_id", "maximum_minor", "seq", "document", "hash")]).where(
        sa.tuple_(LOG.c.actor_id, LOG.c.key).in_(sa.bindparam("keys", expanding=True))
    )
    _refusals = sa.select(*[REFUSALS.c[name] for name in ("actor_id", "key", "lot_id", "maximum_minor", "status", "body")]).where(
        sa.tuple_(REFUSALS.c.actor_id, REFUSALS.c.key).in_(sa.bindparam("keys", expanding=True))
    )
    _insert_log = sa.insert(LOG)
    _insert_refusals = sa.insert(REFUSALS)
    _update_lots = (
        sa.update(LOTS)
        .where(LOTS.c.id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(f"b_{name}") for name in (
            "ends_at", "seq", "price_minor", "leader_id", "leader_pseudonym", "maximum_minor", "extensions", "head_hash", "moved_at")})
    )  # fmt: skip

    def load(self, session: Session, *, lot_ids: set[UUID], pairs: set[tuple[UUID, UUID]], keys: set[tuple[UUID, str]]) -> Loaded:
        """Lock lots by id, then the bidders' registrations, then the lines of bidders and leaders; then the clock, then known keys."""
        connection = session.connection()
        lots = connection.execute(self._lock_lots, {"ids": id_list(list(lot_ids))}).all()
        registered = connection.execute(self._lock_registrations, {"pairs": sorted(pairs)}).all()
        book = lines.lock_book(session, lot_ids=lot_ids, line_ids={row[6] for row in registered if row[6] is not None})
        now = clock.now(session)
        loaded = Loaded(
            now=now,
            lots=locked_lots(session, lots),
            bidders={(row[0], row[1]): Bidder(*row[2:]) for row in registered},
            book=book,
        )
        if keys:
            for row in connection.execute(self._answers, {"keys": sorted(keys)}):
                loaded.answers[row[0], row[1]] = StoredBid(row[2], row[3], Entry(row[2], row[4], row[5], row[6]))
            for row in connection.execute(self._refusals, {"keys": sorted(keys)}):
                loaded.answers[row[0], row[1]] = StoredBid(row[2], row[3], None, row[4], row[5])
        return loaded

    def write(self, session: Session, writes: Writes) -> None:
        """One INSERT for the log, one for refusals, one UPDATE for the lots."""
        connection = session.connection()
        if writes.entries:
            connection.execute(self._insert_log, writes.entries)
        if writes.lots:
            connection.execute(self._update_lots, [_moved(lot) for lot in writes.lots])
        if writes.refusals:
            connection.execute(self._insert_refusals, writes.refusals)
        lines.write_book(session, writes.book)


def _moved(lot: LockedLot) -> dict[str, Any]:
    state = lot.state
    return {
        "b_id": lot.id,
        "b_ends_at": state.ends_at,
        "b_seq": state.seq,
        "b_price_minor": state.price_minor,
        "b_leader_id": state.leader_id,
        "b_leader_pseudonym": state.leader_pseudonym,
        "b_maximum_minor": state.maximum_minor,
        "b_extensions": state.extensions,
        "b_head_hash": lot.head_hash,
        "b_moved_at": lot.moved_at,
    }


def list_last_bids(session: Session, *, lot_id: UUID) -> list[tuple[SealedBid, str]]:
    """Every bidder's last bid on a locked lot, with the salt of its commitment."""
    last = sa.select(sa.func.max(LOG.c.seq)).where(LOG.c.lot_id == lot_id, LOG.c.kind == "bid").group_by(LOG.c.registration_id)
    rows = session.connection().execute(
        sa.select(LOG.c.seq, LOG.c.registration_id, REGISTRATIONS.c.pseudonym, LOG.c.maximum_minor, LOG.c.salt)
        .join(REGISTRATIONS, REGISTRATIONS.c.id == LOG.c.registration_id)
        .where(LOG.c.lot_id == lot_id, LOG.c.seq.in_(last))
        .order_by(LOG.c.seq)
    )
    return [(SealedBid(row[0], row[1], row[2], row[3]), row[4]) for row in rows]


# --- reading without locks ------------------------------------------------------------------------------------------------


def list_log(session: Session, *, lot_id: UUID, after_seq: int, limit: int) -> list[Entry]:
    """Entries behind ``after_seq``, in order."""
    rows = session.connection().execute(
        sa.select(LOG.c.seq, LOG.c.document, LOG.c.hash)
        .where(LOG.c.lot_id == lot_id, LOG.c.seq > after_seq)
        .order_by(LOG.c.seq)
        .limit(limit)
    )
    return [Entry(lot_id, row[0], row[1], row[2]) for row in rows]
