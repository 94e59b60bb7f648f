"""Jobs of screening: sessions are looked at after they closed."""

from auction.screening import service
from marketplace.core.db import Database
from marketplace.core.outbox import sweep


def screen_closed(database: Database) -> int:
    """Each closed session in a transaction of its own; returns how many cases were opened."""
    with database.reading() as session:
        due = service.list_due(session)
    opened = 0
    for session_id in due:
        with database.writing() as session:
            opened += len(service.look(session, session_id=session_id))
    return opened


@sweep("auction.screen_sessions")
def screen_sessions(database: Database) -> None:
    """Closed sessions are looked at for collusion and shill bidding."""
    screen_closed(database)
