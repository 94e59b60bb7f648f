"""What a lot's parties and the public get to check it with: receipts, openings, the state at any seq, the proof file."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from auction.lots import service as lots
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.models import AuctionSession, Lot
from auction.proving import queries
from auction.proving.domain import LotStillRuns, NotAnAuditor, ReceiptUnknown, StateUnknown
from auction.proving.queries import PrivateEntry
from auction.proving.service import heads
from auction.verifying import proof
from auction.verifying.proof import Lead, Opening
from auction.verifying.statements import Signed, receipt_statement, seal_statement
from auction.verifying.states import StateAt, state_at
from marketplace.core import audit
from marketplace.core.db import Database, Session
from marketplace.core.security import Principal

CHUNK = 500
RUNNING = frozenset({LotPhase.DRAFT, LotPhase.MANDATED, LotPhase.ANNOUNCED, LotPhase.OPEN, LotPhase.SUSPENDED})
AUDITOR = "audit.read"


# --- receipts ------------------------------------------------------------------------------------------------------------------


def get_receipt(session: Session, *, principal: Principal, lot_id: UUID, seq: int) -> Signed:
    """The signed receipt of the principal's own bid. Raises ``ReceiptUnknown``."""
    found = queries.list_own(session, lot_id=lot_id, party_id=principal.party_id, after_seq=seq - 1, limit=1)
    if not found or found[0].entry.seq != seq:
        raise ReceiptUnknown
    return _receipt(found[0])


def list_receipts(session: Session, *, principal: Principal, lot_id: UUID, after_seq: int, limit: int) -> list[Signed]:
    """The signed receipts of the principal's own bids behind ``after_seq``, in order.

    Raises ``ReceiptUnknown`` for whoever is no bidder.
    """
    if not queries.is_registered(session, lot_id=lot_id, party_id=principal.party_id):
        raise ReceiptUnknown
    return [
        _receipt(one) for one in queries.list_own(session, lot_id=lot_id, party_id=principal.party_id, after_seq=after_seq, limit=limit)
    ]


def _receipt(found: PrivateEntry) -> Signed:
    assert found.maximum_minor is not None
    assert found.salt is not None
    statement = receipt_statement(
        entry=found.entry.content(), entry_hash=found.entry.hash, maximum_minor=found.maximum_minor, salt=found.salt
    )
    return heads.current_signer().sign(statement)


# --- openings --------------------------------------------------------------------------------------------------------------------


def list_own_openings(session: Session, *, principal: Principal, lot_id: UUID, after_seq: int, limit: int) -> list[Opening]:
    """What the principal itself is bound to: a bidder's maxima, a consignor's secret reserve.

    Raises ``LotUnknown``, ``ReceiptUnknown`` for whoever is neither.
    """
    lot, _ = lots.get_visible_lot(session, viewer=principal, lot_id=lot_id)
    if principal.party_id != lot.consignor_id and not queries.is_registered(session, lot_id=lot_id, party_id=principal.party_id):
        raise ReceiptUnknown
    own = [_opening(one) for one in queries.list_own(session, lot_id=lot_id, party_id=principal.party_id, after_seq=after_seq, limit=limit)]
    return [*_reserve(lot, after_seq), *own] if principal.party_id == lot.consignor_id else own


def open_all(session: Session, *, principal: Principal, lot_id: UUID, reason: str, after_seq: int, limit: int) -> list[Opening]:
    """Everything a closed lot keeps closed, for an auditor, on record with his reason.

    Raises ``NotAnAuditor``, ``LotUnknown``, ``LotStillRuns``.
    """
    if not principal.can(AUDITOR):
        raise NotAnAuditor
    lot, _ = lots.get_visible_lot(session, viewer=principal, lot_id=lot_id)
    if lot.state in RUNNING:
        raise LotStillRuns
    found = [_opening(one) for one in queries.list_bids(session, lot_id=lot_id, after_seq=after_seq, limit=limit)]
    audit.record(session, principal=principal, act="lot.open_secrets", object_kind="lot", object_id=lot_id, reason=reason)
    return [*_reserve(lot, after_seq), *found]


