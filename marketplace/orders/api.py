"""What other features may ask of orders. Amounts are fen; every call works in the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from marketplace.accounts.api import PersonalData
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.orders import queries
from marketplace.orders.domain import (
    AdjustmentAboveProceeds,
    BuyerIsSeller,
    Confirmation,
    ConfirmationMissing,
    Fees,
    OrderDisputed,
    OrderNotDisputable,
    OrderNotFound,
    OrderState,
    OrderStateRefused,
    PriceKind,
    Side,
    SourceKind,
)
from marketplace.orders.service import opening, paying, personal_data
from marketplace.orders.service.disputes import dispute_order, end_dispute, require_undisputed, unwind_order
from marketplace.orders.service.ending import cancel_order, complete_transfer, default_order
from marketplace.orders.service.opening import find_order_of_source
from marketplace.orders.service.pairing import OldCar, OrderPair, open_pair
from marketplace.orders.service.records import OrderView, view
from marketplace.vehicles.api import TradeMode


def open_order(
    session: Session,
    *,
    principal: Principal | None = None,
    vehicle_id: UUID,
    seller_id: UUID,
    buyer_id: UUID,
    price_minor: int,
    price_kind: PriceKind | str,
    channel: str,
    source_kind: SourceKind | str,
    source_id: UUID,
    buyer_fee_minor: int,
    seller_fee_minor: int,
    pay_by: datetime,
    sign_by: datetime | None = None,
    deposit_hold_ids: Sequence[UUID] = (),
    buyer_fee_to: UUID | None = None,
    seller_fee_to: UUID | None = None,
    agent_id: UUID | None = None,
    commission_minor: int = 0,
    buyer_city: str | None = None,
    mode: TradeMode | None = None,
    annex: Mapping[str, Any] | None = None,
) -> OrderView:
    """An order out of the caller's transaction. The claim passes from ``source_id`` (a lot) to the order, else is taken.

    ``…_fee_to`` None: the market earns the fee. ``sign_by`` defaults to ``pay_by``.
    ``annex`` becomes part of the signed contract: plain values. Raises ``VehicleClaimed``, ``BuyerIsSeller``.
    """
    agreed = opening.Terms(
        vehicle_id=vehicle_id,
        seller_id=seller_id,
        buyer_id=buyer_id,
        agent_id=agent_id,
        channel=channel,
        source_kind=SourceKind(source_kind),
        source_id=source_id,
        price_minor=price_minor,
        price_kind=PriceKind(price_kind),
        fees=Fees(buyer_fee_minor, seller_fee_minor, commission_minor),
        seller_fee_to=seller_fee_to,
        buyer_fee_to=buyer_fee_to,
        buyer_city=buyer_city,
        sign_by=sign_by or pay_by,
        pay_by=pay_by,
        mode=mode,
        annex=annex,
    )
    return opening.open_order(session, principal=principal, agreed=agreed, deposit_hold_ids=deposit_hold_ids)


def seller_fee(*, channel: str, price_minor: int, on: date) -> int:
    """What the market would charge the seller of such a sale on a day, fen."""
    return opening.seller_fee(channel=channel, price_minor=price_minor, on=on)


def get_order(session: Session, *, order_id: UUID) -> OrderView:
    """Raises ``OrderNotFound``."""
    return view(queries.get_order(session, order_id))


def due_minor(session: Session, *, order_id: UUID) -> int:
    """What the buyer still has to send: what neither escrow nor deposits cover, in fen. Raises ``OrderNotFound``."""
    return paying.due_minor(session, queries.get_order(session, order_id))


PERSONAL_DATA = PersonalData(feature="orders", export=personal_data.export, erase=personal_data.erase)

__all__ = [
    "PERSONAL_DATA",
    "AdjustmentAboveProceeds",
    "BuyerIsSeller",
    "Confirmation",
    "ConfirmationMissing",
    "OldCar",
    "OrderDisputed",
    "OrderNotDisputable",
    "OrderNotFound",
    "OrderPair",
    "OrderState",
    "OrderStateRefused",
    "OrderView",
    "PriceKind",
    "Side",
    "SourceKind",
    "cancel_order",
    "complete_transfer",
    "default_order",
    "dispute_order",
    "due_minor",
    "end_dispute",
    "find_order_of_source",
    "get_order",
    "open_order",
    "open_pair",
    "require_undisputed",
    "seller_fee",
    "unwind_order",
]
