"""A session's records as one ZIP: what was announced, mandated, bid, sold, confirmed and printed, with the SHA-256 of each file.

Nothing here is personal data: bidders stand under their pseudonyms, parties by id. The rows behind it are never deleted: the database
refuses (``undeletable``, ``append_only``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson

from auction.lots import queries as lots
from auction.lots.domain import ReserveKind
from auction.lots.models import AuctionSession, Lot
from auction.papers import queries as papers
from auction.proving.service import proofs
from auction.records import queries
from auction.records.domain import MandateCourse, RecordsNotThere, kept_until, mandate_ended_on
from auction.sessions import queries as sessions
from auction.sessions.domain import SessionState, SessionUnknown
from auction.settlement.models import AuctionResult, Confirmation
from auction.settlement.service import confirmations
from marketplace.api import accounts, orders
from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Database, Session
from marketplace.core.files import FileMissing, FileStore
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings

RECORD = "auction_record_after_mandate"
IN_MEMORY = 4_194_304
_EPOCH = (2020, 1, 1, 0, 0, 0)
"""The date of every file in the ZIP: the same records give the same bytes but for the manifest's own time."""
_LOT = (
    "id", "number", "vehicle_id", "consignor_id", "title", "state", "start_minor", "reserve_kind", "buy_now_minor", "floor_minor",
    "lane", "seller_fee_bps", "flaws", "opens_at", "ends_at", "price_minor", "leader_pseudonym", "seq", "head_hash", "reason",
)  # fmt: skip
_RESULT = (
    "lot_id", "kind", "price_minor", "winner_id", "bids", "buyer_fee_minor", "seller_fee_minor", "fee_table_number", "order_id",
    "order_refusal", "pay_by", "ended_at", "closed_at", "defaulted_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Records:
    """What one short read found; logs and papers follow piece by piece."""

    row: AuctionSession
    lots: list[Lot]
    tables: dict[str, bytes]
    papers: list[tuple[str, str]]
    manifest: dict[str, Any]


def require_records(session: Session, *, principal: Principal, session_id: UUID) -> None:
    """Whether they are the principal's house's to take. Raises ``SessionUnknown``, ``RecordsNotThere``."""
    row = sessions.get_session(session, session_id)
    if row.house_id != principal.party_id:
        raise SessionUnknown
    if row.state is SessionState.DRAFT:
        raise RecordsNotThere


def export(database: Database, files: FileStore, *, session_id: UUID) -> IO[bytes]:
    """The ZIP, at its beginning. No transaction stays open while it is packed."""
    with database.reading() as session:
        found = _gather(session, session_id)
    out: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it
    listed: list[dict[str, Any]] = []
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=6) as packed:
        for name, content in _contents(database, files, found):
            packed.writestr(ZipInfo(name, _EPOCH), content, compress_type=ZIP_DEFLATED)
            listed.append({"name": name, "sha256": sha256_hex(content), "size_bytes": len(content)})
        packed.writestr(ZipInfo("manifest.json", _EPOCH), _json({**found.manifest, "files": listed}), compress_type=ZIP_DEFLATED)
    out.seek(0)
    return out


def _contents(database: Database, files: FileStore, found: Records) -> Iterator[tuple[str, bytes]]:
    yield from found.tables.items()
    market = get_settings().market_name
    for lot in found.lots:
        if lot.seq > 0:
            yield f"logs/{lot.number:05d}.jsonl", b"".join(proofs.proof_lines(database, lot=lot, row=found.row, market=market))
    for name, key in found.papers:
        with database.reading() as session:
            now = clock.now(session)
        try:
            yield name, files.get(key, now=now)
        except FileMissing:  # past its own term; the row still says what it was
            continue


