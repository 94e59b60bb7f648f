"""A pilot's car from order to sale."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import (
    BadDay,
    Checked,
    Dossier,
    ImportNotFound,
    ImportState,
    ImportVersion,
    NotOnSale,
    PaperKind,
    check_publishable,
    check_step,
    checklist,
)
from marketplace.parallel_import.domain.pilots import bonded_until
from marketplace.parallel_import.events import DossierChanged, ImportMoved, import_key
from marketplace.parallel_import.models import ImportCar, ImportPaper
from marketplace.parallel_import.service.pilots import require_pilot
from marketplace.parallel_import.service.tables import import_rules, pilot_rules
from marketplace.vehicles import api as vehicles

SOURCE = "parallel_import"
SHOWN_FIELDS = (
    "importer",
    "warranty_giver",
    "warranty_terms",
    "repair_outlets",
    "recall_contact",
    "makers_warranty",
    "rectifications",
    "rectification_site",
    "differences",
    "import_version",
    "is_new",
)
"""What a pilot states of an import besides the car's own facts."""


@dataclass(frozen=True, slots=True)
class ImportView:
    """A row with its car and its checklist."""

    row: ImportCar
    car: vehicles.VehicleView
    checks: tuple[Checked, ...]
    ccc_no: str | None
    """Public, unlike the other papers' numbers: anybody may look the certificate up."""


def register(
    session: Session,
    *,
    principal: Principal,
    facts: vehicles.VehicleFacts,
    import_version: ImportVersion,
    shown: dict[str, Any],
    arrived_on: date | None = None,
) -> ImportView:
    """A car the pilot ordered, or that has arrived already. The pilot holds it; without an importer named he is the importer.

    Raises ``LicenceMissing``, ``LicenceLapsed``, ``BadDay`` and what registering a vehicle raises.
    """
    at = clock.now(session)
    today = clock.shanghai_day(at)
    licence = require_pilot(session, principal=principal)
    if arrived_on is not None and arrived_on > today:
        raise BadDay(field="arrived_on")
    car = vehicles.register_vehicle(
        session, principal=principal, party_id=principal.party_id, facts=facts, capacity=vehicles.Capacity.PILOT, acquired_on=None
    )
    row = ImportCar(
        vehicle_id=car.id,
        pilot_id=principal.party_id,
        state=ImportState.ARRIVED if arrived_on else ImportState.ORDERED,
        import_version=import_version,
        arrived_on=arrived_on,
        pilot_no=licence.number,
        created_at=at,
        updated_at=at,
        **shown,
    )
    row.importer = row.importer or accounts.legal_name(session, party_id=principal.party_id)
    session.add(row)
    session.flush()
    _moved(session, principal, row, act="import.register")
    return view(session, row)


def view(session: Session, row: ImportCar) -> ImportView:
    papers = {paper.kind: paper.number for paper in queries.list_papers(session, row.id)}
    rules = import_rules(clock.shanghai_day(clock.now(session)))
    car = vehicles.get_vehicle(session, vehicle_id=row.vehicle_id)
    return ImportView(row, car, checklist(papers, rules), papers.get(PaperKind.CCC_CERTIFICATE))


def get_own(session: Session, *, principal: Principal, import_id: UUID) -> ImportView:
    """Raises ``ImportNotFound``."""
    row = queries.get_car(session, import_id)
    if row.pilot_id != principal.party_id:
        raise ImportNotFound
    return view(session, row)


def get_disclosure(session: Session, *, vehicle_id: UUID) -> ImportView:
    """What a listing must show, for anybody, while the car is on sale. Raises ``ImportNotFound``."""
    row = queries.find_of_vehicle(session, vehicle_id)
    if row is None or row.state is not ImportState.ON_SALE:
        raise ImportNotFound
    return view(session, row)


def _lock_own(session: Session, principal: Principal, import_id: UUID) -> ImportCar:
    row = queries.lock_car(session, import_id)
    if row.pilot_id != principal.party_id:
        raise ImportNotFound
    return row


def describe(session: Session, *, principal: Principal, import_id: UUID, changes: dict[str, Any]) -> ImportView:
    """Change what is stated of the import (``SHOWN_FIELDS``).

    Raises ``ImportNotFound``; ``PapersMissing`` when the car is on sale and would no longer show what it must.
    """
    row = _lock_own(session, principal, import_id)
    changed = sorted(name for name, value in changes.items() if name in SHOWN_FIELDS and getattr(row, name) != value)
    for name in changed:
        setattr(row, name, changes[name])
    if changed:
        if row.state is ImportState.ON_SALE:
            check_publishable(dossier(session, row), import_rules(clock.shanghai_day(clock.now(session))))
        _changed(session, principal, row, changed, act="import.describe")
    return view(session, row)


def record_paper(
    session: Session, *, principal: Principal, import_id: UUID, kind: PaperKind, number: str, issuer: str, issued_on: date | None
) -> ImportPaper:
    """Put a paper into the dossier; one of the same kind is superseded. Raises ``ImportNotFound``, ``BadDay``."""
    row = _lock_own(session, principal, import_id)
    at = clock.now(session)
    if issued_on is not None and issued_on > clock.shanghai_day(at):
        raise BadDay(field="issued_on")
    for former in queries.list_papers(session, import_id):
        if former.kind is kind:
            former.superseded_at = at
            session.add(former)
    session.flush()
    paper = ImportPaper(
        import_id=import_id,
        kind=kind,
        number=number,
        issuer=issuer,
        issued_on=issued_on,
        recorded_by=principal.id,
        recorded_at=at,
    )
    session.add(paper)
    _changed(session, principal, row, [f"papers.{kind.value}"], act="import.record_paper")
    return paper


