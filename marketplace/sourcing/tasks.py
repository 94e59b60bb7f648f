"""What sourcing hears, and its sweeps."""

from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.files import file_store
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber, sweep
from marketplace.core.settings import get_settings
from marketplace.sourcing.queries import acquisitions as acquisition_queries
from marketplace.sourcing.queries import trade_ins as trade_in_queries
from marketplace.sourcing.service import (
    acquisitions,
    annotations,
    charges,
    custody,
    ending,
    images,
    importing,
    price_drops,
    stock,
    supplying,
    trade_ins,
)


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


@sweep("sourcing.drop_prices")
def drop_prices(database: Database) -> None:
    """Steps of agreed price-drop plans whose day has come."""
    price_drops.sweep(database)


@subscriber("sourcing.close_custody")
def close_custody(session: Session, event: Delivered) -> None:
    """A buyer has taken the car over: it is in nobody's custody any more."""
    sale = event.payload
    custody.close_sold(session, vehicle_id=UUID(sale["vehicle_id"]), order_id=UUID(sale["order_id"]))


@subscriber("sourcing.hear_payment")
def hear_payment(session: Session, event: Delivered) -> None:
    """Storage or a fee for ending early was paid."""
    if event.payload["purpose_kind"] == charges.PURPOSE:
        charge_id, payment_id = UUID(event.payload["purpose_id"]), UUID(event.payload["payment_id"])
        charges.hear_payment(session, charge_id=charge_id, payment_id=payment_id)


@outside_subscriber("sourcing.run_import")
def run_import(database: Database, event: Delivered) -> None:
    """Read a stock file that waits, in short transactions of its own."""
    importing.run_received(database, file_store(), import_id=UUID(event.payload["import_id"]), settings=get_settings())


@outside_subscriber("sourcing.follow_import")
def follow_import(database: Database, event: Delivered) -> None:
    """Listings follow what a stock file changed or took out."""
    stock.follow_import(database, import_id=UUID(event.payload["import_id"]), aim_ms=get_settings().stock_chunk_ms)


@outside_subscriber("sourcing.list_requested")
def list_requested(database: Database, event: Delivered) -> None:
    """List the rest of the stock cars a dealer asked for."""
    asked = event.payload
    stock.list_requested(
        database,
        request_id=UUID(asked["request_id"]),
        dealer_id=UUID(asked["dealer_id"]),
        requested_by=UUID(asked["requested_by"]),
        aim_ms=get_settings().stock_chunk_ms,
    )


@subscriber("sourcing.close_moved")
def close_moved(session: Session, event: Delivered) -> None:
    """A car changed hands: it leaves the stock of who held it."""
    stock.close_moved(session, vehicle_id=UUID(event.payload["vehicle_id"]))


@sweep("sourcing.give_up_imports")
def give_up_imports(database: Database) -> None:
    """Imports that do not come to an end fail, so that their dealer may upload again."""
    stock.give_up_stuck(database, hours=get_settings().stock_import_hours, aim_ms=get_settings().stock_chunk_ms)


@sweep("sourcing.fetch_images")
def fetch_images(database: Database) -> None:
    """Pictures that stock files name, those whose turn it is."""
    images.fetch_due(database, file_store(), settings=get_settings())


# --- acquisitions, trade-ins, enterprise sources ----------------------------------------------------------------------------


@subscriber("sourcing.finish_purchase")
def finish_purchase(session: Session, event: Delivered) -> None:
    """A sale is complete: the acquisition or trade-in behind it too, and the car stands in its dealer's stock."""
    order_id = UUID(event.payload["order_id"])
    acquisitions.hear_order_completed(session, order_id=order_id)
    trade_ins.hear_order_completed(session, order_id=order_id)
    annotations.take_into_stock(session, order_id=order_id)


@subscriber("sourcing.fail_purchase")
def fail_purchase(session: Session, event: Delivered) -> None:
    """An order was undone: so is what it came from."""
    order_id, reason = UUID(event.payload["order_id"]), event.payload["reason"]
    acquisitions.hear_order_ended(session, order_id=order_id, reason=reason)
    trade_ins.hear_order_ended(session, order_id=order_id, reason=reason)


@subscriber("sourcing.note_title")
def note_title(session: Session, event: Delivered) -> None:
    """A title moved: nothing is asked for a car sold elsewhere; a dealer's stock is annotated, a former one's no more."""
    vehicle_id, to_party_id = UUID(event.payload["vehicle_id"]), UUID(event.payload["to_party_id"])
    acquisitions.hear_moved(session, vehicle_id=vehicle_id, to_party_id=to_party_id)
    annotations.hear_moved(session, vehicle_id=vehicle_id, to_party_id=to_party_id)


@outside_subscriber("sourcing.take_in_batch")
def take_in_batch(database: Database, event: Delivered) -> None:
    """Cars of an enterprise source, a few in a transaction."""
    supplying.take_in(database, batch_id=UUID(event.payload["batch_id"]), aim_ms=get_settings().stock_chunk_ms)


@sweep("sourcing.end_acquisitions")
def end_acquisitions(database: Database) -> None:
    """Requests, offers, re-inspections, answers and trade-ins whose time is over, each in its own transaction."""
    with database.reading() as session:
        now = clock.now(session)
        due = acquisition_queries.list_due(session, now=now, limit=100)
        lapsed = acquisition_queries.list_lapsed(session, now=now, limit=100)
        trades = trade_in_queries.list_lapsed(session, now=now, limit=100)
    for acquisition_id in lapsed:
        with database.writing() as session:
            acquisitions.lapse_offers(session, acquisition_id=acquisition_id)
    for acquisition_id in due:
        with database.writing() as session:
            acquisitions.end_due(session, acquisition_id=acquisition_id)
    for trade_in_id in trades:
        with database.writing() as session:
            trade_ins.lapse(session, trade_in_id=trade_in_id)
