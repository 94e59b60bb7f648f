"""What happened to a service case. Key: ``transfer:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class TransferEvent(Event):
    transfer_id: UUID
    order_id: UUID
    vehicle_id: UUID


class TransferOpened(TransferEvent):
    name: ClassVar[str] = "aftercare.transfer_opened"
    buyer_id: UUID
    seller_id: UUID
    papers: list[str]
    apply_by: datetime


class InvoiceIssued(TransferEvent):
    name: ClassVar[str] = "aftercare.invoice_issued"
    invoice_id: UUID
    issuer_kind: str
    amount_minor: int


class TransferSubmitted(TransferEvent):
    """The office has to be told; heard by this feature alone."""

    name: ClassVar[str] = "aftercare.transfer_submitted"
    attempt: int


class OfficeAnswered(Event):
    """The sandbox registration office's message. ``reasons`` empty: registered; the new certificate's number is fetched, not told."""

    name: ClassVar[str] = "aftercare.office_answered"
    message_id: UUID
    transfer_id: UUID
    attempt: int
    reasons: list[str]


class TransferRefused(TransferEvent):
    name: ClassVar[str] = "aftercare.transfer_refused"
    reasons: list[str]


class TransferCompleted(TransferEvent):
    name: ClassVar[str] = "aftercare.transfer_completed"
    buyer_id: UUID
    seller_id: UUID


def transfer_key(transfer_id: UUID) -> str:
    return f"transfer:{transfer_id}"
