"""Jobs of orders: what payments report, and deadlines."""

from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep
from marketplace.orders import queries
from marketplace.orders.service import ending, paying


@subscriber("orders.hear_payment")
def hear_payment(session: Session, event: Delivered) -> None:
    """A payment was received or failed."""
    if event.payload["purpose_kind"] == paying.PURPOSE:
        order_id, payment_id = UUID(event.payload["purpose_id"]), UUID(event.payload["payment_id"])
        paying.hear_money(session, order_id=order_id, payment_id=payment_id)


@subscriber("orders.hear_hold")
def hear_hold(session: Session, event: Delivered) -> None:
    """A deposit that counts to a price was captured, or is there no more."""
    for order_id in queries.list_order_ids_of_hold(session, UUID(event.payload["hold_id"])):
        paying.hear_money(session, order_id=order_id)


@sweep("orders.sweep_overdue")
def sweep_overdue(database: Database) -> None:
    """Orders not signed or not paid in time end, each in its own transaction."""
    with database.reading() as session:
        overdue = queries.list_overdue(session, now=clock.now(session), limit=100)
    for order_id in overdue:
        with database.writing() as session:
            ending.end_overdue(session, order_id=order_id)
