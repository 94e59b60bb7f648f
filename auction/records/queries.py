"""Every SELECT of records."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from auction.bidding.models import Registration
from auction.lots.models import Lot, Mandate
from auction.settlement.models import AuctionResult, Confirmation
from marketplace.core.db import Session


def list_mandates(session: Session, *, session_id: UUID) -> Sequence[Mandate]:
    return session.exec(
        select(Mandate).join(Lot, col(Lot.id) == col(Mandate.lot_id)).where(Lot.session_id == session_id).order_by(col(Lot.number))
    ).all()


def list_results(session: Session, *, session_id: UUID) -> Sequence[AuctionResult]:
    return session.exec(
        select(AuctionResult)
        .join(Lot, col(Lot.id) == col(AuctionResult.lot_id))
        .where(Lot.session_id == session_id)
        .order_by(col(Lot.number))
    ).all()


def list_confirmations(session: Session, *, session_id: UUID) -> Sequence[Confirmation]:
    return session.exec(
        select(Confirmation)
        .join(Lot, col(Lot.id) == col(Confirmation.lot_id))
        .where(Lot.session_id == session_id)
        .order_by(col(Lot.number))
    ).all()


def list_registrations(session: Session, *, session_id: UUID) -> Sequence[Registration]:
    return session.exec(
        select(Registration)
        .join(Lot, col(Lot.id) == col(Registration.lot_id))
        .where(Lot.session_id == session_id)
        .order_by(col(Lot.number), col(Registration.id))
    ).all()
