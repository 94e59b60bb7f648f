"""Every SELECT of negotiating."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.bidding.models import LogEntry, Registration
from auction.negotiation.domain import NegotiationState
from auction.negotiation.models import Negotiation, NegotiationMove
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def find_negotiation(session: Session, negotiation_id: UUID) -> Negotiation | None:
    return session.get(Negotiation, negotiation_id)


def lock_negotiation(session: Session, negotiation_id: UUID) -> Negotiation | None:
    """Behind the lot's lock."""
    return session.exec(
        select(Negotiation).where(Negotiation.id == negotiation_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_open(session: Session, *, lot_id: UUID) -> Negotiation | None:
    return session.exec(select(Negotiation).where(Negotiation.lot_id == lot_id, Negotiation.state == NegotiationState.OPEN)).first()


def find_agreed(session: Session, *, lot_id: UUID) -> Negotiation | None:
    """The newest that ended in an order."""
    statement = select(Negotiation).where(Negotiation.lot_id == lot_id, Negotiation.state == NegotiationState.AGREED)
    return session.exec(statement.order_by(col(Negotiation.id).desc())).first()


def list_of_lot(session: Session, *, lot_id: UUID) -> Sequence[Negotiation]:
    return session.exec(select(Negotiation).where(Negotiation.lot_id == lot_id).order_by(col(Negotiation.id))).all()


def list_of_party(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[Negotiation]:
    """A party's own on either side, newest first."""
    statement = select(Negotiation).where(sa.or_(col(Negotiation.consignor_id) == party_id, col(Negotiation.bidder_id) == party_id))
    behind = page.where_after(Negotiation.id, descending=True)
    return session.exec(statement.where(behind).order_by(col(Negotiation.id).desc()).limit(page.limit + 1)).all()


def list_due(session: Session, *, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """(negotiation, lot) whose time for an answer is over."""
    statement = select(Negotiation.id, Negotiation.lot_id).where(Negotiation.state == NegotiationState.OPEN, Negotiation.answer_by <= now)
    return session.exec(statement.order_by(col(Negotiation.answer_by)).limit(limit)).all()


def list_moves(session: Session, negotiation_id: UUID) -> Sequence[NegotiationMove]:
    return session.exec(
        select(NegotiationMove).where(NegotiationMove.negotiation_id == negotiation_id).order_by(col(NegotiationMove.seq))
    ).all()


def find_bidder(session: Session, *, lot_id: UUID, pseudonym: str) -> Registration | None:
    return session.exec(select(Registration).where(Registration.lot_id == lot_id, Registration.pseudonym == pseudonym)).first()


def find_own_bid(session: Session, *, registration_id: UUID) -> int | None:
    """The most a bidder bid on a lot; None when he never did."""
    return session.exec(select(sa.func.max(LogEntry.maximum_minor)).where(LogEntry.registration_id == registration_id)).one()
