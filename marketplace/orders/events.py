"""What happened to an order. Key: ``order:<id>``."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.orders.domain import OrderState, PriceKind, SourceKind


class OrderEvent(Event):
    """Common to all events of an order; amounts in fen."""

    order_id: UUID
    vehicle_id: UUID
    seller_id: UUID
    buyer_id: UUID
    channel: str
    source_kind: SourceKind
    source_id: UUID
    price_minor: int
    price_kind: PriceKind
    state: OrderState
    at: datetime


class OrderOpened(OrderEvent):
    name: ClassVar[str] = "orders.order_opened"
    sign_by: datetime
    pay_by: datetime


class ContractSigned(OrderEvent):
    """Both sides have signed; the buyer owes the balance."""

    name: ClassVar[str] = "orders.contract_signed"
    contract_hash: str
    pay_by: datetime


class OrderPaid(OrderEvent):
    """Price and fee stand in escrow."""

    name: ClassVar[str] = "orders.order_paid"


class HandedOver(OrderEvent):
    """The buyer has accepted the car: the transfer has to be applied for by ``transfer_by``."""

    name: ClassVar[str] = "orders.handed_over"
    odometer_km: int
    transfer_by: datetime


class OrderCompleted(OrderEvent):
    """The sale: what market information, valuation and search learn from. Facts of the car as it was sold."""

    name: ClassVar[str] = "orders.order_completed"
    segment: str
    city: str
    days_in_stock: int
    seller_kind: str
    brand: str
    series: str
    model: str
    model_year: int
    first_registration_on: date | None
    odometer_km: int


class DisputeOpened(OrderEvent):
    """The buyer complains of the car: nothing is transferred or paid out meanwhile."""

    name: ClassVar[str] = "orders.dispute_opened"


class DisputeEnded(OrderEvent):
    """The order goes on; ``adjustment_minor`` of the price goes back to the buyer when it is settled."""

    name: ClassVar[str] = "orders.dispute_ended"
    adjustment_minor: int


class OrderCancelled(OrderEvent):
    name: ClassVar[str] = "orders.order_cancelled"
    reason: str


class OrderDefaulted(OrderEvent):
    """``defaulter_id`` broke the contract."""

    name: ClassVar[str] = "orders.order_defaulted"
    reason: str
    defaulter_id: UUID
    deposit_hold_ids: list[UUID]


def order_key(order_id: UUID) -> str:
    return f"order:{order_id}"
