"""One row taken in: the car registered or changed, its papers put on file, its steps taken as far as the rules let it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.errors import Refusal
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import STEPS, ImportState
from marketplace.parallel_import.domain.inbound import RowFinding, RowOutcome, find
from marketplace.parallel_import.models import FeedRun, ImportCar
from marketplace.parallel_import.schemas.cars import ImportedCar
from marketplace.parallel_import.schemas.feed_cars import FeedCar
from marketplace.parallel_import.service import cars
from marketplace.parallel_import.service.inbound.rows import ReadRow
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True)
class Taken:
    row: ReadRow
    outcome: RowOutcome
    import_id: UUID | None
    findings: tuple[RowFinding, ...]


class _RowRefused(Exception):
    def __init__(self, finding: RowFinding) -> None:
        super().__init__(finding.code)
        self.finding = finding


def take(session: Session, *, run: FeedRun, principal: Principal, row: ReadRow) -> Taken:
    """Whatever refuses the row becomes its answer; nothing is raised for it. What was taken in before a refused step stays."""
    if row.car is None:
        return Taken(row, RowOutcome.BAD, None, row.findings)
    try:
        with session.begin_nested():
            found, is_new = _car_of(session, run, principal, row.car)
            _write_facts(session, principal, found, row.car, is_new=is_new)
    except _RowRefused as refused:
        return Taken(row, RowOutcome.BAD, None, (refused.finding,))
    except Refusal as refusal:
        return Taken(row, RowOutcome.BAD, None, (_of_refusal(refusal, "row"),))
    finding = _walk(session, principal, found.id, row.car)
    kept = queries.lock_car(session, found.id)
    kept.source_hash = row.row_hash if finding is None else ""
    kept.in_source = True
    session.add(kept)
    session.flush()
    if finding is not None:
        return Taken(row, RowOutcome.HELD_BACK, found.id, (finding,))
    return Taken(row, RowOutcome.ADDED if is_new else RowOutcome.CHANGED, found.id, ())


def _of_refusal(refusal: Refusal, place: str) -> RowFinding:
    """A refusal as a finding: its own sentence, its code, and the article where there is one."""
    article = f"依据:{refusal.rule.article}" if refusal.rule else ""
    return find(str(refusal.fields.get("field", place)), refusal.code, zh=refusal.title("zh"), hint=article or "按提示更正后重新发送")


def _car_of(session: Session, run: FeedRun, principal: Principal, car: FeedCar) -> tuple[ImportCar, bool]:
    """The car of that number, or of that VIN, or a new one."""
    found = queries.find_of_source(session, run.source_id, car.ref)
    vehicle_id = vehicles.find_by_vin(session, vin=car.vin)
    if found is not None:
        if found.vehicle_id != vehicle_id:
            raise _RowRefused(find("vin", "vin_differs"))
        return queries.lock_car(session, found.id), False
    known = queries.find_of_vehicle(session, vehicle_id) if vehicle_id is not None else None
    if known is not None and known.pilot_id == run.pilot_id:
        if known.source_id not in {None, run.source_id} and known.in_source:
            raise _RowRefused(find("vin", "other_source"))
        row, is_new = queries.lock_car(session, known.id), False
    else:
        registered = cars.register(
            session,
            principal=principal,
            facts=_facts(car),
            import_version=car.import_version,
            shown=_stated(car),
            arrived_on=None,
        )
        row, is_new = queries.lock_car(session, registered.row.id), True
    row.source_id, row.source_ref = run.source_id, car.ref
    session.add(row)
    session.flush()
    return row, is_new


def _facts(car: FeedCar) -> vehicles.VehicleFacts:
    return ImportedCar.model_validate(car.model_dump(include=set(ImportedCar.model_fields))).facts()


def _stated(car: FeedCar) -> dict[str, Any]:
    return car.model_dump(include=set(cars.SHOWN_FIELDS) - {"import_version"})


def _write_facts(session: Session, principal: Principal, row: ImportCar, car: FeedCar, *, is_new: bool) -> None:
    if not is_new:
        _update_vehicle(session, principal, row.vehicle_id, _facts(car))
        stated = {name: value for name, value in {**_stated(car), "import_version": car.import_version}.items() if value != ""}
        cars.describe(session, principal=principal, import_id=row.id, changes=stated)
    there = {paper.kind: paper for paper in queries.list_papers(session, row.id)}
    for paper in car.papers:
        former = there.get(paper.kind)
        if former is None or (former.number, former.issuer, former.issued_on) != (paper.number, paper.issuer, paper.issued_on):
            cars.record_paper(session, principal=principal, import_id=row.id, **paper.model_dump())


_FIXED = frozenset({"vin", "identity_kind", "odometer_km", "kind", "battery"})


def _update_vehicle(session: Session, principal: Principal, vehicle_id: UUID, facts: vehicles.VehicleFacts) -> None:
    """Facts the feed states differently; what it leaves empty stays. Kilometres are a new reading."""
    known = vehicles.get_facts(session, vehicle_id=vehicle_id)
    changes = {
        name: value
        for name in vehicles.VehicleFacts.__dataclass_fields__
        if name not in _FIXED and (value := getattr(facts, name)) is not None and value != getattr(known, name)
    }
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


# --- steps ---------------------------------------------------------------------------------------------------------------


def _walk(session: Session, principal: Principal, import_id: UUID, car: FeedCar) -> RowFinding | None:
    """Take the steps towards the state the feed names; what refuses one is returned, the steps before it stand."""
    while True:
        row = queries.lock_car(session, import_id)
        step = _next_step(session, principal, row, car)
        if step is None:
            return None
        try:
            with session.begin_nested():
                step()
        except _RowRefused as refused:
            return refused.finding
        except Refusal as refusal:
            return _of_refusal(refusal, "state")


def _next_step(session: Session, principal: Principal, row: ImportCar, car: FeedCar) -> Callable[[], None] | None:
    """What brings the car nearer to the feed's state, None when it is there."""
    if ImportState.SOLD in {row.state, car.state}:
        return _sold_step(session, row, car)
    if row.state is ImportState.ON_SALE:
        if car.state is ImportState.ON_SALE:
            return _reprice(session, principal, row, car)
        return lambda: _off_window(session, principal, row)
    here, there = STEPS.index(row.state), STEPS.index(car.state)
    if here >= there:
        return None
    following = STEPS[here + 1]
    if following is ImportState.ON_SALE:
        assert car.ask_minor is not None
        ask_minor = car.ask_minor
        return lambda: _discard(
            cars.publish(session, principal=principal, import_id=row.id, ask_minor=ask_minor, description=car.description)
        )
    on = {ImportState.ARRIVED: car.arrived_on, ImportState.CLEARED: car.cleared_on}.get(following)
    return lambda: _discard(cars.take_step(session, principal=principal, import_id=row.id, step=following, on=on))


