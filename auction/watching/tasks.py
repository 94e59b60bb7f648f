"""Jobs of watching: what happens on a lot becomes notices to its people."""

from uuid import UUID

from auction.watching.service import telling
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep

BATCH = 50


@subscriber("auction.tell_outbid")
def tell_outbid(session: Session, event: Delivered) -> None:
    """Bids were accepted: who led, leads no more."""
    telling.tell_outbid(session, lot_id=UUID(event.payload["lot_id"]), from_seq=event.payload["from_seq"], to_seq=event.payload["to_seq"])


@subscriber("auction.tell_result")
def tell_result(session: Session, event: Delivered) -> None:
    """A lot is over."""
    telling.tell_result(session, lot_id=UUID(event.payload["lot_id"]))


@subscriber("auction.tell_withdrawn")
def tell_withdrawn(session: Session, event: Delivered) -> None:
    """A lot will not open."""
    telling.tell_withdrawn(session, lot_id=UUID(event.payload["lot_id"]))


@subscriber("auction.tell_negotiation")
def tell_negotiation(session: Session, event: Delivered) -> None:
    """An offer stands, or it is over."""
    telling.tell_negotiation(session, moved=dict(event.payload), seq=event.key_seq)


@subscriber("auction.tell_debt")
def tell_debt(session: Session, event: Delivered) -> None:
    """A defaulter's debt is known."""
    told = event.payload
    telling.tell_debt(
        session,
        lot_id=UUID(told["lot_id"]),
        debt_id=UUID(told["debt_id"]),
        debtor_id=UUID(told["debtor_id"]),
        due_minor=told["due_minor"],
    )


@sweep("auction.tell_ending")
def tell_ending(database: Database) -> None:
    """Lots that end soon, some at a time."""
    while True:
        with database.writing() as session:
            if telling.tell_ending(session, limit=BATCH) < BATCH:
                return
