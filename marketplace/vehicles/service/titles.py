"""A car that another party holds: a title case in the market's queue, and what follows from its answer. Nobody is blocked by it."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.operations import api as operations
from marketplace.vehicles import queries
from marketplace.vehicles.domain import Capacity, VehicleFacts, VehicleNotFound, VehicleView
from marketplace.vehicles.domain.refusals import HeldByAnother
from marketplace.vehicles.domain.vin import normalize_vin
from marketplace.vehicles.service import holdings
from marketplace.vehicles.service.registration import register_vehicle

TITLE = operations.CaseKind.TITLE.value


def register_or_claim(
    session: Session,
    *,
    principal: Principal,
    facts: VehicleFacts,
    capacity: Capacity,
    acquired_on: date | None,
    statement: str,
) -> VehicleView | operations.CaseView:
    """The caller's car; or, where another party holds it, the title case that asks whose it is. The present holder goes on as he did.

    Raises what ``register_vehicle`` raises, short of ``HeldByAnother``.
    """
    try:
        return register_vehicle(
            session, principal=principal, party_id=principal.party_id, facts=facts, capacity=capacity, acquired_on=acquired_on
        )
    except HeldByAnother:
        return _open_title_case(session, principal=principal, vin=facts.vin, capacity=capacity, statement=statement)


def _open_title_case(session: Session, *, principal: Principal, vin: str, capacity: Capacity, statement: str) -> operations.CaseView:
    row = queries.find_by_vin(session, normalize_vin(vin)) or queries.find_by_vin(session, vin.strip().upper())
    if row is None:
        raise VehicleNotFound
    title = queries.find_title(session, row.id)
    return operations.open_case(
        session,
        principal=principal,
        kind=operations.CaseKind.TITLE,
        subject_kind="vehicle",
        subject_id=row.id,
        opened_by=principal.party_id,
        respondent_id=title.party_id if title else None,
        facts={"capacity": capacity.value},
        statement=statement,
    )


def hear_decision(session: Session, *, decided: Mapping[str, Any]) -> None:
    """A title case was decided: granted, the car goes to who asked. ``decided`` is the event's payload; other cases are not ours."""
    if decided["kind"] != TITLE or decided["outcome"] != operations.Outcome.GRANTED.value or decided["opened_by"] is None:
        return
    holdings.award_title(
        session,
        vehicle_id=UUID(decided["subject_id"]),
        from_party_id=UUID(decided["respondent_id"]) if decided["respondent_id"] else None,
        to_party_id=UUID(decided["opened_by"]),
        capacity=Capacity(decided["facts"]["capacity"]),
        proof=f"case:{decided['case_id']}",
    )
