"""Which terms hold, and what a house declares beforehand not to guarantee."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from auction.arbitration import queries
from auction.arbitration.domain import DefectClass, LotAnnounced, Terms, check_exclusion
from auction.arbitration.models import FlawExclusion
from auction.lots import queries as lots
from auction.lots.domain import LotPhase, LotUnknown
from auction.lots.models import AuctionSession, Lot
from auction.sessions.domain import LegalMode
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.rules import RuleTable, load
from marketplace.core.security import Principal

_TABLES = Path(__file__).parent.parent / "tables"
_BEFORE_NOTICE = frozenset({LotPhase.DRAFT, LotPhase.MANDATED})


def table(at: datetime) -> RuleTable:
    """The table of an instant's day."""
    return load(_TABLES / "arbitration.toml", on=clock.shanghai_day(at))


def terms_of(session: Session, *, lot: Lot, at: datetime, is_negotiated: bool = False) -> Terms:
    """A lot's terms; what was agreed after the hammer is a contract of its own, outside the auction law."""
    row = session.get_one(AuctionSession, lot.session_id)
    is_statutory = row.legal_mode is LegalMode.STATUTORY_AUCTION and not is_negotiated
    return Terms.from_values(table(at).values, is_statutory=is_statutory)


def excluded_of(session: Session, *, lot_id: UUID) -> frozenset[DefectClass]:
    found = queries.find_exclusion(session, lot_id=lot_id)
    return frozenset() if found is None else frozenset(DefectClass(one) for one in found.classes)


def exclude_flaws(session: Session, *, principal: Principal, lot_id: UUID, classes: Sequence[DefectClass], text: str) -> FlawExclusion:
    """The house declares, before the notice, which classes are not guaranteed (拍卖法 61). The same twice is once.

    Raises ``LotUnknown``, ``LotAnnounced``, ``NotExcludable``.
    """
    lot = lots.lock_lot(session, lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    if principal.party_id != row.house_id:
        raise LotUnknown
    wanted = sorted({one.value for one in classes})
    known = queries.find_exclusion(session, lot_id=lot_id)
    if known is not None and (known.classes, known.text) == (wanted, text):
        return known
    if lot.state not in _BEFORE_NOTICE or known is not None:
        raise LotAnnounced
    at = clock.now(session)
    check_exclusion(classes, terms_of(session, lot=lot, at=at))
    found = FlawExclusion(lot_id=lot_id, classes=wanted, text=text, declared_by=principal.id, at=at)
    session.add(found)
    session.flush()
    audit.record(session, principal=principal, act="lot.exclude_flaws", object_kind="lot", object_id=lot_id, facts={"classes": wanted})
    return found
