"""What a piece of a file would do to the stock as it is now: looked up for all its rows at once, written by nobody yet."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from marketplace.core.crypto import mask_plate
from marketplace.core.db import Session
from marketplace.sourcing.domain import RowOutcome, StockState
from marketplace.sourcing.domain.columns import Column, HeaderMap
from marketplace.sourcing.domain.findings import RowFinding, find
from marketplace.sourcing.domain.seen import Seen
from marketplace.sourcing.models.stock import StockCar
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.rows import Duplicates, MarketBounds, ParsedRow, parse_row, plain_vin
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import VehicleFacts

READER = "1"
"""Counted up when the same cells come to mean something else."""
FIXED = frozenset({"vin", "identity_kind", "odometer_km", "kind", "battery"})
"""Facts a file never changes by stating them: identity, and kilometres, which are readings."""
FACTS = tuple(name for name in VehicleFacts.__dataclass_fields__ if name not in FIXED)


@dataclass(frozen=True, slots=True)
class Target:
    """The stock row as a file wants it."""

    stock_no: str | None
    ask_minor: int
    cost_minor: int | None
    description: str
    row_hash: str


@dataclass(slots=True)
class Decided:
    """What becomes of one record. ``facts``: those of a car that is new, ``fact_changes`` of one that is known. ``rejoins``: the market
    knows the car, but nobody holds it. ``state``: what the stock row is to become.
    """

    n: int
    outcome: RowOutcome
    stock_no: str | None = None
    vehicle_id: UUID | None = None
    findings: tuple[RowFinding, ...] = ()
    cells: Sequence[str] = ()
    target: Target | None = None
    facts: VehicleFacts | None = None
    acquired_on: date | None = None
    fact_changes: dict[str, Any] = field(default_factory=dict)
    odometer_km: int | None = None
    images: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    stock_id: UUID | None = None
    known_hash: str | None = None
    state: StockState = StockState.IN_STOCK
    rejoins: bool = False

    @property
    def is_new(self) -> bool:
        return self.vehicle_id is None and self.outcome is RowOutcome.ADDED

    @property
    def is_told(self) -> bool:
        """Whether the import keeps an answer of its own for it."""
        return self.outcome is not RowOutcome.UNCHANGED or bool(self.findings)


class Reader:
    """One file on its way: what it has named so far, and what its rows are measured by."""

    def __init__(self, *, dealer_id: UUID, header: HeaderMap, bounds: MarketBounds, rows_max: int) -> None:
        self.dealer_id = dealer_id
        self.header = header
        self.bounds = bounds
        self.seen = Duplicates.of(rows_max)
        self.named = Seen(rows_max)
        mapped = sorted(header.columns.items())
        self._positions = [place.position for _column, place in mapped]
        self._signature = "\x1f".join([READER, *(f"{column}:{place.unit or ''}" for column, place in mapped)]).encode()

    def hash_of(self, cells: Sequence[str]) -> str:
        """Of the cells that are understood, in the fields' order: a moved column changes nothing."""
        count = len(cells)
        text = "\x1f".join([cells[position] if position < count else "" for position in self._positions])
        return hashlib.blake2b(text.encode("utf-8", "replace"), key=hashlib.sha256(self._signature).digest(), digest_size=24).hexdigest()

    def decide(self, session: Session, records: Sequence[tuple[int, Sequence[str]]]) -> tuple[list[Decided], int]:
        """The rows that say something new, and how many do not."""
        hashes = [self.hash_of(cells) for _n, cells in records]
        known = queries.find_same_rows(session, dealer_id=self.dealer_id, hashes=hashes)
        rest = []
        for (n, cells), row_hash in zip(records, hashes, strict=True):
            vehicle_id = known.get(row_hash)
            if vehicle_id is None or not self._is_first(cells):
                rest.append((n, cells, row_hash))
            else:
                self.named.add_number(vehicle_id.int)
        decided = self._decide_read(session, rest) if rest else []
        return decided, len(records) - len(rest)

    def _is_first(self, cells: Sequence[str]) -> bool:
        """Whether the file named the car not before; then it has now."""
        columns = self.header.columns
        number = columns.get(Column.STOCK_NO)
        if number is not None and number.position < len(cells):
            self.seen.stock_numbers.add(cells[number.position][:60])
        return self.seen.vins.add(plain_vin(cells[columns[Column.VIN].position]))

    def _decide_read(self, session: Session, rest: Sequence[tuple[int, Sequence[str], str]]) -> list[Decided]:
        rows = [parse_row(self.header, cells, n=n, bounds=self.bounds, seen=self.seen) for n, cells, _hash in rest]
        known = vehicles.find_known(session, vins=[row.vin for row in rows if row.vin])
        ids = [one.id for one in known.values()]
        stock = queries.lock_stock_of_vehicles(session, dealer_id=self.dealer_id, vehicle_ids=ids) if ids else {}
        mine = [one.id for one in known.values() if one.holder_id == self.dealer_id]
        facts = vehicles.list_facts(session, vehicle_ids=mine) if mine else {}
        decided = []
        for row, (_n, cells, row_hash) in zip(rows, rest, strict=True):
            car = known.get(row.vin) if row.vin else None
            one = self._decide_row(row, row_hash, car, stock.get(car.id) if car else None, facts.get(car.id) if car else None)
            one.cells = cells
            if one.vehicle_id is not None:
                self.named.add_number(one.vehicle_id.int)
            decided.append(one)
        return decided

    def _decide_row(
        self, row: ParsedRow, row_hash: str, car: vehicles.KnownVehicle | None, standing: StockCar | None, known: VehicleFacts | None
    ) -> Decided:
        one = Decided(n=row.n, outcome=RowOutcome.BAD, stock_no=row.stock_no, findings=row.findings)
        if not row.is_good or row.facts is None or row.ask_minor is None:
            one.vehicle_id = car.id if car is not None and standing is not None else None
            return one
        problem = _holding_problem(car, self.dealer_id)
        if problem is not None:
            one.findings = (*row.findings, find("vin", problem))
            return one
        one.outcome, one.images, one.acquired_on = RowOutcome.ADDED, row.images, row.acquired_on
        one.target = self._target(row, row_hash, standing)
        if car is None or known is None:  # a new car, or one that nobody holds any more
            one.facts, one.rejoins = row.facts, car is not None
            return one
        one.vehicle_id = car.id
        self._compare(one, row, standing, known)
        return one

    def _target(self, row: ParsedRow, row_hash: str, standing: StockCar | None) -> Target:
        """What the file states; of a column it does not have, what stands stays."""
        assert row.ask_minor is not None
        stated = self.header.columns
        return Target(
            stock_no=row.stock_no if Column.STOCK_NO in stated or standing is None else standing.stock_no,
            ask_minor=row.ask_minor,
            cost_minor=row.cost_minor if Column.COST in stated or standing is None else standing.cost_minor,
            description=row.description if Column.DESCRIPTION in stated or standing is None else standing.description,
            row_hash=row_hash,
        )

    def _compare(self, one: Decided, row: ParsedRow, standing: StockCar | None, known: VehicleFacts) -> None:
        """What differs from the stock: to the dealer's eyes in ``changes``, to go back in ``before``."""
        assert row.facts is not None
        assert one.target is not None
        for name in FACTS:
            value = getattr(row.facts, name)
            if value is not None and value != getattr(known, name):
                one.fact_changes[name] = value
                one.changes[name] = [shown(name, getattr(known, name)), shown(name, value)]
        if row.facts.odometer_km != known.odometer_km:
            one.odometer_km = row.facts.odometer_km
            one.changes["odometer_km"] = [known.odometer_km, row.facts.odometer_km]
            if row.facts.odometer_km < known.odometer_km:
                one.findings = (*one.findings, find("odometer", "odometer_lower"))
        if standing is not None:
            one.stock_id, one.known_hash = standing.id, standing.row_hash
            compare_stock(one, standing)
        one.before = image_of(standing, {name: change[0] for name, change in one.changes.items() if name in one.fact_changes})
        if standing is not None and standing.state is StockState.IN_STOCK:
            one.outcome = RowOutcome.CHANGED if one.changes or one.images else RowOutcome.UNCHANGED


