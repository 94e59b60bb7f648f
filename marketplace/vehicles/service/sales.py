"""Sales that the rules count: a natural person's cars sold within a calendar year of their purchase (商消费发〔2022〕92号)."""

from datetime import date
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.vehicles import queries
from marketplace.vehicles.domain import Capacity
from marketplace.vehicles.domain.scrapping import add_years
from marketplace.vehicles.models import Holding, VehicleSale
from marketplace.vehicles.service import tables


def record_sale(session: Session, *, vehicle_id: UUID, party_id: UUID, proof: str) -> None:
    """Keep that ``party_id`` sold the car under ``proof`` today; done again while it is the same holding, it is one sale.

    An invoice is a sale already, before the registration moves. Two sales of one person at the same moment meet at the unique ordinal:
    the second is refused with ``vehicle_sale_ordinal`` and tried again. Who holds nothing sold nothing.
    """
    holding = queries.find_holding(session, vehicle_id, party_id)
    if holding is None or queries.find_sale(session, vehicle_id=vehicle_id, party_id=party_id, since=holding.since_at) is not None:
        return
    at = clock.now(session)
    on = clock.shanghai_day(at)
    since = holding.acquired_on or clock.shanghai_day(holding.since_at)
    counts = holding.capacity is Capacity.OWNER and on < add_years(since, _term_years(on))
    session.add(
        VehicleSale(
            vehicle_id=vehicle_id,
            party_id=party_id,
            proof=proof[:200],
            sold_on=on,
            acquired_on=since,
            year=on.year,
            ordinal=queries.last_ordinal(session, party_id=party_id, year=on.year) + 1 if counts else None,
            recorded_at=at,
        )
    )
    session.flush()


def count_short(session: Session, *, party_id: UUID, on: date, but: Holding) -> int:
    """Cars held for less than the term that the party sold in the calendar year, the one of ``but`` left out."""
    sold = queries.list_short_sales(session, party_id=party_id, year=on.year)
    return sum(1 for one in sold if one.vehicle_id != but.vehicle_id or one.recorded_at < but.since_at)


def _term_years(on: date) -> int:
    years: int = tables.rule_table("trade", on=on).values["short_holding_years"]
    return years
