"""The hot path on PostgreSQL: a batch loads in one round trip and writes in one, whatever its size.

All statements of a step are sent together (libpq pipeline) and run one after the other on the server, so locks, clock and look-ups keep
their order: the clock is read when the locks are held. Rows travel as one JSON parameter; building a statement of a thousand
parameters costs more than deciding the bids.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.exc import DBAPIError

from auction.bidding.domain import Bidder, Conflict, RegistrationState
from auction.bidding.log import Entry
from auction.bidding.queries import LOT_COLUMNS, Loaded, LockedLot, Storage, StoredBid, Writes, frozen_rules, locked_lot
from auction.lines.queries import book_of, write_book
from auction.lots.domain import LotPhase
from marketplace.core.db import Session

_LOCK_LOTS = f"SELECT {', '.join(LOT_COLUMNS)} FROM auction_lot WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE"
_LOCK_REGISTRATIONS = """
SELECT w.at, r.id, r.pseudonym, r.state, r.conflict, r.line_id, r.fee_bps
FROM json_to_recordset(%s::json) AS w(at int, lot_id uuid, party_id uuid)
JOIN auction_registration r ON r.lot_id = w.lot_id AND r.party_id = w.party_id
ORDER BY r.id FOR UPDATE OF r"""
# The lines of the bidders and of whoever holds a reservation on the lots. Mostly there are none, and it costs next to nothing.
_LOCK_LINES = """
WITH w AS MATERIALIZED (SELECT * FROM json_to_recordset(%s::json) AS w(at int, lot_id uuid, party_id uuid))
SELECT id, limit_minor, reserved_minor, leads, leads_max, state FROM auction_line WHERE id IN (
  SELECT r.line_id FROM w JOIN auction_registration r ON r.lot_id = w.lot_id AND r.party_id = w.party_id WHERE r.line_id IS NOT NULL
  UNION SELECT v.line_id FROM auction_reservation v WHERE v.lot_id IN (SELECT lot_id FROM w))
ORDER BY id FOR UPDATE"""
_RESERVATIONS = "SELECT lot_id, registration_id, line_id, amount_minor FROM auction_reservation WHERE lot_id = ANY(%s::uuid[])"
_CLOCK = "SELECT clock_timestamp(), coalesce((SELECT offset_us FROM clock_offset), 0), NULL, NULL"
# Keys seldom come twice: what they were answered travels as JSON in the clock's row, mostly as two NULLs.
_CLOCK_AND_ANSWERS = """
WITH w AS MATERIALIZED (SELECT * FROM json_to_recordset(%s::json) AS w(at int, actor_id uuid, key text))
SELECT clock_timestamp(), coalesce((SELECT offset_us FROM clock_offset), 0),
  (SELECT json_agg(json_build_array(w.at, l.lot_id, l.maximum_minor, l.seq, l.document, l.hash))
   FROM w JOIN auction_log l ON l.actor_id = w.actor_id AND l.key = w.key),
  (SELECT json_agg(json_build_array(w.at, r.lot_id, r.maximum_minor, r.status, r.body))
   FROM w JOIN auction_bid_refusal r ON r.actor_id = w.actor_id AND r.key = w.key)"""


def _insert(table: str, columns: dict[str, str]) -> str:
    names = ", ".join(columns)
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM json_to_recordset(%s::json) AS w({typed})"


_INSERT_LOG = _insert(
    "auction_log",
    {
        "lot_id": "uuid", "seq": "bigint", "kind": "text", "document": "text", "hash": "text", "registration_id": "uuid",
        "actor_id": "uuid", "key": "text", "maximum_minor": "bigint", "salt": "text",
    },
)  # fmt: skip
_INSERT_REFUSALS = _insert(
    "auction_bid_refusal",
    {
        "actor_id": "uuid", "key": "text", "lot_id": "uuid", "maximum_minor": "bigint", "status": "int", "body": "text",
        "at": "timestamptz",
    },
)  # fmt: skip
_UPDATE_LOTS = """
UPDATE auction_lot AS l SET
  ends_at = w.ends_at, seq = w.seq, price_minor = w.price_minor, leader_id = w.leader_id, leader_pseudonym = w.leader_pseudonym,
  maximum_minor = w.maximum_minor, extensions = w.extensions, head_hash = w.head_hash, moved_at = w.moved_at
