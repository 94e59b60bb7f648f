"""The writing half of an import: short transactions that stage rows nobody sees, then one row's change that makes them visible.

``Transactions`` gives a transaction for each step. A small file is applied in the request's own; a large one opens its own for every
piece, each sized by how long the last one took, so that no step holds the one write lock of SQLite for long.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from marketplace.core import clock
from marketplace.core.db import Session, insert_many
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.core.security import Principal, PrincipalKind
from marketplace.sourcing.domain import RowOutcome, StockState
from marketplace.sourcing.models.stock import StockCar, StockImport, StockImportRow
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.deciding import Decided, refused, shown
from marketplace.vehicles import api as vehicles

T = TypeVar("T")
Transactions: TypeAlias = Callable[[], AbstractContextManager[Session]]
FIRST_CHUNK = 5
CHUNK_MAX = 1_000


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


@dataclass(frozen=True, slots=True)
class Staging:
    """Whose import it is; ``proof`` stands on the holdings it opens."""

    import_id: UUID
    dealer_id: UUID
    uploaded_by: UUID

    @property
    def proof(self) -> str:
        return f"import:{self.import_id}"

    @property
    def principal(self) -> Principal:
        return acting_for(self.uploaded_by, self.dealer_id)


def acting_for(person_id: UUID, dealer_id: UUID) -> Principal:
    """The person who uploaded, acting for the dealer, when the request is over."""
    return Principal(id=person_id, kind=PrincipalKind.PERSON, party_id=dealer_id, organization_id=dealer_id)


def stage(session: Session, staging: Staging, decided: Sequence[Decided]) -> list[Decided]:
    """Write what good rows need before they can be switched visible: new cars, pending stock rows. Returns the rows as they came out."""
    ready = _register(session, staging, decided)
    at = clock.now(session)
    fresh, known, same = [], [], []
    for one in ready:
        if one.outcome is RowOutcome.UNCHANGED and one.target is not None and one.known_hash != one.target.row_hash:
            same.append({"b_id": one.stock_id, "b_hash": one.target.row_hash})
        if one.outcome not in {RowOutcome.ADDED, RowOutcome.CHANGED, RowOutcome.REMOVED} or one.vehicle_id is None:
            continue
        if one.stock_id is None:
            fresh.append(_fresh(staging, one, at))
        else:
            known.append({f"b_{name}": value for name, value in _pending(staging, one).items()} | {"b_id": one.stock_id})
    insert_many(session, StockCar, fresh)
    table: sa.Table = StockCar.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
    if known:
        values = {name: sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in _PENDING}
        session.connection().execute(sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(values), known)
    if same:  # other words for the same car: told by them the next time
        session.connection().execute(
            sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(row_hash=sa.bindparam("b_hash")), same
        )
    return ready


_PENDING = ("pending_import_id", "pending_state", "pending_stock_no", "pending_ask_minor", "pending_cost_minor", "pending_description",
            "pending_row_hash", "pending_more")  # fmt: skip


def _pending(staging: Staging, one: Decided) -> dict[str, Any]:
    target = one.target
    return {
        "pending_import_id": staging.import_id,
        "pending_state": one.state,
        "pending_stock_no": target.stock_no if target else None,
        "pending_ask_minor": target.ask_minor if target else None,
        "pending_cost_minor": target.cost_minor if target else None,
        "pending_description": target.description if target else None,
        "pending_row_hash": target.row_hash if target else None,
        "pending_more": _more(one),
    }


def _more(one: Decided) -> str | None:
    """What is done to the car when the import is visible: facts that change, kilometres, pictures."""
    if not (one.fact_changes or one.images or one.odometer_km is not None):
        return None
    facts = {name: str(value) if name == "plate" else shown(name, value) for name, value in one.fact_changes.items()}
    return orjson.dumps({"facts": facts, "odometer_km": one.odometer_km, "images": list(one.images)}).decode()


def _fresh(staging: Staging, one: Decided, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "dealer_id": staging.dealer_id,
        "vehicle_id": one.vehicle_id,
        "stock_no": None,
        "state": StockState.STAGED,
        "ask_minor": None,
        "cost_minor": None,
        "description": "",
        "row_hash": "",
        "import_id": None,
        "hand_changed_at": None,
        "list_request_id": None,
        "list_requested_by": None,
        "list_problem": None,
        "created_at": at,
        "changed_at": at,
    } | _pending(staging, one)


# --- the cars ----------------------------------------------------------------------------------------------------------------


def _register(session: Session, staging: Staging, decided: Sequence[Decided]) -> list[Decided]:
    """Cars the market did not know, or that nobody holds; all at once, or one by one when somebody else came between."""
    fresh = [one for one in decided if one.is_new]
    new = [one for one in fresh if not one.rejoins]
    single = [one for one in fresh if one.rejoins]
    try:
        with session.begin_nested():
            ids = vehicles.register_vehicles(
                session,
                principal=staging.principal,
                party_id=staging.dealer_id,
                capacity=vehicles.Capacity.DEALER_STOCK,
                proof=staging.proof,
                cars=[vehicles.NewVehicle(one.facts, one.acquired_on) for one in new if one.facts],
            )
        for one, vehicle_id in zip(new, ids, strict=True):
            one.vehicle_id = vehicle_id
    except IntegrityError:
        single = [*new, *single]
    out = {one.n: _register_one(session, staging, one) for one in single}
    return [out.get(one.n, one) for one in decided]


def _register_one(session: Session, staging: Staging, one: Decided) -> Decided:
    assert one.facts is not None
    try:
        with session.begin_nested():
            one.vehicle_id = vehicles.register_vehicle(
                session,
                principal=staging.principal,
                party_id=staging.dealer_id,
                facts=one.facts,
                capacity=vehicles.Capacity.DEALER_STOCK,
                proof=staging.proof,
                acquired_on=one.acquired_on,
            ).id
            standing = queries.find_stock_car(session, dealer_id=staging.dealer_id, vehicle_id=one.vehicle_id)
            one.stock_id = standing.id if standing is not None else None
    except Refusal as refusal:  # somebody registered the car meanwhile, or its facts were refused under lock
        return refused(one, "vehicle_held_by_another" if isinstance(refusal, vehicles.HeldByAnother) else "fact_wrong")
    return one


# --- answers, and taking back --------------------------------------------------------------------------------------------------


def write_results(session: Session, *, import_id: UUID, decided: Sequence[Decided]) -> None:
    """One answer a record that says anything."""
    rows = [
        {
            "import_id": import_id,
            "n": one.n,
            "outcome": one.outcome,
            "stock_no": one.stock_no,
            "vehicle_id": one.vehicle_id,
            "findings": [finding.as_plain() for finding in one.findings],
            "changes": one.changes,
            "before": one.before,
        }
        for one in decided
        if one.is_told
    ]
    insert_many(session, StockImportRow, rows)


def forget_some(session: Session, *, staging: Staging, limit: int) -> int:
    """Take back some of what a run staged that came to nothing; returns how much is gone. Its answers stay."""
    ids = sa.select(col(StockCar.id)).where(col(StockCar.pending_import_id) == staging.import_id).limit(limit)
    none = dict.fromkeys(_PENDING)
    undone = session.connection().execute(sa.update(StockCar).where(col(StockCar.id).in_(ids.scalar_subquery())).values(none)).rowcount
    ended = vehicles.end_registrations(session, party_id=staging.dealer_id, proof=staging.proof, limit=limit)
    return int(undone) + ended


def forget_answers(session: Session, *, import_id: UUID, limit: int) -> int:
    """Answers of a run that begins again."""
    some = sa.select(col(StockImportRow.n)).where(col(StockImportRow.import_id) == import_id).limit(limit).scalar_subquery()
    result = session.connection().execute(
        sa.delete(StockImportRow).where(col(StockImportRow.import_id) == import_id, col(StockImportRow.n).in_(some))
    )
    return int(result.rowcount)


def switch(upload: StockImport, *, version: int) -> None:
    """Make everything the import staged visible: this row's change alone, whatever the file's size."""
    upload.version = version
