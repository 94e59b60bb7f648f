"""The writing half of an import: short transactions that stage rows nobody sees, then one that makes them visible.

``Transactions`` gives a transaction for each step. A small file is applied in the request's own; a large one opens its own for every
chunk, each sized by how long the last one took, so that no step holds the one write lock of SQLite for long.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.core.security import Principal, PrincipalKind
from marketplace.sourcing import queries
from marketplace.sourcing.domain import RowOutcome, StockState
from marketplace.sourcing.domain.findings import RowFinding, find
from marketplace.sourcing.models import StockCar, StockImport, StockImportRow
from marketplace.sourcing.service.rows import ParsedRow
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import VehicleFacts

T = TypeVar("T")
Transactions: TypeAlias = Callable[[], AbstractContextManager[Session]]
FIRST_CHUNK = 5
CHUNK_MAX = 500


class Pace:
    """How many items the next transaction takes: as many as the last one's speed allows in ``aim_ms``."""

    def __init__(self, aim_ms: int) -> None:
        self.size = FIRST_CHUNK
        self._aim_ms = aim_ms

    @contextmanager
    def measured(self, count: int) -> Iterator[None]:
        started = monotonic()
        yield
        took_ms = max((monotonic() - started) * 1_000, 0.1)
        self.size = max(1, min(CHUNK_MAX, self.size * 2, int(count * self._aim_ms / took_ms)))


def chunks(items: Sequence[T], *, aim_ms: int) -> Iterator[Sequence[T]]:
    """Pieces of a sequence; each as large as the time its forerunner took allows. Take the next one when the last is committed."""
    pace, position = Pace(aim_ms), 0
    while position < len(items):
        piece = items[position : position + pace.size]
        position += len(piece)
        with pace.measured(len(piece)):
            yield piece


@dataclass(slots=True)
class Decided:
    """What becomes of one row."""

    row: ParsedRow
    outcome: RowOutcome
    vehicle_id: UUID | None = None
    findings: tuple[RowFinding, ...] = ()


def acting_for(person_id: UUID, dealer_id: UUID) -> Principal:
    """The person who uploaded, acting for the dealer, when the request is over."""
    return Principal(id=person_id, kind=PrincipalKind.PERSON, party_id=dealer_id, organization_id=dealer_id)


def decide(session: Session, *, dealer_id: UUID, row: ParsedRow, hashes: dict[UUID, tuple[str, StockState]]) -> Decided:
    """What the row would do to the stock as it is now. Writes nothing."""
    if not row.is_good or row.vin is None or row.facts is None:
        known = vehicles.find_by_vin(session, vin=row.vin) if row.vin else None
        mine = known if known is not None and known in hashes else None
        return Decided(row, RowOutcome.BAD, mine, row.findings)
    vehicle_id = vehicles.find_by_vin(session, vin=row.vin)
    if vehicle_id is None:
        return Decided(row, RowOutcome.ADDED, None, row.findings)
    problem = _holding_problem(session, vehicle_id=vehicle_id, dealer_id=dealer_id)
    if problem is not None:
        return Decided(row, RowOutcome.BAD, None, (*row.findings, find("vin", problem)))
    row_hash, state = hashes.get(vehicle_id, ("", StockState.STAGED))
    if state is not StockState.IN_STOCK:
        return Decided(row, RowOutcome.ADDED, vehicle_id, row.findings)
    outcome = RowOutcome.UNCHANGED if row_hash == row.row_hash else RowOutcome.CHANGED
    return Decided(row, outcome, vehicle_id, row.findings)


def _holding_problem(session: Session, *, vehicle_id: UUID, dealer_id: UUID) -> str | None:
    holder = vehicles.owner_of(session, vehicle_id=vehicle_id)
    if holder is None:
        return None
    if holder != dealer_id:
        return "vehicle_held_by_another"
    holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=dealer_id)
    return None if holding.capacity is vehicles.Capacity.DEALER_STOCK else "held_otherwise"


def stage(session: Session, *, upload: StockImport, decided: Decided) -> Decided:
    """Write what a good row needs before it can be switched visible: the car, its facts, the pending stock row."""
    if decided.outcome in {RowOutcome.BAD, RowOutcome.UNCHANGED}:
        return decided
    try:
        with session.begin_nested():
            vehicle_id = _write_car(session, upload=upload, decided=decided)
            _write_pending(session, upload=upload, row=decided.row, vehicle_id=vehicle_id)
    except Refusal as refusal:  # somebody registered the car meanwhile, or its facts were refused under lock
        code = "vehicle_held_by_another" if isinstance(refusal, vehicles.HeldByAnother) else "fact_wrong"
        return Decided(decided.row, RowOutcome.BAD, None, (*decided.findings, find("vin", code)))
    return Decided(decided.row, decided.outcome, vehicle_id, decided.findings)


