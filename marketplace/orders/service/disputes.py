"""A claim about a car that was handed over: the order stands still until it is decided, then goes on, cheaper, or is undone."""

from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.orders import queries
from marketplace.orders.domain import AdjustmentAboveProceeds, LinkedOrderDelivered, OrderDisputed, OrderNotDisputable, OrderState
from marketplace.orders.domain.orders import ENDED
from marketplace.orders.events import DisputeEnded, DisputeOpened, OrderCancelled
from marketplace.orders.models import Order
from marketplace.orders.service import paying
from marketplace.orders.service.records import OrderView, announce, event_facts, move, view


def dispute_order(session: Session, *, order_id: UUID, principal: Principal | None = None) -> OrderView:
    """Stop a car that was handed over from being transferred and its money from being paid out. A completed order stays as it is.

    Raises ``OrderNotFound``, ``OrderNotDisputable``: not handed over, or disputed already.
    """
    order = queries.lock_order(session, order_id)
    if order.state is OrderState.COMPLETED:
        return view(order)
    if order.state is not OrderState.HANDED_OVER or order.disputed_at is not None:
        raise OrderNotDisputable(state=order.state.value)
    at = order.disputed_at = clock.now(session)
    event = DisputeOpened(**event_facts(order, at))
    announce(session, order=order, event=event, act="order.dispute", principal=principal)
    return view(order)


def end_dispute(session: Session, *, order_id: UUID, adjustment_minor: int = 0, principal: Principal | None = None) -> OrderView:
    """The order goes on; ``adjustment_minor`` (fen) more of the proceeds goes back to the buyer when it is settled.

    For a disputed order; without a dispute nothing happens. Raises ``OrderNotFound``, ``AdjustmentAboveProceeds``.
    """
    order = queries.lock_order(session, order_id)
    if order.disputed_at is None:
        return view(order)
    left = proceeds_of(order)
    if adjustment_minor > left:
        raise AdjustmentAboveProceeds(proceeds_minor=left)
    order.disputed_at = None
    order.adjustment_minor += adjustment_minor
    event = DisputeEnded(**event_facts(order, clock.now(session)), adjustment_minor=order.adjustment_minor)
    facts = {"adjustment_minor": order.adjustment_minor}
    announce(session, order=order, event=event, act="order.end_dispute", principal=principal, facts=facts)
    return view(order)


def proceeds_of(order: Order) -> int:
    """What is left for the seller, in fen."""
    return order.price_minor - order.offset_minor - order.seller_fee_minor - order.commission_minor - order.adjustment_minor


def unwind_order(session: Session, *, order_id: UUID, reason: str, principal: Principal) -> OrderView:
    """Undo a disputed order: all the buyer paid goes back to him, the car to the seller. Only by a decision.

    Raises ``OrderNotFound``, ``OrderStateRefused``, ``OrderNotDisputable``, ``LinkedOrderDelivered``: one half of a trade-in is not undone
    alone once the other was handed over.
    """
    order, linked = queries.lock_linked(session, order_id)
    if order.disputed_at is None:
        raise OrderNotDisputable(state=order.state.value)
    if linked is not None and linked.state not in ENDED - {OrderState.COMPLETED}:
        raise LinkedOrderDelivered
    order.disputed_at = None
    at = move(session, order, OrderState.CANCELLED, is_decided=True)
    order.ended_at, order.end_reason = at, reason[:200]
    paying.unwind(session, order, reason=reason)
    listings.release_claim(session, vehicle_id=order.vehicle_id, holder_id=order.id)
    event = OrderCancelled(**event_facts(order, at), reason=reason)
    announce(session, order=order, event=event, act="order.unwind", principal=principal, reason=reason)
    return view(order)


def require_undisputed(session: Session, *, order_id: UUID) -> None:
    """Raises ``OrderNotFound``, ``OrderDisputed``."""
    if queries.get_order(session, order_id).disputed_at is not None:
        raise OrderDisputed