def take_step(session: Session, *, principal: Principal, import_id: UUID, step: ImportState, on: date | None = None) -> ImportView:
    """Arrival, clearance or certification, on a day not in the future. Raises ``PapersMissing``, ``EmissionTooLow``, ``StepNotNext``."""
    row = _lock_own(session, principal, import_id)
    at = clock.now(session)
    today = clock.shanghai_day(at)
    day = on or today
    if day > today or (step is ImportState.CLEARED and row.arrived_on is not None and day < row.arrived_on):
        raise BadDay(field="on")
    require_pilot(session, principal=principal)
    check_step(dossier(session, row), step, import_rules(today))
    if step is ImportState.ARRIVED:
        row.arrived_on = day
    if step is ImportState.CLEARED:
        row.cleared_on = day
    row.state = step
    row.updated_at = at
    session.add(row)
    session.flush()
    _moved(session, principal, row, act=f"import.{step.value}")
    return view(session, row)


def dossier(session: Session, row: ImportCar) -> Dossier:
    """What the rules look at."""
    car = vehicles.get_vehicle(session, vehicle_id=row.vehicle_id)
    stage = car.emission_stage
    return Dossier(
        state=row.state,
        arrived_on=row.arrived_on,
        is_electric=car.fuel in {vehicles.Fuel.BEV, vehicles.Fuel.FCEV},
        emission_stage=stage.value if stage else None,
        emission_rank=stage.rank if stage else None,
        papers=frozenset(paper.kind for paper in queries.list_papers(session, row.id)),
        shown={name: str(getattr(row, name)) for name in SHOWN_FIELDS},
    )


def publish(session: Session, *, principal: Principal, import_id: UUID, ask_minor: int, description: str = "") -> ImportView:
    """Put the car on sale: its dossier complete, a listing opens in channel parallel_import.

    Raises ``PapersMissing`` with everything missing, ``EmissionTooLow``, ``StepNotNext`` and what publishing a listing raises.
    """
    row = _lock_own(session, principal, import_id)
    at = clock.now(session)
    today = clock.shanghai_day(at)
    licence = require_pilot(session, principal=principal)
    check_step(dossier(session, row), ImportState.ON_SALE, import_rules(today))
    listing = listings.publish(
        session,
        principal=principal,
        vehicle_id=row.vehicle_id,
        seller_id=row.pilot_id,
        channel=listings.Channel.PARALLEL_IMPORT,
        ask_minor=ask_minor,
        description=description,
        source_kind=SOURCE,
        source_id=row.id,
    )
    row.state, row.listing_id, row.pilot_no, row.updated_at = ImportState.ON_SALE, listing.id, licence.number, at
    session.add(row)
    session.flush()
    _moved(session, principal, row, act="import.publish")
    return view(session, row)


def withdraw(session: Session, *, principal: Principal, import_id: UUID, note: str = "") -> ImportView:
    """Take the car off sale; it stays certified. Raises ``NotOnSale``."""
    row = _lock_own(session, principal, import_id)
    if row.state is not ImportState.ON_SALE or row.listing_id is None:
        raise NotOnSale
    listings.withdraw(session, principal=principal, listing_id=row.listing_id, reason=listings.EndReason.SELLER, note=note)
    off_sale(session, principal=principal, row=row, state=ImportState.CERTIFIED)
    return view(session, row)


def off_sale(session: Session, *, principal: Principal | None, row: ImportCar, state: ImportState) -> None:
    row.state, row.updated_at = state, clock.now(session)
    if state is ImportState.CERTIFIED:
        row.listing_id = None
    session.add(row)
    session.flush()
    _moved(session, principal, row, act=f"import.{'sold' if state is ImportState.SOLD else 'withdraw'}")


def _moved(session: Session, principal: Principal | None, row: ImportCar, *, act: str) -> None:
    append(session, ImportMoved(import_id=row.id, vehicle_id=row.vehicle_id, state=row.state), key=import_key(row.id))
    _audit(session, principal, row, act, {"state": row.state.value})


def _changed(session: Session, principal: Principal, row: ImportCar, fields: list[str], *, act: str) -> None:
    row.updated_at = clock.now(session)
    session.add(row)
    session.flush()
    append(session, DossierChanged(import_id=row.id, vehicle_id=row.vehicle_id, fields=fields), key=import_key(row.id))
    _audit(session, principal, row, act, {"fields": fields})


def _audit(session: Session, principal: Principal | None, row: ImportCar, act: str, facts: dict[str, Any]) -> None:
    recorded = {"vehicle_id": str(row.vehicle_id), **facts}
    audit.record(session, principal=principal, act=act, object_kind="import", object_id=row.id, facts=recorded)


def customs_status(row: ImportCar) -> str:
    """ordered, bonded 保税 or cleared 已清关: what a listing must say."""
    return {ImportState.ORDERED: "ordered", ImportState.ARRIVED: "bonded"}.get(row.state, "cleared")


def registration_status(found: ImportView) -> str:
    """new 新车 (never registered in China), used 二手."""
    return "used" if found.car.first_registration_on is not None or not found.row.is_new else "new"


def bonded_until_of(row: ImportCar) -> date | None:
    """The last day the car may stand in bond, None when it does not."""
    if row.state is not ImportState.ARRIVED or row.arrived_on is None:
        return None
    return bonded_until(row.arrived_on, pilot_rules(row.arrived_on))


def reminder(row: ImportCar) -> str:
    """The written reminder of 汽车销售管理办法 第十二条: not authorised by the maker, and who answers for the car."""
    authorised = "享有境外生产企业保修" if row.makers_warranty else "不享有境外生产企业官方保修"
    return f"本车为未经供应商授权销售的平行进口汽车,{authorised};质量追溯、召回、三包责任由{row.warranty_giver or row.importer}承担。"
