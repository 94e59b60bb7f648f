"""成交确认书 and 拍卖笔录: read and signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from auction.bidding.log import Entry
from auction.bidding.queries import list_log
from auction.lots import queries as lots
from auction.lots.domain import LotUnknown
from auction.lots.models import AuctionSession, Lot
from auction.sessions import queries as sessions
from auction.sessions.domain import SessionUnknown
from auction.settlement import queries
from auction.settlement.domain import ConfirmationChanged, ResultUnknown
from auction.settlement.models import AuctionResult, Confirmation
from auction.settlement.service.sales import CONFIRMATION
from marketplace.api import accounts
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.security import Principal


def get_result(session: Session, *, lot_id: UUID) -> AuctionResult:
    """Public: who won is a pseudonym in the log. Raises ``ResultUnknown``."""
    found = queries.find_result(session, lot_id)
    if found is None:
        raise ResultUnknown
    return found


def _parties(session: Session, lot: Lot) -> tuple[AuctionSession, AuctionResult]:
    row = session.get_one(AuctionSession, lot.session_id)
    return row, get_result(session, lot_id=lot.id)


def get_confirmation(session: Session, *, principal: Principal, lot_id: UUID) -> Confirmation:
    """For winner, house and consignor. Raises ``LotUnknown``, ``ResultUnknown``."""
    lot = lots.get_lot(session, lot_id)
    row, result = _parties(session, lot)
    if principal.party_id not in (row.house_id, lot.consignor_id, result.winner_id):
        raise LotUnknown
    found = session.get(Confirmation, lot_id)
    if found is None:
        raise ResultUnknown
    return found


def sign_confirmation(session: Session, *, principal: Principal, lot_id: UUID, passphrase: str, content_hash: str) -> Confirmation:
    """By the winner and by the session's auctioneer (拍卖法 52). Raises ``LotUnknown``, ``ConfirmationChanged``, ``WrongPassphrase``."""
    lot = lots.get_lot(session, lot_id)
    row, result = _parties(session, lot)
    is_winner, is_auctioneer = principal.party_id == result.winner_id, principal.id == row.auctioneer_id
    if not is_winner and not is_auctioneer:
        raise LotUnknown
    found = queries.lock_confirmation(session, lot_id)
    if found is None:
        raise ResultUnknown
    if found.content_hash != content_hash:
        raise ConfirmationChanged
    if (found.winner_signed_at if is_winner else found.auctioneer_signed_at) is not None:
        return found
    signature = accounts.sign(
        session, principal=principal, passphrase=passphrase, document_kind=CONFIRMATION, document_id=lot_id, content_hash=content_hash
    )
    if is_winner:
        found.winner_signature_id, found.winner_signed_at = signature.id, signature.at
    else:
        found.auctioneer_signature_id, found.auctioneer_signed_at = signature.id, signature.at
    session.add(found)
    session.flush()
    return found


@dataclass(frozen=True, slots=True)
class Minutes:
    """拍卖笔录: what happened to every lot, from its log. ``content_hash`` is what would be signed."""

    content: dict[str, Any]
    content_hash: str


def build_minutes(session: Session, *, principal: Principal, session_id: UUID) -> Minutes:
    """For the house. Raises ``SessionUnknown``."""
    row = sessions.get_session(session, session_id)
    if row.house_id != principal.party_id:
        raise SessionUnknown
    return minutes_of(session, row=row)


def minutes_of(session: Session, *, row: AuctionSession) -> Minutes:
    """Whoever calls has looked who asks."""
    entries = [_minute(session, lot) for lot in lots.list_of_session(session, session_id=row.id)]
    content = {
        "kind": "auction_minutes",
        "session_id": str(row.id),
        "title": row.title,
        "legal_mode": row.legal_mode.value,
        "house_id": str(row.house_id),
        "auctioneer_id": str(row.auctioneer_id) if row.auctioneer_id else None,
        "place": row.place,
        "announced_at": row.announced_at.isoformat() if row.announced_at else None,
        "opens_at": row.opens_at.isoformat(),
        "closed_at": row.closed_at.isoformat() if row.closed_at else None,
        "lots": entries,
    }
    return Minutes(content, sha256_hex(canonical_json(content)))


def _minute(session: Session, lot: Lot) -> dict[str, Any]:
    logged: Sequence[Entry] = list_log(session, lot_id=lot.id, after_seq=0, limit=1_000)
    result = queries.find_result(session, lot.id)
    return {
        "number": lot.number,
        "lot_id": str(lot.id),
        "state": lot.state.value,
        "result": result.kind.value if result else None,
        "price_minor": result.price_minor if result else None,
        "head_hash": lot.head_hash,
        "log": [orjson.loads(entry.document) for entry in logged],
    }