def _gather(session: Session, session_id: UUID) -> Records:
    row = sessions.get_session(session, session_id)
    catalogued = list(lots.list_of_session(session, session_id=session_id))
    results = {one.lot_id: one for one in queries.list_results(session, session_id=session_id)}
    sold = {lot.id: _order(session, lot, results.get(lot.id)) for lot in catalogued}
    minutes = confirmations.minutes_of(session, row=row)
    tables = {
        "session.json": _json(row.model_dump(mode="json")),
        "lots.jsonl": _lines(_plain(lot, _LOT) | _reserve(lot) for lot in catalogued),
        "mandates.jsonl": _lines(
            _plain(one, ("lot_id", "document", "content_hash", "signature_id", "signed_by", "signed_at"))
            for one in queries.list_mandates(session, session_id=session_id)
        ),
        "bidders.jsonl": _lines(
            _plain(one, ("lot_id", "pseudonym", "state", "deposit_minor", "created_at"))
            for one in queries.list_registrations(session, session_id=session_id)
        ),
        "results.jsonl": _lines(_plain(one, _RESULT) for one in results.values()),
        "confirmations.jsonl": _lines(_confirmation(session, one) for one in queries.list_confirmations(session, session_id=session_id)),
        "orders.jsonl": _lines(
            {"lot_id": lot_id, "order_id": one.id, "number": one.number, "state": one.state.value, "price_minor": one.price_minor}
            for lot_id, one in sold.items()
            if one is not None
        ),
        "minutes.json": canonical_json(minutes.content),
    }
    printed = [
        (f"papers/{one.kind.value}-{one.printed_at:%Y%m%dT%H%M%S}-{one.id.hex[-6:]}.pdf", one.file_key)
        for one in papers.list_of_session(session, session_id=session_id)
    ]
    return Records(row, catalogued, tables, printed, _manifest(session, row, catalogued, sold))


def _order(session: Session, lot: Lot, result: AuctionResult | None) -> orders.OrderView | None:
    if result is None:
        return None
    if result.order_id is not None:
        return orders.get_order(session, order_id=result.order_id)
    return orders.find_order_of_source(session, source_id=lot.id)


def _manifest(session: Session, row: AuctionSession, catalogued: list[Lot], sold: dict[UUID, orders.OrderView | None]) -> dict[str, Any]:
    at = clock.now(session)
    term = accounts.retention_term(RECORD, on=clock.shanghai_day(at))
    kept = []
    for lot in catalogued:
        ended_on = mandate_ended_on(_course(row, sold[lot.id]))
        until = kept_until(ended_on, years=term.years)
        kept.append({"lot_id": lot.id, "number": lot.number, "mandate_ended_on": ended_on, "kept_until": until})
    return {
        "kind": "auction_records",
        "session_id": row.id,
        "house_id": row.house_id,
        "title": row.title,
        "legal_mode": row.legal_mode.value,
        "state": row.state.value,
        "made_at": at,
        "retention": {"years": term.years, "article": term.article, "from": "委托拍卖合同终止之日 end of the mandate", "lots": kept},
    }


def _course(row: AuctionSession, order: orders.OrderView | None) -> MandateCourse:
    closed_on = clock.shanghai_day(row.closed_at) if row.closed_at is not None else None
    ended = order.completed_at if order is not None else None
    return MandateCourse(closed_on, order is not None, clock.shanghai_day(ended) if ended is not None else None)


def _reserve(lot: Lot) -> dict[str, Any]:
    """A secret reserve stays with consignor and auditor: the log's commitment binds it."""
    return {"reserve_minor": lot.reserve_minor if lot.reserve_kind is ReserveKind.VISIBLE else None}


def _confirmation(session: Session, found: Confirmation) -> dict[str, Any]:
    signed = accounts.list_signatures(session, document_kind="auction_confirmation", document_id=found.lot_id)
    plain = ("lot_id", "document", "content_hash", "winner_signed_at", "auctioneer_signed_at")
    return _plain(found, plain) | {"signatures": [{"id": one.id, "signature": one.signature, "at": one.at} for one in signed]}


def _plain(row: object, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join([_json(row) + b"\n" for row in rows])


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
