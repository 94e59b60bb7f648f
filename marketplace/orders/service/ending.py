"""An order ends: completed by the transfer, cancelled, or defaulted."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.orders import queries
from marketplace.orders.domain import (
    ContractBinding,
    Fees,
    LinkedOrderDelivered,
    OrderDisputed,
    OrderState,
    Side,
    SourceKind,
    compute_shares,
)
from marketplace.orders.domain.orders import ENDED, ShareKind
from marketplace.orders.events import OrderCancelled, OrderCompleted, OrderDefaulted
from marketplace.orders.models import Order
from marketplace.orders.service import paying
from marketplace.orders.service.records import OrderView, announce, event_facts, move, side_of, view
from marketplace.payments import api as payments
from marketplace.vehicles import api as vehicles


def cancel_order(session: Session, *, order_id: UUID, reason: str, principal: Principal | None = None) -> OrderView:
    """Undo an order that was not handed over: money back, deposits free, the car in the window again. Twice is once.

    The other half of a trade-in is undone with it. Raises ``OrderStateRefused``, ``LinkedOrderDelivered``.
    """
    order, linked = queries.lock_linked(session, order_id)
    if order.state is OrderState.CANCELLED:
        return view(order)
    if linked is not None and linked.state in {OrderState.HANDED_OVER, OrderState.COMPLETED}:
        raise LinkedOrderDelivered
    for one in (order, linked):
        if one is not None and (one is order or one.state not in ENDED):
            _cancel(session, one, reason=reason, principal=principal)
    return view(order)


def _cancel(session: Session, order: Order, *, reason: str, principal: Principal | None) -> None:
    at = move(session, order, OrderState.CANCELLED)
    order.ended_at, order.end_reason = at, reason[:200]
    paying.unwind(session, order, reason=reason)
    listings.release_claim(session, vehicle_id=order.vehicle_id, holder_id=order.id)
    event = OrderCancelled(**event_facts(order, at), reason=reason)
    announce(session, order=order, event=event, act="order.cancel", principal=principal, reason=reason)


def call_off(session: Session, *, principal: Principal, order_id: UUID, reason: str) -> OrderView:
    """One side backs out before both have signed; afterwards only the market's people may. Raises ``ContractBinding``."""
    order, _linked = queries.lock_linked(session, order_id)
    if not principal.can("disputes.decide"):
        side_of(order, principal.party_id)
        if order.state is not OrderState.AWAITING_SIGNATURES:
            raise ContractBinding
    return cancel_order(session, order_id=order_id, reason=reason, principal=principal)


def default_order(session: Session, *, order_id: UUID, reason: str, by: Side = Side.BUYER, principal: Principal | None = None) -> OrderView:
    """One side broke the contract before paying or handing over. A buyer's deposits are forfeited, a seller's buyer gets his back.

    Raises ``OrderStateRefused``. Twice is once.
    """
    order = queries.lock_order(session, order_id)
    if order.state is OrderState.DEFAULTED:
        return view(order)
    at = move(session, order, OrderState.DEFAULTED)
    order.ended_at, order.end_reason = at, reason[:200]
    holds = paying.forfeit_deposits(session, order, reason=reason) if by is Side.BUYER else []
    paying.unwind(session, order, reason=reason)
    listings.release_claim(session, vehicle_id=order.vehicle_id, holder_id=order.id)
    event = OrderDefaulted(
        **event_facts(order, at),
        reason=reason,
        defaulter_id=order.buyer_id if by is Side.BUYER else order.seller_id,
        deposit_hold_ids=holds,
    )
    announce(session, order=order, event=event, act="order.default", principal=principal, reason=reason, facts={"by": by.value})
    return view(order)


def end_overdue(session: Session, *, order_id: UUID) -> None:
    """What the deadline sweep does with one order; money that has arrived saves it.

    An order from the store is cancelled. A lot's sale was made by the hammer: whoever did not sign or pay has broken it.
    """
    order, _linked = queries.lock_linked(session, order_id)
    now = clock.now(session)
    if order.state is OrderState.AWAITING_SIGNATURES and order.sign_by <= now:
        missing = set(Side) - set(queries.list_signatures(session, order_id))
        if order.source_kind is SourceKind.LOT:
            default_order(session, order_id=order_id, reason="unsigned", by=Side.BUYER if Side.BUYER in missing else Side.SELLER)
        else:
            cancel_order(session, order_id=order_id, reason="unsigned")
    elif order.state is OrderState.AWAITING_PAYMENT and order.pay_by <= now and not paying.is_paying(session, order):
        if order.source_kind is SourceKind.LOT:
            default_order(session, order_id=order_id, reason="unpaid", by=Side.BUYER)
        else:
            cancel_order(session, order_id=order_id, reason="unpaid")


def complete_transfer(session: Session, *, principal: Principal | None, order_id: UUID) -> OrderView:
    """The registration office has transferred the car: listings end as sold, the money is shared out. Twice is once.

    Called by aftercare in the transaction that moves the holding, before it. Raises ``OrderStateRefused``, ``OrderDisputed``.
    """
    order = queries.lock_order(session, order_id)
    if order.state is OrderState.COMPLETED:
        return view(order)
    if order.disputed_at is not None:
        raise OrderDisputed
    at = move(session, order, OrderState.COMPLETED)
    order.completed_at = order.ended_at = at
    car = vehicles.get_vehicle(session, vehicle_id=order.vehicle_id)
    listings.mark_sold(
        session, vehicle_id=order.vehicle_id, holder_id=order.id, price_minor=order.price_minor, price_kind=order.price_kind.value
    )
    event = OrderCompleted(
        **event_facts(order, at),
        segment=order.segment,
        city=order.city,
        days_in_stock=order.days_in_stock,
        seller_kind=order.seller_kind,
        brand=car.brand,
        series=car.series,
        model=car.model,
        model_year=car.model_year,
        first_registration_on=car.first_registration_on,
        odometer_km=car.odometer_km,
    )
    announce(session, order=order, event=event, act="order.complete", principal=principal)
    payments.settle(session, order_id=order.id, splits=_splits(session, order), principal=principal)
    return view(order)


def _splits(session: Session, order: Order) -> list[payments.Split]:
    """Who gets what the buyer paid; a commission earned by the market's own operator is the market's."""
    fees = Fees(order.buyer_fee_minor, order.seller_fee_minor, order.commission_minor)
    to = {
        ShareKind.PROCEEDS: (order.seller_id, payments.SplitKind.PROCEEDS),
        ShareKind.COMMISSION: (_agent(session, order), payments.SplitKind.COMMISSION),
        ShareKind.SELLER_FEE: (order.seller_fee_to, payments.SplitKind.COMMISSION),
        ShareKind.BUYER_FEE: (order.buyer_fee_to, payments.SplitKind.SERVICE_FEE),
        ShareKind.ADJUSTMENT: (order.buyer_id, payments.SplitKind.PROCEEDS),
    }
    shares = compute_shares(
        price_minor=order.price_minor, fees=fees, offset_minor=order.offset_minor, adjustment_minor=order.adjustment_minor
    )
    return [payments.Split(to[share.kind][0], share.amount_minor, to[share.kind][1]) for share in shares]


def _agent(session: Session, order: Order) -> UUID | None:
    if order.agent_id is None:
        return None
    agent = accounts.get_party(session, party_id=order.agent_id)
    return None if agent.organization_kind is accounts.OrganizationKind.MARKET_OPERATOR else agent.id
