"""Both sides sign the contract's hash; then the buyer owes the balance."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.orders import queries
from marketplace.orders.domain import AlreadySigned, OrderNotFound, OrderState, OrderStateRefused, Side
from marketplace.orders.events import ContractSigned
from marketplace.orders.models import Order, OrderSignature
from marketplace.orders.service import paying
from marketplace.orders.service.records import OrderView, announce, event_facts, move, record, side_of, view

DOCUMENT_KIND = "order"
AGENT_SIGNS = frozenset({"c2c_consignment"})
"""Channels whose consignee sells in his own name (民法典 第九百五十一条 行纪); elsewhere the owner signs."""


def sign(session: Session, *, principal: Principal, order_id: UUID, passphrase: str) -> OrderView:
    """Sign for the caller's side after he re-entered his password.

    Raises ``OrderNotFound``, ``OrderStateRefused``, ``AlreadySigned``, ``WrongPassphrase``.
    """
    order = queries.lock_order(session, order_id)
    side = _signing_side(order, principal.party_id)
    signed = queries.list_signatures(session, order_id)
    if side in signed:
        raise AlreadySigned
    if order.state is not OrderState.AWAITING_SIGNATURES:
        raise OrderStateRefused(state=order.state.value, wanted=OrderState.AWAITING_PAYMENT.value)
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=DOCUMENT_KIND,
        document_id=order.id,
        content_hash=order.contract_hash,
    )
    session.add(
        OrderSignature(
            order_id=order.id,
            side=side,
            signature_id=signature.id,
            person_id=signature.person_id,
            party_id=signature.party_id,
            at=signature.at,
        )
    )
    session.flush()
    record(session, order, act="order.sign", principal=principal, facts={"side": side.value, "signature_id": str(signature.id)})
    if len(signed) + 1 == len(Side):
        _conclude(session, principal, order)
    return view(order)


def _signing_side(order: Order, party_id: UUID) -> Side:
    side = side_of(order, party_id)
    if side is Side.SELLER and party_id != order.seller_id and order.channel not in AGENT_SIGNS:
        raise OrderNotFound
    return side


def _conclude(session: Session, principal: Principal, order: Order) -> None:
    """The contract is made: ask for the balance."""
    at = move(session, order, OrderState.AWAITING_PAYMENT)
    order.signed_at = at
    event = ContractSigned(**event_facts(order, at), contract_hash=order.contract_hash, pay_by=order.pay_by)
    announce(
        session, order=order, event=event, act="order.contract_signed", principal=principal, facts={"contract_hash": order.contract_hash}
    )
    paying.ask(session, order)
