"""What happened with money. Keys: ``hold:<id>``, ``payment:<id>``, ``payout:<id>``, ``operation:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class HoldEvent(Event):
    """Common to all events of a hold. ``purpose`` is what the deposit is for, e.g. ``("lot", lot_id)``."""

    hold_id: UUID
    party_id: UUID
    amount_minor: int
    gateway: str
    purpose_kind: str
    purpose_id: UUID


class HoldHeld(HoldEvent):
    name: ClassVar[str] = "payments.hold_held"
    lapses_at: datetime | None


class HoldFailed(HoldEvent):
    name: ClassVar[str] = "payments.hold_failed"
    code: str


class HoldReleased(HoldEvent):
    name: ClassVar[str] = "payments.hold_released"
    reason: str


class HoldLapsing(HoldEvent):
    """A day before: what the deposit is for lasts longer than it, and it could not be renewed."""

    name: ClassVar[str] = "payments.hold_lapsing"
    lapses_at: datetime


class HoldLapsed(HoldEvent):
    name: ClassVar[str] = "payments.hold_lapsed"


class HoldCaptured(HoldEvent):
    """``captured_minor`` now stands in the order's escrow."""

    name: ClassVar[str] = "payments.hold_captured"
    order_id: UUID
    captured_minor: int


class HoldForfeited(HoldEvent):
    name: ClassVar[str] = "payments.hold_forfeited"
    reason: str
    to_party_id: UUID | None


class PaymentEvent(Event):
    payment_id: UUID
    payer_id: UUID
    amount_minor: int
    gateway: str
    purpose_kind: str
    purpose_id: UUID


class PaymentReceived(PaymentEvent):
    name: ClassVar[str] = "payments.payment_received"
    paid_at: datetime


class PaymentFailed(PaymentEvent):
    name: ClassVar[str] = "payments.payment_failed"
    code: str


class Refunded(PaymentEvent):
    name: ClassVar[str] = "payments.refunded"


class PayoutPaid(Event):
    name: ClassVar[str] = "payments.payout_paid"
    payout_id: UUID
    party_id: UUID
    amount_minor: int
    gateway: str
    purpose_kind: str
    purpose_id: UUID


class OperationRequested(Event):
    """A gateway has to be called; heard by this feature alone."""

    name: ClassVar[str] = "payments.operation_requested"
    operation_id: UUID


class BankTransferBooked(Event):
    """The sandbox bank tells its customer, the market, that money came into the witness account."""

    name: ClassVar[str] = "payments.bank_transfer_booked"
    movement_id: UUID
    reference: str
    amount_minor: int
    from_account: str
