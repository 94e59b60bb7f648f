"""Orders as their sides see them."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.orders import queries
from marketplace.orders.domain import Side
from marketplace.orders.domain.contract import add_months
from marketplace.orders.models import Order, OrderHandover, OrderSignature
from marketplace.orders.service.records import side_of
from marketplace.orders.service.signing import DOCUMENT_KIND
from marketplace.payments import api as payments

STAFF = "transfers.manage"
"""Whose work needs every order."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An order with what stands around it; ``side`` None for the market's people."""

    order: Order
    side: Side | None
    names: dict[UUID, str]
    signatures: list[OrderSignature]
    handovers: list[OrderHandover]
    payment: payments.PaymentView | None
    warranty: dict[str, Any] | None


def show_order(session: Session, *, principal: Principal, order_id: UUID) -> Shown:
    """Raises ``OrderNotFound``."""
    order = queries.get_order(session, order_id)
    side = _side(order, principal)
    payment = None
    if side is not Side.SELLER and order.payment_id is not None:
        payment = payments.get_payment(session, payment_id=order.payment_id)
    handovers = queries.list_handovers(session, order_id)
    return Shown(
        order=order,
        side=side,
        names=accounts.display_names(session, party_ids=[order.seller_id, order.buyer_id]),
        signatures=sorted(queries.list_signatures(session, order_id).values(), key=lambda one: one.at),
        handovers=sorted(handovers.values(), key=lambda one: one.at),
        payment=payment,
        warranty=_warranty(order, handovers.get(Side.BUYER)),
    )


def _warranty(order: Order, accepted: OrderHandover | None) -> dict[str, Any] | None:
    """What the contract promises, and, once the buyer has the car, until which day and kilometre: whichever is first."""
    promised: dict[str, Any] | None = json.loads(order.contract_text).get("warranty")
    if promised is None or accepted is None or order.handed_over_at is None:
        return promised
    starts_on = clock.shanghai_day(order.handed_over_at)
    return promised | {
        "starts_on": starts_on,
        "ends_on": add_months(starts_on, promised["months"]),
        "ends_at_km": accepted.odometer_km + promised["km"],
    }


def _side(order: Order, principal: Principal) -> Side | None:
    return None if principal.can(STAFF) else side_of(order, principal.party_id)


@dataclass(frozen=True, slots=True)
class ShownContract:
    order_id: UUID
    contract_hash: str
    document: dict[str, Any]
    signatures: list[accounts.SignatureView]


def show_contract(session: Session, *, principal: Principal, order_id: UUID) -> ShownContract:
    """The contract's text with its signatures, for its sides. Raises ``OrderNotFound``."""
    order = queries.get_order(session, order_id)
    _side(order, principal)
    return ShownContract(
        order_id=order.id,
        contract_hash=order.contract_hash,
        document=json.loads(order.contract_text),
        signatures=accounts.list_signatures(session, document_kind=DOCUMENT_KIND, document_id=order.id),
    )
