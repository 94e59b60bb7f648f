"""Every SELECT of trade-ins."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain.trade_ins import OPEN_TRADE_INS, TradeInState
from marketplace.sourcing.models.trade_ins import TradeIn, TradeInProof


def find_trade_in(session: Session, trade_in_id: UUID) -> TradeIn | None:
    return session.get(TradeIn, trade_in_id)


def lock_trade_in(session: Session, trade_in_id: UUID) -> TradeIn | None:
    return session.exec(
        select(TradeIn).where(TradeIn.id == trade_in_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_open_of_vehicle(session: Session, vehicle_id: UUID) -> TradeIn | None:
    return session.exec(select(TradeIn).where(TradeIn.vehicle_id == vehicle_id, col(TradeIn.state).in_(OPEN_TRADE_INS))).first()


def find_of_order(session: Session, order_id: UUID) -> TradeIn | None:
    return session.exec(select(TradeIn).where(sa.or_(col(TradeIn.old_order_id) == order_id, col(TradeIn.new_order_id) == order_id))).first()


def list_of_party(session: Session, *, party_id: UUID, paging: PageQuery) -> Sequence[TradeIn]:
    """As owner or dealer, newest first; up to ``limit + 1``."""
    return session.exec(
        select(TradeIn)
        .where(
            sa.or_(col(TradeIn.owner_id) == party_id, col(TradeIn.dealer_id) == party_id),
            paging.where_after(col(TradeIn.id), descending=True),
        )
        .order_by(col(TradeIn.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_all_of_owner(session: Session, party_id: UUID) -> list[TradeIn]:
    return list(session.exec(select(TradeIn).where(TradeIn.owner_id == party_id).order_by(col(TradeIn.id))))


def list_lapsed(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    waiting = col(TradeIn.state).in_((TradeInState.ASKED, TradeInState.OFFERED))
    return list(session.exec(select(TradeIn.id).where(waiting, TradeIn.valid_until <= now).order_by(col(TradeIn.id)).limit(limit)))


def list_proofs(session: Session, trade_in_id: UUID) -> list[TradeInProof]:
    return list(session.exec(select(TradeInProof).where(TradeInProof.trade_in_id == trade_in_id).order_by(col(TradeInProof.kind))))


def count_other_completed(session: Session, *, owner_id: UUID, but: UUID, first: date, last: date) -> int:
    """Trade-ins of the same person whose new car counted in the period."""
    counted = select(sa.func.count()).select_from(TradeIn)
    return session.exec(
        counted.where(
            TradeIn.owner_id == owner_id,
            TradeIn.id != but,
            TradeIn.state == TradeInState.COMPLETED,
            col(TradeIn.new_car).is_not(None),
            col(TradeIn.new_bought_on) >= first,
            col(TradeIn.new_bought_on) <= last,
        )
    ).one()
