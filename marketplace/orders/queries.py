"""Every SELECT of orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.orders.domain import OrderNotFound, OrderState, Side
from marketplace.orders.models import Order, OrderConfirmation, OrderDeposit, OrderHandover, OrderSignature


def get_order(session: Session, order_id: UUID) -> Order:
    """Raises ``OrderNotFound``."""
    found = session.get(Order, order_id)
    if found is None:
        raise OrderNotFound
    return found


def lock_order(session: Session, order_id: UUID) -> Order:
    """Raises ``OrderNotFound``."""
    found = session.exec(select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)).first()
    if found is None:
        raise OrderNotFound
    return found


def lock_linked(session: Session, order_id: UUID) -> tuple[Order, Order | None]:
    """An order and the other half of its trade-in, both locked in the order of ids. Raises ``OrderNotFound``."""
    linked_id = get_order(session, order_id).linked_order_id  # set when the two are made, never changed
    if linked_id is None:
        return lock_order(session, order_id), None
    found = {one: lock_order(session, one) for one in sorted((order_id, linked_id))}
    return found[order_id], found[linked_id]


def list_orders(session: Session, *, party_id: UUID, side: Side | None, paging: PageQuery) -> Sequence[Order]:
    """A party's orders, newest first; a consignee sees those of his consignors."""
    sells = sa.or_(col(Order.seller_id) == party_id, col(Order.agent_id) == party_id)
    buys = col(Order.buyer_id) == party_id
    mine = {Side.SELLER: sells, Side.BUYER: buys, None: sa.or_(sells, buys)}[side]
    return session.exec(
        select(Order).where(mine, paging.where_after(col(Order.id), descending=True)).order_by(col(Order.id).desc()).limit(paging.limit + 1)
    ).all()


def list_overdue(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """Orders whose signatures or payment are late, oldest first."""
    late = sa.or_(
        sa.and_(col(Order.state) == OrderState.AWAITING_SIGNATURES, col(Order.sign_by) <= now),
        sa.and_(col(Order.state) == OrderState.AWAITING_PAYMENT, col(Order.pay_by) <= now),
    )
    return list(session.exec(select(Order.id).where(late).order_by(col(Order.id)).limit(limit)))


def find_order_of_source(session: Session, *, source_id: UUID) -> Order | None:
    """The latest order that came from a lot or listing."""
    return session.exec(select(Order).where(Order.source_id == source_id).order_by(col(Order.id).desc()).limit(1)).first()


def list_deposit_ids(session: Session, order_id: UUID) -> list[UUID]:
    return list(session.exec(select(OrderDeposit.hold_id).where(OrderDeposit.order_id == order_id).order_by(col(OrderDeposit.hold_id))))


def list_order_ids_of_hold(session: Session, hold_id: UUID) -> list[UUID]:
    return list(session.exec(select(OrderDeposit.order_id).where(OrderDeposit.hold_id == hold_id).order_by(col(OrderDeposit.order_id))))


def list_signatures(session: Session, order_id: UUID) -> dict[Side, OrderSignature]:
    return {row.side: row for row in session.exec(select(OrderSignature).where(OrderSignature.order_id == order_id))}


def list_handovers(session: Session, order_id: UUID) -> dict[Side, OrderHandover]:
    return {row.side: row for row in session.exec(select(OrderHandover).where(OrderHandover.order_id == order_id))}


def list_confirmations(session: Session, order_id: UUID) -> list[OrderConfirmation]:
    return list(session.exec(select(OrderConfirmation).where(OrderConfirmation.order_id == order_id).order_by(col(OrderConfirmation.code))))


def list_of_party(session: Session, party_id: UUID) -> list[Order]:
    return list(
        session.exec(select(Order).where(sa.or_(col(Order.seller_id) == party_id, col(Order.buyer_id) == party_id)).order_by(col(Order.id)))
    )