def _sold_step(session: Session, row: ImportCar, car: FeedCar) -> Callable[[], None] | None:
    if row.state is not ImportState.SOLD:
        return lambda: _sell(session, row)
    return None if car.state is ImportState.SOLD else _refuse("state", "already_sold")


def _discard(_value: object) -> None:
    """A step's own answer is not needed."""


def _refuse(place: str, code: str) -> Callable[[], None]:
    def refuse() -> None:
        raise _RowRefused(find(place, code))

    return refuse


def _off_window(session: Session, principal: Principal, row: ImportCar) -> None:
    cars.withdraw(session, principal=principal, import_id=row.id, note="数据源更新")


def _reprice(session: Session, principal: Principal, row: ImportCar, car: FeedCar) -> Callable[[], None] | None:
    assert row.listing_id is not None
    listing_id, ask_minor = row.listing_id, car.ask_minor
    if ask_minor is None or listings.get_listing(session, listing_id=listing_id).ask_minor == ask_minor:
        return None
    return lambda: _discard(listings.change_price(session, principal=principal, listing_id=listing_id, ask_minor=ask_minor))


def _sell(session: Session, row: ImportCar) -> None:
    """Sold elsewhere, says the pilot. A car that is being sold here stays as it is."""
    if listings.find_claim(session, vehicle_id=row.vehicle_id) is not None:
        raise _RowRefused(find("state", "claimed"))
    if row.state is ImportState.ON_SALE and row.listing_id is not None:
        listings.withdraw(session, principal=None, listing_id=row.listing_id, reason=listings.EndReason.IMPORT, note="试点企业另行售出")
    cars.off_sale(session, principal=None, row=row, state=ImportState.SOLD)


def leave(session: Session, *, principal: Principal, import_id: UUID, source_id: UUID) -> None:
    """The feed names the car no more: it leaves the window; dossier and papers stay."""
    row = queries.lock_car(session, import_id)
    if row.source_id != source_id or not row.in_source:
        return
    if row.state is ImportState.ON_SALE and row.listing_id is not None:
        cars.withdraw(session, principal=principal, import_id=import_id, note="数据源不再包含该车")
    row = queries.lock_car(session, import_id)
    row.in_source, row.source_hash, row.updated_at = False, "", clock.now(session)
    session.add(row)
    session.flush()
