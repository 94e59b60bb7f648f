"""What other features may ask of auctions. Frozen views out; every call takes the caller's session."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from auction.arbitration.service import personal_data as arbitration_data
from auction.bidding.service import place_bids
from auction.lots import queries
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.models import Lot
from auction.sessions.domain import LegalMode, SessionMode, SessionState
from auction.settlement.service import personal_data
from auction.watching.service import personal_data as watching_data
from marketplace.api import accounts
from marketplace.core.db import Session


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot as everybody may see it; fen. ``leader`` is a pseudonym."""

    id: UUID
    session_id: UUID
    vehicle_id: UUID
    number: int
    title: str
    state: LotPhase
    start_minor: int
    price_minor: int | None
    leader: str | None
    seq: int
    opens_at: datetime
    ends_at: datetime


def lot_view(row: Lot) -> LotView:
    return LotView(
        id=row.id,
        session_id=row.session_id,
        vehicle_id=row.vehicle_id,
        number=row.number,
        title=row.title,
        state=row.state,
        start_minor=row.start_minor,
        price_minor=row.price_minor,
        leader=row.leader_pseudonym,
        seq=row.seq,
        opens_at=row.opens_at,
        ends_at=row.ends_at,
    )


def find_open_lot(session: Session, *, vehicle_id: UUID) -> LotView | None:
    """The open lot of a car, if there is one."""
    row = queries.find_open_lot(session, vehicle_id=vehicle_id)
    return None if row is None else lot_view(row)


def get_lot(session: Session, *, lot_id: UUID) -> LotView:
    """Raises ``LotUnknown``."""
    return lot_view(queries.get_lot(session, lot_id))


def _export(session: Session, party_id: UUID) -> dict[str, Any]:
    return personal_data.export(session, party_id) | watching_data.export(session, party_id)


def _erase(session: Session, party_id: UUID) -> accounts.ErasureReport:
    """The records stay as long as the law says, the watch list goes."""
    kept = personal_data.erase(session, party_id)
    return accounts.ErasureReport(erased=kept.erased + watching_data.erase(session, party_id).erased, kept=kept.kept)


PERSONAL_DATA = accounts.PersonalData(feature="auction", export=_export, erase=_erase)
ARBITRATION_DATA = accounts.PersonalData(feature="arbitration", export=arbitration_data.export, erase=arbitration_data.erase)

__all__ = [
    "ARBITRATION_DATA",
    "PERSONAL_DATA",
    "LegalMode",
    "LotPhase",
    "LotView",
    "ReserveKind",
    "SessionMode",
    "SessionState",
    "find_open_lot",
    "get_lot",
    "place_bids",
]