def _write_car(session: Session, *, upload: StockImport, decided: Decided) -> UUID:
    row, dealer = decided.row, upload.dealer_id
    assert row.facts is not None
    principal = acting_for(upload.uploaded_by, dealer)
    if decided.vehicle_id is None or vehicles.owner_of(session, vehicle_id=decided.vehicle_id) is None:
        return vehicles.register_vehicle(
            session,
            principal=principal,
            party_id=dealer,
            facts=row.facts,
            capacity=vehicles.Capacity.DEALER_STOCK,
            proof=f"import:{upload.id}",
            acquired_on=row.acquired_on,
        ).id
    _update_car(session, principal=principal, vehicle_id=decided.vehicle_id, facts=row.facts)
    return decided.vehicle_id


def _update_car(session: Session, *, principal: Principal, vehicle_id: UUID, facts: VehicleFacts) -> None:
    """Facts that the file states differently; what it leaves empty stays. Kilometres are a new reading."""
    known = vehicles.get_facts(session, vehicle_id=vehicle_id)
    fixed = {"vin", "identity_kind", "odometer_km", "kind", "battery"}
    changes: dict[str, Any] = {}
    for name in VehicleFacts.__dataclass_fields__:
        value = getattr(facts, name)
        if name not in fixed and value is not None and value != getattr(known, name):
            changes[name] = value
    if changes:
        vehicles.update_facts(session, principal=principal, vehicle_id=vehicle_id, changes=changes)
    if facts.odometer_km != known.odometer_km:
        vehicles.record_odometer(
            session,
            vehicle_id=vehicle_id,
            recorded_by=principal.party_id,
            odometer_km=facts.odometer_km,
            source=vehicles.OdometerSource.IMPORT,
        )


def _write_pending(session: Session, *, upload: StockImport, row: ParsedRow, vehicle_id: UUID) -> None:
    at = clock.now(session)
    car = queries.lock_stock_of_vehicles(session, dealer_id=upload.dealer_id, vehicle_ids=[vehicle_id]).get(vehicle_id)
    if car is None:
        car = StockCar(
            id=new_id(), dealer_id=upload.dealer_id, vehicle_id=vehicle_id, state=StockState.STAGED, created_at=at, changed_at=at
        )
    car.pending_import_id = upload.id
    car.pending_state = StockState.IN_STOCK
    car.pending_stock_no = row.stock_no
    car.pending_ask_minor = row.ask_minor
    car.pending_cost_minor = row.cost_minor
    car.pending_description = row.description
    car.pending_row_hash = row.row_hash
    session.add(car)
    session.flush()


def write_results(session: Session, *, import_id: UUID, decided: Sequence[Decided]) -> None:
    """One answer a record."""
    rows = [
        {
            "import_id": import_id,
            "n": one.row.n,
            "outcome": one.outcome,
            "stock_no": one.row.stock_no,
            "vehicle_id": one.vehicle_id,
            "findings": [finding.as_plain() for finding in one.findings],
        }
        for one in decided
    ]
    if rows:
        session.connection().execute(sa.insert(StockImportRow), rows)


def forget(session: Session, *, import_id: UUID) -> None:
    """Take back what an interrupted run staged: it begins again."""
    connection = session.connection()
    connection.execute(sa.delete(StockImportRow).where(col(StockImportRow.import_id) == import_id))
    connection.execute(
        sa.update(StockCar).where(col(StockCar.pending_import_id) == import_id).values(pending_import_id=None, pending_state=None)
    )


def stage_removals(session: Session, *, upload: StockImport, vehicle_ids: Sequence[UUID]) -> None:
    """Cars a full import does not name leave with the switch."""
    session.connection().execute(
        sa.update(StockCar)
        .where(col(StockCar.dealer_id) == upload.dealer_id, col(StockCar.vehicle_id).in_(vehicle_ids))
        .values(pending_import_id=upload.id, pending_state=StockState.REMOVED)
    )


def switch(session: Session, *, upload: StockImport, at: datetime) -> None:
    """Make everything the import staged visible: two statements, whatever its size."""
    session.flush()
    table = StockCar.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
    mine = table.c.pending_import_id == upload.id
    done = {"pending_import_id": None, "pending_state": None, "changed_at": at, "import_id": upload.id}
    connection = session.connection()
    connection.execute(sa.update(table).where(mine, table.c.pending_state == StockState.REMOVED).values(state=StockState.REMOVED, **done))
    connection.execute(
        sa.update(table)
        .where(mine, table.c.pending_state == StockState.IN_STOCK)
        .values(
            state=StockState.IN_STOCK,
            stock_no=table.c.pending_stock_no,
            ask_minor=table.c.pending_ask_minor,
            cost_minor=table.c.pending_cost_minor,
            description=sa.func.coalesce(table.c.pending_description, ""),
            row_hash=sa.func.coalesce(table.c.pending_row_hash, ""),
            **done,
        )
    )
    session.expire_all()
