"""Registering a car and changing its facts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.core import audit, clock
from marketplace.core.crypto import keyed_hash, mask_vin
from marketplace.core.db import Session
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import (
    AlreadyRegistered,
    BadFacts,
    BadVin,
    Capacity,
    HeldByAnother,
    IdentityKind,
    OdometerSource,
    Segment,
    UnknownBrand,
    VehicleFacts,
    VehicleNotFound,
    VehicleView,
    agrees_with_model_year,
    check_facts,
    complete_facts,
    parse_chassis,
    parse_plate,
    parse_vin,
)
from marketplace.vehicles.events import FactsChanged, VehicleRegistered, vehicle_key
from marketplace.vehicles.models import Holding, OdometerReading, Vehicle
from marketplace.vehicles.service import tables, views
from marketplace.vehicles.service.odometer import look_back

FIXED_FIELDS = frozenset({"vin", "identity_kind", "odometer_km"})
"""What a change of facts cannot touch: identity never changes, kilometres are readings."""


def check_stated(facts: VehicleFacts, *, today: date) -> VehicleFacts:
    """The facts with names, VIN and plate as stored. Raises ``BadVin``, ``BadPlate``, ``BadFacts`` or ``UnknownBrand``.

    Touches no database: imports check their rows with it.
    """
    facts = complete_facts(_named(facts))
    check_facts(facts, today=today)
    number = _number(facts, today)
    if facts.plate is not None:
        facts = replace(facts, plate=parse_plate(facts.plate).number)
    return replace(facts, vin=number)


def _number(facts: VehicleFacts, today: date) -> str:
    if facts.identity_kind is IdentityKind.CHASSIS:
        return parse_chassis(facts.vin)
    vin = parse_vin(facts.vin)
    if vin.is_chinese and agrees_with_model_year(vin, facts.model_year, latest=today.year + 1) is False:
        raise BadVin(reason="the tenth character is not of that model year", reason_zh="第10位与年款不符", part="model_year")
    return vin.number


def _named(facts: VehicleFacts) -> VehicleFacts:
    """Brand and series by their catalogue names; segment and body from there where not stated. An unknown series stays as written."""
    brand = tables.resolve_brand(facts.brand)
    if brand is None:
        raise UnknownBrand(brand=facts.brand[:40], suggestions=tables.catalogue().suggest_brands(facts.brand))
    series = tables.resolve_series(brand, facts.series)
    if series is None:
        stated = facts.series.strip()
        if not stated:
            raise BadFacts(field="series")
        return replace(facts, brand=brand.name, series=stated, segment=facts.segment or Segment.OTHER, city=_city(facts.city))
    return replace(
        facts,
        brand=brand.name,
        series=series.name,
        segment=facts.segment or series.segment,
        body=facts.body or series.body,
        city=_city(facts.city),
    )


def _city(text: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise BadFacts(field="city")
    return stripped.removesuffix("市") if len(stripped) > 2 else stripped


def register_vehicle(
    session: Session,
    *,
    principal: Principal | None,
    party_id: UUID,
    facts: VehicleFacts,
    capacity: Capacity,
    proof: str = "",
    acquired_on: date | None = None,
) -> VehicleView:
    """The car of that VIN, held by ``party_id`` from now on.

    Raises ``HeldByAnother``, ``AlreadyRegistered`` and what ``check_stated`` raises.
    """
    today = clock.shanghai_day(clock.now(session))
    stated = check_stated(facts, today=today)
    found = queries.lock_by_vin(session, stated.vin)
    created = _create(session, stated) if found is None else None
    row = created or found or queries.lock_by_vin(session, stated.vin)
    assert row is not None
    at = clock.now(session)
    if created is None:
        _check_free(session, row, party_id)
        _apply(row, stated, at)
        row.odometer_km = stated.odometer_km
        row.facts_version += 1
    session.add(Holding(vehicle_id=row.id, party_id=party_id, capacity=capacity, since_at=at, acquired_on=acquired_on, proof=proof[:200]))
    session.add(_first_reading(row, party_id, at))
    session.flush()
    look_back(session, row)
    append(
        session,
        VehicleRegistered(vehicle_id=row.id, party_id=party_id, capacity=capacity, facts_version=row.facts_version),
        key=vehicle_key(row.id),
    )
    audit.record(
        session,
        principal=principal,
        act="vehicle.register",
        object_kind="vehicle",
        object_id=row.id,
        facts={"party_id": str(party_id), "capacity": capacity.value, "is_new": created is not None},
    )
    return views.load_view(session, row)


def _create(session: Session, facts: VehicleFacts) -> Vehicle | None:
    """A new row, None when another transaction made one of the same VIN at the same moment."""
    row = _new_row(facts, clock.now(session))
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return None
    return row


def _check_free(session: Session, row: Vehicle, party_id: UUID) -> None:
    for holding in queries.list_open_holdings(session, row.id):
        if holding.party_id == party_id:
            raise AlreadyRegistered(vehicle_id=str(row.id))
        raise HeldByAnother


def _new_row(facts: VehicleFacts, at: datetime) -> Vehicle:
    return Vehicle(**new_values(facts, at))


def new_values(facts: VehicleFacts, at: datetime) -> dict[str, Any]:
    """The columns of a car that was not known before."""
    values: dict[str, Any] = {name: getattr(facts, name) for name in views.FACT_FIELDS}
    return values | {
        "vin": facts.vin,
        "vin_hash": keyed_hash("vin", facts.vin),
        "vin_masked": mask_vin(facts.vin),
        "wmi": facts.vin[:3],
        **_plate_columns(facts),
        "battery": views.battery_document(facts.battery),
        "created_at": at,
        "updated_at": at,
    }


def _plate_columns(facts: VehicleFacts) -> dict[str, Any]:
    if facts.plate is None:
        return {"plate": None, "plate_hash": None, "plate_region": None}
    return {"plate": facts.plate, "plate_hash": keyed_hash("plate", facts.plate), "plate_region": facts.plate[:2]}


def _first_reading(row: Vehicle, party_id: UUID, at: datetime) -> OdometerReading:
    return OdometerReading(
        vehicle_id=row.id,
        odometer_km=row.odometer_km,
        read_on=clock.shanghai_day(at),
        source=OdometerSource.HOLDER,
        recorded_by=party_id,
        recorded_at=at,
    )


def _apply(row: Vehicle, facts: VehicleFacts, at: datetime) -> list[str]:
    """Write the facts that differ; returns their names."""
    values: dict[str, Any] = {name: getattr(facts, name) for name in views.FACT_FIELDS if name not in FIXED_FIELDS}
    values["battery"] = views.battery_document(facts.battery)
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if row.plate != facts.plate:
        for name, value in _plate_columns(facts).items():
            setattr(row, name, value)
        changed.append("plate")
    row.updated_at = at
    return changed


def update_facts(session: Session, *, principal: Principal, vehicle_id: UUID, changes: Mapping[str, Any]) -> VehicleView:
    """Change public facts as a holder. ``changes`` holds fields of ``VehicleFacts`` short of ``FIXED_FIELDS``.

    Raises ``VehicleNotFound`` for who holds it not, and what ``check_stated`` raises.
    """
    if FIXED_FIELDS & set(changes):
        raise BadFacts(field=min(FIXED_FIELDS & set(changes)))
    row = queries.lock_row(session, vehicle_id)
    if queries.find_holding(session, vehicle_id, principal.party_id) is None:
        raise VehicleNotFound
    at = clock.now(session)
    wanted = replace(_renamed(views.facts_of(row), changes), **changes)
    changed = _apply(row, check_stated(wanted, today=clock.shanghai_day(at)), at)
    if changed:
        announce_change(session, row, changed=changed)
        audit.record(
            session, principal=principal, act="vehicle.edit", object_kind="vehicle", object_id=row.id, facts={"fields": sorted(changed)}
        )
    return views.load_view(session, row)


def _renamed(facts: VehicleFacts, changes: Mapping[str, Any]) -> VehicleFacts:
    """A car of another series has that series' segment and body unless stated."""
    return replace(facts, segment=None, body=None) if {"brand", "series"} & set(changes) else facts


def announce_change(session: Session, row: Vehicle, *, changed: list[str]) -> None:
    """Count the version up and tell others, once for all changes of a call."""
    row.facts_version += 1
    session.add(row)
    append(
        session,
        FactsChanged(vehicle_id=row.id, facts_version=row.facts_version, fields=sorted(changed)),
        key=vehicle_key(row.id),
    )
