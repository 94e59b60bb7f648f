"""Every SELECT of proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.bidding.log import Entry
from auction.bidding.models import EntryKind, LogEntry, Registration
from auction.lots.domain import LotPhase
from auction.lots.models import Lot
from auction.proving.models import SignedHead, SigningKey
from marketplace.core.db import Session


@dataclass(frozen=True, slots=True)
class PrivateEntry:
    """An entry with what opens its commitment; ``maximum_minor`` None where it has none."""

    entry: Entry
    maximum_minor: int | None
    salt: str | None


def list_keys(session: Session) -> Sequence[SigningKey]:
    """Newest first."""
    return session.exec(select(SigningKey).order_by(col(SigningKey.first_used_at).desc(), col(SigningKey.id))).all()


def find_key(session: Session, key_id: str) -> SigningKey | None:
    return session.get(SigningKey, key_id)


def list_heads(session: Session, *, lot_id: UUID, after_seq: int = 0, limit: int) -> Sequence[SignedHead]:
    return session.exec(
        select(SignedHead).where(SignedHead.lot_id == lot_id, SignedHead.seq > after_seq).order_by(col(SignedHead.seq)).limit(limit)
    ).all()


def list_unsigned(session: Session, *, before: datetime, limit: int) -> Sequence[tuple[UUID, int, str]]:
    """Open lots whose head moved on since it was last signed, and that was before ``before``: id, seq, head."""
    signed = sa.exists().where(col(SignedHead.lot_id) == col(Lot.id), col(SignedHead.seq) == Lot.seq)
    lately = sa.exists().where(col(SignedHead.lot_id) == col(Lot.id), col(SignedHead.signed_at) > before)
    rows = session.exec(
        select(Lot.id, Lot.seq, Lot.head_hash)
        .where(col(Lot.state).in_((LotPhase.OPEN, LotPhase.SUSPENDED)), Lot.seq > 0, ~signed, ~lately)
        .order_by(col(Lot.id))
        .limit(limit)
    ).all()
    return [(row[0], row[1], row[2]) for row in rows]


def list_private(session: Session, *, lot_id: UUID, after_seq: int, limit: int) -> list[PrivateEntry]:
    """Entries behind ``after_seq`` in order, with their secrets."""
    return _private(session, lot_id, limit, col(LogEntry.seq) > after_seq)


def is_registered(session: Session, *, lot_id: UUID, party_id: UUID) -> bool:
    """Whether the party ever registered for the lot."""
    statement = select(Registration.id).where(Registration.lot_id == lot_id, Registration.party_id == party_id)
    return session.exec(statement).first() is not None


def list_own(session: Session, *, lot_id: UUID, party_id: UUID, after_seq: int = 0, limit: int) -> list[PrivateEntry]:
    """The bids of one party on a lot, in order."""
    own = select(Registration.id).where(Registration.lot_id == lot_id, Registration.party_id == party_id)
    return _private(session, lot_id, limit, col(LogEntry.seq) > after_seq, col(LogEntry.registration_id).in_(own))


def list_bids(session: Session, *, lot_id: UUID, after_seq: int, limit: int) -> list[PrivateEntry]:
    """Everybody's bids on a lot, in order."""
    return _private(session, lot_id, limit, col(LogEntry.seq) > after_seq, col(LogEntry.maximum_minor).is_not(None))


def _private(session: Session, lot_id: UUID, limit: int, *where: sa.ColumnElement[bool]) -> list[PrivateEntry]:
    rows = session.exec(
        select(LogEntry.seq, LogEntry.document, LogEntry.hash, LogEntry.maximum_minor, LogEntry.salt)  # type: ignore[call-overload]  # five columns
        .where(LogEntry.lot_id == lot_id, *where)
        .order_by(col(LogEntry.seq))
        .limit(limit)
    ).all()
    return [PrivateEntry(Entry(lot_id, row[0], row[1], row[2]), row[3], row[4]) for row in rows]


def find_entry(session: Session, *, lot_id: UUID, seq: int) -> Entry | None:
    row = session.get(LogEntry, (lot_id, seq))
    return None if row is None else Entry(lot_id, row.seq, row.document, row.hash)


def find_last_bid(session: Session, *, lot_id: UUID, seq: int) -> Entry | None:
    """The last bid at or before an entry."""
    row = session.exec(
        select(LogEntry)
        .where(LogEntry.lot_id == lot_id, LogEntry.seq <= seq, LogEntry.kind == EntryKind.BID)
        .order_by(col(LogEntry.seq).desc())
        .limit(1)
    ).first()
    return None if row is None else Entry(lot_id, row.seq, row.document, row.hash)
