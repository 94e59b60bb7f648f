"""Every SELECT of the live lane."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.lanes.models import Paddle
from auction.lots.domain import LotPhase
from auction.lots.models import Lot
from auction.lots.queries import LIVE
from marketplace.core.db import Session


def find_up(session: Session, *, session_id: UUID, lane: int) -> Lot | None:
    """The lot that is up in a lane."""
    return session.exec(select(Lot).where(Lot.session_id == session_id, Lot.lane == lane, col(Lot.state).in_(LIVE))).first()


def find_next_id(session: Session, *, session_id: UUID, lane: int) -> UUID | None:
    """The first lot of a lane's run list that has not been up."""
    return session.exec(
        select(Lot.id)
        .where(Lot.session_id == session_id, Lot.lane == lane, Lot.state == LotPhase.ANNOUNCED)
        .order_by(col(Lot.number))
        .limit(1)
    ).first()


def list_run(session: Session, *, session_id: UUID, limit: int) -> Sequence[Lot]:
    """What is up and what is ahead, by lane and number."""
    return session.exec(
        select(Lot)
        .where(Lot.session_id == session_id, col(Lot.state).in_((LotPhase.ANNOUNCED, *LIVE)))
        .order_by(col(Lot.lane), col(Lot.number))
        .limit(limit)
    ).all()


def find_paddle(session: Session, *, session_id: UUID, party_id: UUID) -> Paddle | None:
    return session.exec(select(Paddle).where(Paddle.session_id == session_id, Paddle.party_id == party_id)).first()


def find_number(session: Session, *, session_id: UUID, number: int) -> Paddle | None:
    return session.get(Paddle, (session_id, number))


def next_paddle(session: Session, *, session_id: UUID) -> int:
    """The next number; ask under the session's lock."""
    return (session.exec(select(sa.func.max(Paddle.number)).where(Paddle.session_id == session_id)).one() or 0) + 1


def list_paddles_of(session: Session, *, party_id: UUID, limit: int) -> Sequence[Paddle]:
    return session.exec(select(Paddle).where(Paddle.party_id == party_id).order_by(col(Paddle.given_at).desc()).limit(limit)).all()
