"""The roll-back alarm: told with the car, and a case for the market's people (二手车交易规范 第十二条)."""

from marketplace.core.db import Session
from marketplace.operations import api as operations
from marketplace.vehicles import queries
from marketplace.vehicles.domain import Reading, find_roll_back
from marketplace.vehicles.models import Vehicle


def look_back(session: Session, row: Vehicle) -> bool:
    """Look at all readings of a locked car; whether a new alarm was raised. It stays for ever: readings are never taken back."""
    readings = [Reading(one.odometer_km, one.read_on, one.source) for one in queries.list_readings(session, row.id)]
    back = find_roll_back(readings)
    if back is None or row.rolled_back_on == back.on:
        return False
    row.rolled_back_on = back.on
    session.add(row)
    operations.open_case(
        session,
        principal=None,
        kind=operations.CaseKind.ODOMETER,
        subject_kind="vehicle",
        subject_id=row.id,
        facts={"from_km": back.from_km, "to_km": back.to_km, "on": back.on.isoformat()},
    )
    return True
