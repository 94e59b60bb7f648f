"""Jobs of negotiating: silence is no."""

from auction.negotiation import service
from marketplace.core.db import Database
from marketplace.core.outbox import sweep


@sweep("auction.end_overdue_negotiations")
def end_overdue_negotiations(database: Database) -> None:
    """End what nobody answered in time, each in a transaction of its own."""
    with database.reading() as session:
        due = service.list_overdue(session)
    for negotiation_id, lot_id in due:
        with database.writing() as session:
            service.end_overdue(session, negotiation_id=negotiation_id, lot_id=lot_id)
