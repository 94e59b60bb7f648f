"""Jobs of coming again: what orders and payments report."""

from uuid import UUID

from auction.reauction import service
from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber


@subscriber("auction.open_debt")
def open_debt(session: Session, event: Delivered) -> None:
    """The order of a won lot was broken."""
    if event.payload["source_kind"] == "lot":
        service.open_debt(
            session,
            order_id=UUID(event.payload["order_id"]),
            defaulter_id=UUID(event.payload["defaulter_id"]),
            deposit_hold_ids=[UUID(hold_id) for hold_id in event.payload["deposit_hold_ids"]],
        )


@subscriber("auction.hear_debt_payment")
def hear_debt_payment(session: Session, event: Delivered) -> None:
    """A debt was paid."""
    if event.payload["purpose_kind"] == service.DEBT:
        service.hear_payment(session, debt_id=UUID(event.payload["purpose_id"]))
