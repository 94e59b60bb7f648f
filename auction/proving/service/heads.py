"""The market's signature: its keys, and the heads of logs it signs at opening, at close and every so often in between."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.dialects import postgresql, sqlite

from auction.bidding.log import instant
from auction.lots import service as lots
from auction.proving import queries
from auction.proving.models import SignedHead, SigningKey
from auction.verifying.domain import HeadReason
from auction.verifying.statements import Signed, head_statement, key_id_of
from marketplace.core import clock
from marketplace.core.crypto import canonical_json, market_signing_key, public_key_of, sign
from marketplace.core.db import Session
from marketplace.core.security import Principal

SIGNING_PURPOSE = "auction-log"


@dataclass(frozen=True, slots=True)
class Signer:
    """The key the market signs with now; a new secret key is a new one, with an id of its own."""

    key_id: str
    public_key: bytes
    _private_key: bytes

    def sign(self, statement: dict[str, Any]) -> Signed:
        """Deterministic: the same statement is signed the same."""
        signature = sign(self._private_key, canonical_json(statement))
        return Signed(statement, self.key_id, base64.b64encode(signature).decode())


@lru_cache(maxsize=4)
def _signer_of(private_key: bytes) -> Signer:
    public = public_key_of(private_key)
    return Signer(key_id_of(public), public, private_key)


def signer(session: Session) -> Signer:
    """The market's signer; its public key is on record before anything leaves under it."""
    found = _signer_of(market_signing_key(SIGNING_PURPOSE))
    if queries.find_key(session, found.key_id) is None:
        upsert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        encoded = base64.b64encode(found.public_key).decode()
        row = {"id": found.key_id, "public_key": encoded, "first_used_at": clock.now(session)}
        session.connection().execute(upsert(SigningKey).values(row).on_conflict_do_nothing())
    return found


def current_signer() -> Signer:
    """The market's signer where nothing can be written: its key was put on record when the lot opened, or ``list_keys`` adds it."""
    return _signer_of(market_signing_key(SIGNING_PURPOSE))


def list_keys(session: Session) -> list[SigningKey]:
    """Every public key the market ever signed with, the present one first."""
    found = _signer_of(market_signing_key(SIGNING_PURPOSE))
    rows = [row for row in queries.list_keys(session) if row.id != found.key_id]
    present = queries.find_key(session, found.key_id) or SigningKey(
        id=found.key_id, public_key=base64.b64encode(found.public_key).decode(), first_used_at=clock.now(session)
    )
    return [present, *rows]


def sign_head(session: Session, *, lot_id: UUID, seq: int, head_hash: str, at: datetime, reason: HeadReason) -> SignedHead:
    """Sign that the lot's log stands so up to ``seq``, in the transaction that wrote the entry or later."""
    statement = head_statement(lot=str(lot_id), seq=seq, head_hash=head_hash, at=instant(at), reason=reason)
    signed = signer(session).sign(statement)
    row = SignedHead(
        lot_id=lot_id,
        seq=seq,
        reason=reason,
        statement=canonical_json(statement).decode(),
        key_id=signed.key,
        signature=signed.signature,
        signed_at=at,
    )
    session.add(row)
    return row


def is_due(session: Session, *, every_s: int) -> bool:
    """Whether there is anything to sign, or the present key is not on record yet. Only reads."""
    if queries.find_key(session, current_signer().key_id) is None:
        return True
    return bool(queries.list_unsigned(session, before=clock.now(session) - timedelta(seconds=every_s), limit=1))


def sign_due(session: Session, *, every_s: int, limit: int) -> int:
    """Sign the heads of open lots that moved and were not signed for ``every_s`` seconds; returns how many."""
    signer(session)  # a new key is published before it signs anything
    at = clock.now(session)
    due = queries.list_unsigned(session, before=at - timedelta(seconds=every_s), limit=limit)
    for lot_id, seq, head_hash in due:
        sign_head(session, lot_id=lot_id, seq=seq, head_hash=head_hash, at=at, reason=HeadReason.INTERVAL)
    return len(due)


def list_heads(session: Session, *, viewer: Principal | None, lot_id: UUID, after_seq: int, limit: int) -> Sequence[SignedHead]:
    """The signed heads of a lot the viewer may see. Raises ``LotUnknown``."""
    lots.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    return queries.list_heads(session, lot_id=lot_id, after_seq=after_seq, limit=limit)


def signed_of(row: SignedHead) -> Signed:
    return Signed(orjson.loads(row.statement), row.key_id, row.signature)