FROM json_to_recordset(%s::json) AS w(
  id uuid, ends_at timestamptz, seq bigint, price_minor bigint, leader_id uuid, leader_pseudonym text, maximum_minor bigint,
  extensions int, head_hash text, moved_at timestamptz)
WHERE l.id = w.id"""

_PHASES = {phase.value: phase for phase in LotPhase}
_STATES = {state.value: state for state in RegistrationState}
_CONFLICTS = {conflict.value: conflict for conflict in Conflict}


class PostgresStorage(Storage):
    """``Storage`` in two round trips. Errors come out as SQLAlchemy's, so that callers need not know."""

    def load(self, session: Session, *, lot_ids: set[UUID], pairs: set[tuple[UUID, UUID]], keys: set[tuple[UUID, str]]) -> Loaded:
        pair_list, key_list = [*pairs], [*keys]
        lot_array = "{" + ",".join([lot_id.hex for lot_id in lot_ids]) + "}"
        pair_rows = _json([{"at": at, "lot_id": lot, "party_id": party} for at, (lot, party) in enumerate(pair_list)])
        statements: list[tuple[str, str | None]] = [
            (_LOCK_LOTS, lot_array),
            (_LOCK_REGISTRATIONS, pair_rows),
            (_LOCK_LINES, pair_rows),
            (_RESERVATIONS, lot_array),
        ]
        if keys:
            wanted = _json([{"at": at, "actor_id": actor, "key": key} for at, (actor, key) in enumerate(key_list)])
            statements.append((_CLOCK_AND_ANSWERS, wanted))
        else:
            statements.append((_CLOCK, None))
        lots, registered, lines, held, ((now, offset_us, accepted, refused),) = _run(session, statements, returning=True)
        loaded = Loaded(
            now=cast("datetime", now) + timedelta(microseconds=offset_us) if offset_us else now,
            lots=_lots(session, lots),
            bidders={
                pair_list[at]: Bidder(registration, pseudonym, _STATES[state], _CONFLICTS[conflict] if conflict else None, line_id, fee_bps)
                for at, registration, pseudonym, state, conflict, line_id, fee_bps in registered
            },
            book=book_of(lines, held),
        )
        for at, lot_id, maximum, seq, document, found in accepted or ():
            loaded.answers[key_list[at]] = StoredBid(UUID(lot_id), maximum, Entry(UUID(lot_id), seq, document, found))
        for at, lot_id, maximum, status, body in refused or ():
            loaded.answers[key_list[at]] = StoredBid(UUID(lot_id), maximum, None, status, body)
        return loaded

    def write(self, session: Session, writes: Writes) -> None:
        statements: list[tuple[str, str | None]] = []
        if writes.entries:
            statements += [(_INSERT_LOG, _json(writes.entries)), (_UPDATE_LOTS, _json([_moved(lot) for lot in writes.lots]))]
        if writes.refusals:
            statements.append((_INSERT_REFUSALS, _json(writes.refusals)))
        if statements:
            _run(session, statements, returning=False)
        write_book(session, writes.book)


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _run(session: Session, statements: Sequence[tuple[str, str | None]], *, returning: bool) -> list[list[Any]]:
    """Send all, then read all: the rows of each statement, or nothing where none returns any."""
    connection = cast("psycopg.Connection[TupleRow]", session.connection().connection.driver_connection)
    try:
        with connection.pipeline():
            cursors = [connection.execute(text, None if value is None else (value,)) for text, value in statements]
            return [cursor.fetchall() for cursor in cursors] if returning else []
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error) from error


def _lots(session: Session, rows: Sequence[Any]) -> dict[UUID, LockedLot]:
    rules = frozen_rules(session, [*{row[1] for row in rows}])
    return {row[0]: locked_lot((*row[:3], _PHASES[row[3]], *row[4:]), rules[row[1]]) for row in rows}


def _moved(lot: LockedLot) -> dict[str, Any]:
    state = lot.state
    return {
        "id": lot.id,
        "ends_at": state.ends_at,
        "seq": state.seq,
        "price_minor": state.price_minor,
        "leader_id": state.leader_id,
        "leader_pseudonym": state.leader_pseudonym,
        "maximum_minor": state.maximum_minor,
        "extensions": state.extensions,
        "head_hash": lot.head_hash,
        "moved_at": lot.moved_at,
    }
