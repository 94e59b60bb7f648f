"""Every SELECT of settlement."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.bidding.domain import RegistrationState
from auction.bidding.models import LogEntry, Registration
from auction.lots.models import Lot
from auction.lots.queries import AHEAD, LIVE
from auction.settlement.models import AuctionResult, Confirmation
from marketplace.core.db import Session


def find_registration(session: Session, *, lot_id: UUID, party_id: UUID) -> Registration | None:
    return session.exec(select(Registration).where(Registration.lot_id == lot_id, Registration.party_id == party_id)).first()


def list_lots_of_party(session: Session, *, party_id: UUID) -> Sequence[UUID]:
    """Lots that are not over on which the party may bid, or might but for its suspension; in the order of ids."""
    states = (RegistrationState.REGISTERED, RegistrationState.SUSPENDED)
    return session.exec(
        select(Lot.id)
        .join(Registration, col(Registration.lot_id) == col(Lot.id))
        .where(Registration.party_id == party_id, col(Registration.state).in_(states), col(Lot.state).in_((*AHEAD, *LIVE)))
        .order_by(col(Lot.id))
    ).all()


def find_lot_of_hold(session: Session, *, hold_id: UUID) -> UUID | None:
    return session.exec(select(Registration.lot_id).where(Registration.hold_id == hold_id)).first()


def lock_registration_of_hold(session: Session, *, hold_id: UUID) -> Registration | None:
    """Under the lot's lock."""
    return session.exec(
        select(Registration).where(Registration.hold_id == hold_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def lock_registrations(session: Session, *, lot_id: UUID) -> Sequence[Registration]:
    """A lot's registrations in the order of ids, under the lot's lock."""
    return session.exec(
        select(Registration)
        .where(Registration.lot_id == lot_id)
        .order_by(col(Registration.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def list_lots_of_line(session: Session, *, line_id: UUID) -> Sequence[UUID]:
    return session.exec(select(Registration.lot_id).where(Registration.line_id == line_id).order_by(col(Registration.lot_id))).all()


def find_registration_of_line(session: Session, *, lot_id: UUID, line_id: UUID) -> Registration | None:
    """Under the lot's lock."""
    return session.exec(
        select(Registration)
        .where(Registration.lot_id == lot_id, Registration.line_id == line_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def list_pseudonyms(session: Session, *, lot_id: UUID) -> set[str]:
    return set(session.exec(select(Registration.pseudonym).where(Registration.lot_id == lot_id)))


def list_registrations_of(session: Session, *, party_id: UUID, limit: int) -> Sequence[Registration]:
    """A party's own, newest first."""
    return session.exec(
        select(Registration).where(Registration.party_id == party_id).order_by(col(Registration.id).desc()).limit(limit)
    ).all()


def list_bids_of(session: Session, *, registration_ids: Sequence[UUID], limit: int) -> Sequence[LogEntry]:
    """Bids of some registrations, by lot and seq."""
    return session.exec(
        select(LogEntry)
        .where(col(LogEntry.registration_id).in_(registration_ids))
        .order_by(col(LogEntry.lot_id), col(LogEntry.seq))
        .limit(limit)
    ).all()


def count_unfinished_of(session: Session, *, consignor_id: UUID) -> int:
    """A consignor's lots that may still be sold."""
    statement = select(sa.func.count()).select_from(Lot)
    return session.exec(statement.where(Lot.consignor_id == consignor_id, col(Lot.state).in_((*AHEAD, *LIVE)))).one()


def find_result(session: Session, lot_id: UUID) -> AuctionResult | None:
    return session.get(AuctionResult, lot_id)


def find_result_of_order(session: Session, *, order_id: UUID) -> AuctionResult | None:
    return session.exec(select(AuctionResult).where(AuctionResult.order_id == order_id)).first()


def lock_result_of_order(session: Session, *, order_id: UUID) -> AuctionResult | None:
    return session.exec(
        select(AuctionResult).where(AuctionResult.order_id == order_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def lock_confirmation(session: Session, lot_id: UUID) -> Confirmation | None:
    return session.exec(
        select(Confirmation).where(Confirmation.lot_id == lot_id).with_for_update().execution_options(populate_existing=True)
    ).first()
