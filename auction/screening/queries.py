"""Every SELECT of screening: aggregates over a bounded window."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.bidding.models import EntryKind, LogEntry, Registration
from auction.lots.models import AuctionSession, Lot
from auction.screening.domain import Screen
from auction.screening.models import Screening, ScreeningFinding
from auction.sessions.domain import SessionState
from auction.settlement.models import AuctionResult
from marketplace.core.db import Session


def list_unscreened(session: Session, *, since: datetime, limit: int) -> Sequence[UUID]:
    """Closed sessions that nobody has looked at yet, oldest first."""
    statement = (
        select(AuctionSession.id)
        .outerjoin(Screening, col(Screening.session_id) == col(AuctionSession.id))
        .where(AuctionSession.state == SessionState.CLOSED, col(AuctionSession.closed_at) >= since, col(Screening.session_id).is_(None))
    )
    return session.exec(statement.order_by(col(AuctionSession.id)).limit(limit)).all()


def lock_session(session: Session, session_id: UUID) -> AuctionSession:
    return session.get_one(AuctionSession, session_id, with_for_update=True, populate_existing=True)


def find_screening(session: Session, session_id: UUID) -> Screening | None:
    return session.get(Screening, session_id)


def list_ended(session: Session, *, since: datetime, until: datetime, limit: int) -> Sequence[tuple[UUID, UUID, UUID, UUID | None]]:
    """(lot, session, consignor, winner) of the newest lots that ended in the period."""
    statement = (
        select(Lot.id, Lot.session_id, Lot.consignor_id, AuctionResult.winner_id)
        .join(AuctionResult, col(AuctionResult.lot_id) == col(Lot.id))
        .where(AuctionResult.closed_at >= since, AuctionResult.closed_at <= until)
    )
    return session.exec(statement.order_by(col(AuctionResult.closed_at).desc(), col(Lot.id)).limit(limit)).all()


def list_bid_counts(session: Session, *, lot_ids: Collection[UUID]) -> Sequence[tuple[UUID, UUID, str, int]]:
    """(lot, party, pseudonym, bids) of these lots."""
    statement = (
        select(LogEntry.lot_id, Registration.party_id, Registration.pseudonym, sa.func.count())
        .join(Registration, col(Registration.id) == col(LogEntry.registration_id))
        .where(col(LogEntry.lot_id).in_(lot_ids), LogEntry.kind == EntryKind.BID)
        .group_by(col(LogEntry.lot_id), col(Registration.party_id), col(Registration.pseudonym))
    )
    return session.exec(statement).all()


def find_earlier(session: Session, *, screen: Screen, first_id: UUID, second_id: UUID, since: datetime) -> ScreeningFinding | None:
    """The same finding within the period: its case stands already."""
    statement = select(ScreeningFinding).where(
        ScreeningFinding.screen == screen,
        ScreeningFinding.first_id == first_id,
        ScreeningFinding.second_id == second_id,
        ScreeningFinding.found_at >= since,
    )
    return session.exec(statement).first()
