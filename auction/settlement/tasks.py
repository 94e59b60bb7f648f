"""Jobs of settlement: what payments and orders report."""

from uuid import UUID

from auction.settlement.service import registrations, sales
from marketplace.core.db import Session
from marketplace.core.outbox import Delivered, subscriber


@subscriber("auction.hear_hold")
def hear_hold(session: Session, event: Delivered) -> None:
    """A deposit was held, failed, lapsed or released."""
    if event.payload["purpose_kind"] == registrations.PURPOSE:
        happened = event.name.rpartition("hold_")[2]
        registrations.hear_hold(session, hold_id=UUID(event.payload["hold_id"]), happened=happened)


@subscriber("auction.hear_default")
def hear_default(session: Session, event: Delivered) -> None:
    """The order of a won lot was broken."""
    if event.payload["source_kind"] == "lot":
        sales.hear_default(session, order_id=UUID(event.payload["order_id"]), defaulter_id=UUID(event.payload["defaulter_id"]))


@subscriber("auction.hear_withdrawal")
def hear_withdrawal(session: Session, event: Delivered) -> None:
    """A lot was taken out of its session: deposits go back."""
    registrations.release_withdrawn(session, lot_id=UUID(event.payload["lot_id"]))


@subscriber("auction.hear_party")
def hear_party(session: Session, event: Delivered) -> None:
    """A party was suspended or may act again."""
    registrations.hear_party(session, party_id=UUID(event.payload["party_id"]))