def compare_stock(one: Decided, standing: StockCar) -> None:
    """The stock row's own differences."""
    assert one.target is not None
    for name in ("stock_no", "ask_minor", "cost_minor", "description"):
        old, new = getattr(standing, name), getattr(one.target, name)
        if old != new and standing.state is not StockState.STAGED:
            one.changes[name] = [old, new]


def image_of(standing: StockCar | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A stock row as it is, to be brought back. A plate is not kept."""
    kept = {name: value for name, value in facts.items() if name != "plate"}
    if standing is None or standing.state is StockState.STAGED:
        return {"state": StockState.REMOVED.value, "facts": kept}
    return {
        "state": standing.state.value,
        "stock_no": standing.stock_no,
        "ask_minor": standing.ask_minor,
        "cost_minor": standing.cost_minor,
        "description": standing.description,
        "row_hash": standing.row_hash,
        "facts": kept,
    }


def shown(name: str, value: Any) -> Any:
    """A fact as JSON; a plate masked."""
    if value is None or isinstance(value, (int, StrEnum)):
        return value.value if isinstance(value, StrEnum) else value
    if isinstance(value, date):
        return value.isoformat()
    return mask_plate(str(value)) if name == "plate" else str(value)


def _holding_problem(car: vehicles.KnownVehicle | None, dealer_id: UUID) -> str | None:
    if car is None or car.holder_id is None:
        return None
    if car.holder_id != dealer_id:
        return "vehicle_held_by_another"
    return None if car.capacity is vehicles.Capacity.DEALER_STOCK else "held_otherwise"


def refused(one: Decided, code: str) -> Decided:
    """The same row, kept out after all."""
    return replace(one, outcome=RowOutcome.BAD, vehicle_id=None, changes={}, before=None, findings=(*one.findings, find("vin", code)))
