"""Jobs of lines and portfolios: what payments, orders and lots report."""

from uuid import UUID

from auction.lines import service as lines
from auction.portfolios import service
from auction.settlement.service import registrations
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber


@subscriber("auction.hear_line_hold")
def hear_line_hold(session: Session, event: Delivered) -> None:
    """A line's deposit was held, failed, lapsed or released."""
    if event.payload["purpose_kind"] == lines.PURPOSE:
        lines.hear_hold(session, hold_id=UUID(event.payload["hold_id"]), happened=event.name.rpartition("hold_")[2])


@subscriber("auction.admit_line")
def admit_line(session: Session, event: Delivered) -> None:
    """A line is active: its registrations may bid, and a portfolio begins."""
    line_id = UUID(event.payload["line_id"])
    registrations.admit_line(session, line_id=line_id)
    service.run(session, line_id=line_id)


@outside_subscriber("auction.run_portfolios")
def run_portfolios(database: Database, event: Delivered) -> None:
    """Something happened to a lot: whoever was outbid may want another one. Each in a transaction of its own, its lots locked by id."""
    with database.reading() as session:
        portfolios = service.list_on(session, lot_id=UUID(event.payload["lot_id"]))
    for line_id in portfolios:
        with database.writing() as session:
            service.run(session, line_id=line_id)


@subscriber("auction.hear_line_order")
def hear_line_order(session: Session, event: Delivered) -> None:
    """The order of a car won on a line was paid, cancelled or broken."""
    if event.payload["source_kind"] == "lot":
        lines.hear_order(session, order_id=UUID(event.payload["order_id"]), happened=event.name.rpartition("order_")[2])
