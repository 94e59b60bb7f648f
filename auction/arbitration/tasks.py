"""Jobs of arbitration: silence, and sellers who pay."""

from uuid import UUID

from auction.arbitration.service import claims, deciding
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep


@sweep("auction.hear_silent_sellers")
def hear_silent_sellers(database: Database) -> None:
    """Claims nobody answered in time go to the market's people, each in a transaction of its own."""
    with database.reading() as session:
        due = claims.list_unanswered(session)
    for claim_id in due:
        with database.writing() as session:
            claims.hear_silence(session, claim_id=claim_id)


@subscriber("auction.hear_claim_payment")
def hear_claim_payment(session: Session, event: Delivered) -> None:
    """A seller paid what a decision gave the buyer."""
    if event.payload["purpose_kind"] == deciding.PURPOSE:
        deciding.hear_payment(session, claim_id=UUID(event.payload["purpose_id"]))
