"""Rows to frozen views."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any
from uuid import UUID

from marketplace.core.db import Session
from marketplace.vehicles import queries
from marketplace.vehicles.domain import BatteryChemistry, BatteryFacts, HoldingView, PhotoView, RangeStandard, VehicleFacts, VehicleView
from marketplace.vehicles.models import Holding, Vehicle, VehiclePhoto
from marketplace.vehicles.service.tables import maker_of

PUBLIC_FIELDS = tuple(f.name for f in fields(VehicleView) if f.name not in {"battery", "photos", "maker"})
FACT_FIELDS = tuple(f.name for f in fields(VehicleFacts) if f.name not in {"battery", "vin", "plate"})


def photo_view(row: VehiclePhoto) -> PhotoView:
    return PhotoView(row.id, row.position, row.caption, row.width_px, row.height_px)


def vehicle_view(row: Vehicle, photos: Sequence[VehiclePhoto]) -> VehicleView:
    public: dict[str, Any] = {name: getattr(row, name) for name in PUBLIC_FIELDS}
    return VehicleView(
        **public, maker=maker_of(row.wmi), battery=battery_facts(row.battery), photos=tuple(photo_view(photo) for photo in photos)
    )


def load_view(session: Session, row: Vehicle) -> VehicleView:
    return vehicle_view(row, queries.list_photos(session, [row.id]))


def load_views(session: Session, vehicle_ids: Sequence[UUID]) -> dict[UUID, VehicleView]:
    """Several cars in two statements; ids that are none are left out."""
    photos: dict[UUID, list[VehiclePhoto]] = {}
    for photo in queries.list_photos(session, vehicle_ids):
        photos.setdefault(photo.vehicle_id, []).append(photo)
    return {row.id: vehicle_view(row, photos.get(row.id, [])) for row in queries.list_rows(session, vehicle_ids)}


def holding_view(row: Holding) -> HoldingView:
    return HoldingView(
        vehicle_id=row.vehicle_id,
        party_id=row.party_id,
        capacity=row.capacity,
        since=row.since_at,
        proof=row.proof,
        acquired_on=row.acquired_on,
        private_note=row.private_note,
        buy_price_minor=row.buy_price_minor,
        floor_price_minor=row.floor_price_minor,
    )


def battery_facts(stored: Mapping[str, Any] | None) -> BatteryFacts | None:
    if stored is None:
        return None
    values = dict(stored)
    values["chemistry"] = BatteryChemistry(values["chemistry"]) if values.get("chemistry") else None
    values["range_standard"] = RangeStandard(values["range_standard"]) if values.get("range_standard") else None
    for day in ("soh_on", "warranty_until"):
        values[day] = date.fromisoformat(values[day]) if values.get(day) else None
    return BatteryFacts(**values)


def battery_document(battery: BatteryFacts | None) -> dict[str, Any] | None:
    """What is stored of a battery: plain JSON."""
    if battery is None:
        return None
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(battery).items()}


def facts_of(row: Vehicle) -> VehicleFacts:
    """The stored facts as a holder would state them, full VIN and plate included."""
    stated: dict[str, Any] = {name: getattr(row, name) for name in FACT_FIELDS}
    return VehicleFacts(**stated, vin=row.vin, plate=row.plate, battery=battery_facts(row.battery))
