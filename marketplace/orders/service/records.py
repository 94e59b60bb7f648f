"""From rows to what others see, and what every change of an order leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.orders.domain import ContractKind, OrderNotFound, OrderState, PriceKind, Side, SourceKind, check_move
from marketplace.orders.events import OrderEvent, order_key
from marketplace.orders.models import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """An order as features see it. Amounts in fen; the buyer pays ``price_minor + buyer_fee_minor``, less what is set off."""

    id: UUID
    number: str
    vehicle_id: UUID
    seller_id: UUID
    buyer_id: UUID
    agent_id: UUID | None
    channel: str
    source_kind: SourceKind
    source_id: UUID
    price_minor: int
    price_kind: PriceKind
    buyer_fee_minor: int
    seller_fee_minor: int
    seller_fee_to: UUID | None
    commission_minor: int
    linked_order_id: UUID | None
    offset_minor: int
    buyer_city: str | None
    state: OrderState
    contract_kind: ContractKind
    contract_hash: str
    seller_kind: str
    segment: str
    city: str
    days_in_stock: int
    payment_id: UUID | None
    opened_at: datetime
    sign_by: datetime
    pay_by: datetime
    paid_at: datetime | None
    handed_over_at: datetime | None
    completed_at: datetime | None
    end_reason: str | None
    adjustment_minor: int = 0
    disputed_at: datetime | None = None

    @property
    def total_minor(self) -> int:
        """What the buyer pays in all, in money."""
        return self.price_minor + self.buyer_fee_minor - self.offset_minor


def view(order: Order) -> OrderView:
    return OrderView(
        id=order.id,
        number=order.number,
        vehicle_id=order.vehicle_id,
        seller_id=order.seller_id,
        buyer_id=order.buyer_id,
        agent_id=order.agent_id,
        channel=order.channel,
        source_kind=order.source_kind,
        source_id=order.source_id,
        price_minor=order.price_minor,
        price_kind=order.price_kind,
        buyer_fee_minor=order.buyer_fee_minor,
        seller_fee_minor=order.seller_fee_minor,
        seller_fee_to=order.seller_fee_to,
        commission_minor=order.commission_minor,
        linked_order_id=order.linked_order_id,
        offset_minor=order.offset_minor,
        buyer_city=order.buyer_city,
        state=order.state,
        contract_kind=order.contract_kind,
        contract_hash=order.contract_hash,
        seller_kind=order.seller_kind,
        segment=order.segment,
        city=order.city,
        days_in_stock=order.days_in_stock,
        payment_id=order.payment_id,
        opened_at=order.opened_at,
        sign_by=order.sign_by,
        pay_by=order.pay_by,
        paid_at=order.paid_at,
        handed_over_at=order.handed_over_at,
        completed_at=order.completed_at,
        end_reason=order.end_reason,
        adjustment_minor=order.adjustment_minor,
        disputed_at=order.disputed_at,
    )


def event_facts(order: Order, at: datetime) -> dict[str, Any]:
    """What every event of an order says."""
    return {
        "order_id": order.id,
        "vehicle_id": order.vehicle_id,
        "seller_id": order.seller_id,
        "buyer_id": order.buyer_id,
        "channel": order.channel,
        "source_kind": order.source_kind,
        "source_id": order.source_id,
        "price_minor": order.price_minor,
        "price_kind": order.price_kind,
        "state": order.state,
        "at": at,
    }


def move(session: Session, order: Order, to: OrderState, *, is_decided: bool = False) -> datetime:
    """Change the state of a locked order; returns the instant. Raises ``OrderStateRefused``."""
    check_move(order.state, to, is_decided=is_decided)
    order.state = to
    session.add(order)
    return clock.now(session)


def announce(
    session: Session,
    *,
    order: Order,
    event: OrderEvent,
    act: str,
    principal: Principal | None,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Flush, tell others, and write the audit trail."""
    session.add(order)
    session.flush()
    outbox.append(session, event, key=order_key(order.id))
    record(session, order, act=act, principal=principal, reason=reason, facts=facts)


def record(
    session: Session,
    order: Order,
    *,
    act: str,
    principal: Principal | None,
    reason: str | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="order",
        object_id=order.id,
        reason=reason,
        facts={"state": order.state.value, "price_minor": order.price_minor} | (facts or {}),
    )


def side_of(order: Order, party_id: UUID) -> Side:
    """Which side a party is on; a consignee stands on the seller's. Raises ``OrderNotFound``: existence must not leak."""
    if party_id == order.buyer_id:
        return Side.BUYER
    if party_id in {order.seller_id, order.agent_id}:
        return Side.SELLER
    raise OrderNotFound
