"""What sourcing announces. Keys: ``consignment:<id>``, ``import:<id>``, ``acquisition:<id>``, ``agreement:<id>``,
``trade_in:<id>``."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState
from marketplace.sourcing.domain.acquisitions import AcquisitionState
from marketplace.sourcing.domain.trade_ins import TradeInState


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


class AcquisitionMoved(Event):
    """A request for offers changed its state; ``dealer_id`` once an offer was accepted. Prices are the two parties' own."""

    name: ClassVar[str] = "sourcing.acquisition_moved"
    acquisition_id: UUID
    vehicle_id: UUID
    owner_id: UUID
    dealer_id: UUID | None
    state: AcquisitionState
    reason: str | None
    order_id: UUID | None


class AcquisitionOffered(Event):
    """A dealer made or raised an offer: for its owner's eyes."""

    name: ClassVar[str] = "sourcing.acquisition_offered"
    acquisition_id: UUID
    owner_id: UUID
    dealer_id: UUID
    offer_id: UUID
    valid_until: datetime


def acquisition_key(acquisition_id: UUID) -> str:
    return f"acquisition:{acquisition_id}"


class BatchReceived(Event):
    """Cars came in under a framework agreement and wait to be taken in."""

    name: ClassVar[str] = "sourcing.batch_received"
    batch_id: UUID
    agreement_id: UUID
    source_id: UUID
    cars: int


def agreement_key(agreement_id: UUID) -> str:
    return f"agreement:{agreement_id}"


class TradeInMoved(Event):
    """A trade-in changed its state. Prices are the two parties' own."""

    name: ClassVar[str] = "sourcing.trade_in_moved"
    trade_in_id: UUID
    vehicle_id: UUID
    owner_id: UUID
    dealer_id: UUID
    state: TradeInState


def trade_in_key(trade_in_id: UUID) -> str:
    return f"trade_in:{trade_in_id}"
