"""What sourcing hears, and its sweeps."""

from uuid import UUID

from marketplace.core.db import Database, Session
from marketplace.core.files import file_store
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber, sweep
from marketplace.core.settings import get_settings
from marketplace.sourcing.service import charges, custody, ending, importing, price_drops, stock


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
    with database.writing() as session:
        stock.give_up_stuck(session, hours=get_settings().stock_import_hours)
