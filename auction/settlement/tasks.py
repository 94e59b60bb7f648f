"""Jobs of settlement: what payments and orders report."""

from uuid import UUID

from auction.settlement.service import deposits, registrations, sales
from marketplace.api import payments
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep

PAGE = 100


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


def keep_lapsing(database: Database) -> int:
    """Each deposit near its lapse in a transaction of its own; returns how many were looked at."""
    after: UUID | None = None
    looked_at = 0
    while True:
        with database.reading() as session:
            page = payments.list_lapsing_holds(session, purpose_kinds=deposits.PURPOSES, after=after, limit=PAGE)
        for one in page:
            with database.writing() as session:
                deposits.keep(session, hold=one)
        looked_at += len(page)
        if len(page) < PAGE:
            return looked_at
        after = page[-1].id


@sweep("auction.keep_deposits")
def keep_deposits(database: Database) -> None:
    """Deposits that would lapse before their lot's hard end are renewed, or charged."""
    keep_lapsing(database)
