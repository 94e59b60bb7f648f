"""What sourcing announces. Keys: ``consignment:<id>``, ``import:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState


class ConsignmentEvent(Event):
    """Common to all events of a consignment; amounts in fen."""

    consignment_id: UUID
    vehicle_id: UUID
    consignor_id: UUID
    agent_id: UUID
    kind: ConsignmentKind
    state: ConsignmentState


class ConsignmentOffered(ConsignmentEvent):
    name: ClassVar[str] = "sourcing.consignment_offered"


class ConsignmentSigned(ConsignmentEvent):
    """Both sides have signed; the car is in the window."""

    name: ClassVar[str] = "sourcing.consignment_signed"
    listing_id: UUID
    content_hash: str
    ends_at: datetime


class ConsignmentEnded(ConsignmentEvent):
    """``price_minor`` and ``commission_minor`` when it was sold; ``withdrawal_fee_minor`` when the consignor ended it early."""

    name: ClassVar[str] = "sourcing.consignment_ended"
    reason: str
    order_id: UUID | None = None
    price_minor: int | None = None
    commission_minor: int | None = None
    withdrawal_fee_minor: int | None = None


class ImportReceived(Event):
    """A stock file is stored and waits to be read."""

    name: ClassVar[str] = "sourcing.import_received"
    import_id: UUID
    dealer_id: UUID


class ImportApplied(Event):
    """A stock file's good rows became visible at once; ``bad`` rows are named in its answer."""

    name: ClassVar[str] = "sourcing.import_applied"
    import_id: UUID
    dealer_id: UUID
    added: int
    changed: int
    removed: int
    bad: int


class ListingRequested(Event):
    """A dealer wants cars of his stock in the store; those with this request are still to be listed."""

    name: ClassVar[str] = "sourcing.listing_requested"
    request_id: UUID
    dealer_id: UUID
    requested_by: UUID


def consignment_key(consignment_id: UUID) -> str:
    return f"consignment:{consignment_id}"


def import_key(import_id: UUID) -> str:
    return f"import:{import_id}"