def _opening(found: PrivateEntry) -> Opening:
    assert found.maximum_minor is not None
    return Opening(found.entry.seq, found.maximum_minor, found.salt or "")


def _reserve(lot: Lot, after_seq: int) -> list[Opening]:
    """The reserve is committed to in the log's first entry."""
    if after_seq > 0 or lot.seq == 0 or lot.reserve_kind is not ReserveKind.HIDDEN or lot.reserve_minor is None:
        return []
    return [Opening(1, lot.reserve_minor, lot.reserve_salt or "", "reserve_commitment")]


# --- the state at any seq -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownState:
    """A lot at a seq, and the hash of the log up to there."""

    state: StateAt
    hash: str


def get_state(session: Session, *, viewer: Principal | None, lot_id: UUID, seq: int) -> ShownState:
    """From the published entries alone. Raises ``LotUnknown``, ``StateUnknown``."""
    lots.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    opened = queries.find_entry(session, lot_id=lot_id, seq=1)
    entry = queries.find_entry(session, lot_id=lot_id, seq=seq)
    if opened is None or entry is None:
        raise StateUnknown(seq=seq)
    last_bid = queries.find_last_bid(session, lot_id=lot_id, seq=seq)
    shown = state_at(opened=opened.content(), last_bid=last_bid.content() if last_bid is not None else None, entry=entry.content())
    return ShownState(shown, entry.hash)


# --- the proof file ------------------------------------------------------------------------------------------------------------------


def proof_lines(database: Database, *, lot: Lot, row: AuctionSession, market: str) -> Iterator[bytes]:
    """The lot's proof file in pieces, read in short transactions: header, keys, log (with what the close opens), heads, seal.

    A lot that runs is told up to now, with nothing opened.
    """
    digest, count = hashlib.sha256(), 0
    for lines in _pieces(database, lot, row, market):
        piece = b"".join([line + b"\n" for line in lines])
        digest.update(piece)
        count += len(lines)
        yield piece
    statement = seal_statement(lot=str(lot.id), lines=count, sha256=digest.hexdigest())
    yield proof.signed_line("seal", heads.current_signer().sign(statement)) + b"\n"


def _pieces(database: Database, lot: Lot, row: AuctionSession, market: str) -> Iterator[list[bytes]]:
    header = proof.header_line(lot=str(lot.id), market=market, number=lot.number, title=lot.title, session=str(row.id))
    with database.reading() as session:
        yield [header, *[proof.key_line(base64.b64decode(key.public_key)) for key in heads.list_keys(session)]]
    secrets = _Secrets(open_them=lot.state not in RUNNING)
    seq = 0
    while True:
        with database.reading() as session:
            found = queries.list_private(session, lot_id=lot.id, after_seq=seq, limit=min(CHUNK, lot.seq - seq))
        if found:
            yield [line for one in found for line in (proof.entry_line(one.entry), *secrets.take(one))]
            seq = found[-1].entry.seq
        if len(found) < CHUNK or seq >= lot.seq:
            break
    yield from _head_lines(database, lot)


def _head_lines(database: Database, lot: Lot) -> Iterator[list[bytes]]:
    seq = 0
    while True:
        with database.reading() as session:
            rows = [row for row in queries.list_heads(session, lot_id=lot.id, after_seq=seq, limit=CHUNK) if row.seq <= lot.seq]
        if rows:
            yield [proof.signed_line("head", heads.signed_of(row)) for row in rows]
            seq = rows[-1].seq
        if len(rows) < CHUNK:
            return


class _Secrets:
    """The openings behind each entry; of the past only the leader's secret is kept in mind."""

    def __init__(self, *, open_them: bool) -> None:
        self._open_them = open_them
        self._lead = Lead()
        self._leading: PrivateEntry | None = None

    def take(self, one: PrivateEntry) -> list[bytes]:
        if not self._open_them:
            return []
        overtaken = self._leading
        seq = self._lead.take(one.entry.content())
        if self._lead.seq == one.entry.seq:
            self._leading = one
        found = one if seq == one.entry.seq else overtaken
        return [] if seq is None or found is None else [proof.opening_line(_opening(found))]
