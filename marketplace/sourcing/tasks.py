"""What sourcing hears, and its sweeps."""

from uuid import UUID

from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep
from marketplace.sourcing.service import ending


@subscriber("sourcing.close_sold")
def close_sold(session: Session, event: Delivered) -> None:
    """A sale is complete: the car's consignment ends, its agent's commission is fixed."""
    sale = event.payload
    ending.close_sold(
        session,
        vehicle_id=UUID(sale["vehicle_id"]),
        order_id=UUID(sale["order_id"]),
        channel=sale["channel"],
        price_minor=sale["price_minor"],
    )


@sweep("sourcing.expire_consignments")
def expire_consignments(database: Database) -> None:
    """Consignments whose term is over end."""
    while True:
        with database.writing() as session:
            if not ending.expire_due(session, limit=10):
                return
