"""The money of an order: what is still to be asked for, deposits that count to the price, and when it is all there."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.orders import queries
from marketplace.orders.domain import OrderState
from marketplace.orders.events import OrderPaid
from marketplace.orders.models import Order
from marketplace.orders.service.records import announce, event_facts, move
from marketplace.payments import api as payments
from marketplace.payments.api import HoldState, HoldView, PaymentState

PURPOSE = "order"
_COMING = frozenset({HoldState.HELD, HoldState.REQUESTED})


def total_of(order: Order) -> int:
    """What the buyer pays in all, in fen; what is set off against another order is not money."""
    return order.price_minor + order.buyer_fee_minor - order.offset_minor


def _deposits(session: Session, order: Order) -> list[HoldView]:
    return [payments.get_hold(session, hold_id=hold_id) for hold_id in queries.list_deposit_ids(session, order.id)]


def ask(session: Session, order: Order) -> None:
    """Ask the buyer for what neither escrow nor deposits cover; when that is nothing, take the deposits."""
    there = payments.escrow_balance(session, order_id=order.id)
    deposits = _deposits(session, order)
    coming = sum(one.amount_minor for one in deposits if one.state in _COMING)
    taking = [one for one in deposits if one.state is HoldState.CAPTURING]
    if taking:
        return
    missing = total_of(order) - there - coming
    if total_of(order) == there and not deposits:
        _pay(session, order)  # all of it is set off
        return
    due = [one for one in _payments(session, order) if one.state is PaymentState.DUE]
    if missing <= 0:
        for one in due:
            payments.cancel_payment(session, payment_id=one.id)
        _take_deposits(session, order, deposits, total_of(order) - there)
        return
    if any(one.amount_minor == missing for one in due):
        return
    for one in due:
        payments.cancel_payment(session, payment_id=one.id)
    session.flush()
    payment = payments.request_payment(session, payer_id=order.buyer_id, amount_minor=missing, purpose_kind=PURPOSE, purpose_id=order.id)
    order.payment_id = payment.id
    session.add(order)


def due_minor(session: Session, order: Order) -> int:
    """What neither escrow nor deposits that count to the price cover, in fen."""
    coming = sum(one.amount_minor for one in _deposits(session, order) if one.state in _COMING)
    return max(total_of(order) - payments.escrow_balance(session, order_id=order.id) - coming, 0)


def _payments(session: Session, order: Order) -> list[payments.PaymentView]:
    return payments.list_payments_for(session, purpose_kind=PURPOSE, purpose_id=order.id)


def _take_deposits(session: Session, order: Order, deposits: list[HoldView], missing_minor: int) -> None:
    """Deposits count to the price; what is not needed of the last one goes back, a hold not needed at all too."""
    for one in deposits:
        if one.state is not HoldState.HELD:
            continue
        part = min(one.amount_minor, missing_minor)
        if part > 0:
            payments.capture_hold(session, hold_id=one.id, order_id=order.id, amount_minor=part)
            missing_minor -= part
        else:
            payments.release_hold(session, hold_id=one.id, reason="not_needed")


def hear_money(session: Session, *, order_id: UUID, payment_id: UUID | None = None) -> None:
    """Money came in, or a deposit changed: see whether the order is paid. Runs twice and in any order without harm."""
    order = queries.lock_order(session, order_id)
    if order.state in {OrderState.CANCELLED, OrderState.DEFAULTED}:
        _give_back(session, order, payment_id)
    elif order.state is OrderState.AWAITING_PAYMENT:
        _see(session, order)


def _see(session: Session, order: Order) -> None:
    if payments.escrow_balance(session, order_id=order.id) < total_of(order):
        ask(session, order)
        return
    _pay(session, order)


def _pay(session: Session, order: Order) -> None:
    at = move(session, order, OrderState.PAID)
    order.paid_at = at
    announce(
        session,
        order=order,
        event=OrderPaid(**event_facts(order, at)),
        act="order.pay",
        principal=None,
        facts={"total_minor": total_of(order)},
    )


def _give_back(session: Session, order: Order, payment_id: UUID | None) -> None:
    """The order ended while the money was on its way."""
    if payment_id is not None and payments.get_payment(session, payment_id=payment_id).state is PaymentState.PAID:
        payments.refund(session, payment_id=payment_id, reason=order.end_reason or "order_ended")
    payments.return_escrow(session, order_id=order.id, party_id=order.buyer_id)


def unwind(session: Session, order: Order, *, reason: str) -> None:
    """Cancel what is due, refund what is paid, release what is held, return what was captured."""
    for one in _payments(session, order):
        if one.state is PaymentState.DUE:
            payments.cancel_payment(session, payment_id=one.id)
        elif one.state is PaymentState.PAID:
            payments.refund(session, payment_id=one.id, reason=reason)
    for hold in _deposits(session, order):
        if hold.state in _COMING:
            payments.release_hold(session, hold_id=hold.id, reason=reason)
    payments.return_escrow(session, order_id=order.id, party_id=order.buyer_id)


def forfeit_deposits(session: Session, order: Order, *, reason: str) -> list[UUID]:
    """A defaulting buyer's deposits: both fees of the sale first (拍卖法 第三十九条) to whom they are owed, the rest to the seller."""
    claims = payments.ForfeitClaims(costs_minor=order.buyer_fee_minor + order.seller_fee_minor + order.commission_minor)
    forfeited = []
    for hold in _deposits(session, order):
        if hold.state is HoldState.HELD:
            payments.forfeit_hold(
                session,
                hold_id=hold.id,
                reason=reason,
                to_party_id=order.seller_id,
                claims=claims,
                costs_to=order.seller_fee_to or order.buyer_fee_to,
            )
            forfeited.append(hold.id)
            claims = payments.ForfeitClaims(costs_minor=max(claims.costs_minor - hold.amount_minor, 0))
    return forfeited


def is_paying(session: Session, order: Order) -> bool:
    """Whether money of the order has arrived or is being taken: such an order is not unpaid."""
    paid = any(one.state is PaymentState.PAID for one in _payments(session, order))
    return paid or any(one.state is HoldState.CAPTURING for one in _deposits(session, order))
