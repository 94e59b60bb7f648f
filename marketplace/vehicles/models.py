"""Tables of vehicles. Full VIN, plate and document numbers are encrypted; look-up goes by keyed hash."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.vehicles.domain import (
    BodyStyle,
    Capacity,
    Colour,
    DocumentKind,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    IdentityKind,
    OdometerSource,
    RestrictionKind,
    RestrictionState,
    Segment,
    UseType,
    VehicleKind,
)


class Vehicle(SQLModel, table=True):
    """One VIN for ever: identity and public facts, no owner. ``facts_version`` grows with every change."""

    __tablename__ = "vehicle"
    __table_args__ = (
        sa.CheckConstraint("odometer_km >= 0", name="odometer_not_negative"),
        sa.CheckConstraint("transfer_count >= 0", name="transfer_count_not_negative"),
        sa.CheckConstraint("msrp_minor IS NULL OR msrp_minor > 0", name="msrp_positive"),
        sa.CheckConstraint("facts_version >= 1", name="facts_version_counts"),
    )

    id: UUID = primary_id()
    identity_kind: IdentityKind = Field(sa_type=enum_type(IdentityKind, "identity_kind"))
    vin: str = Field(sa_type=encrypted("vin", lookup="vin_hash"))
    vin_hash: str = Field(max_length=80, unique=True)
    vin_masked: str = Field(max_length=20)
    wmi: str = Field(max_length=3)
    plate: str | None = Field(default=None, sa_type=encrypted("plate", lookup="plate_hash"))
    plate_hash: str | None = Field(default=None, max_length=80, index=True)
    plate_region: str | None = Field(default=None, max_length=2)

    kind: VehicleKind = Field(sa_type=enum_type(VehicleKind, "kind"))
    brand: str = Field(max_length=40, index=True)
    series: str = Field(max_length=60)
    model: str = Field(max_length=120)
    model_year: int
    segment: Segment = Field(sa_type=enum_type(Segment, "segment"))
    body: BodyStyle | None = Field(default=None, sa_type=enum_type(BodyStyle, "body"))
    first_registration_on: date | None = None
    manufactured_on: date | None = None
    odometer_km: int
    fuel: Fuel = Field(sa_type=enum_type(Fuel, "fuel"))
    gearbox: Gearbox | None = Field(default=None, sa_type=enum_type(Gearbox, "gearbox"))
    drivetrain: Drivetrain | None = Field(default=None, sa_type=enum_type(Drivetrain, "drivetrain"))
    emission_stage: EmissionStage | None = Field(default=None, sa_type=enum_type(EmissionStage, "emission_stage"))
    displacement_ml: int | None = None
    power_kw: int | None = None
    seats: int | None = None
    colour: Colour = Field(sa_type=enum_type(Colour, "colour"))
    use_type: UseType = Field(sa_type=enum_type(UseType, "use_type"))
    transfer_count: int = 0
    key_count: int | None = None
    msrp_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    city: str = Field(max_length=30, index=True)
    inspection_valid_until: date | None = None
    insurance_valid_until: date | None = None
    battery: dict[str, Any] | None = Field(default=None, sa_type=Json)

    facts_version: int = Field(default=1)
    created_at: datetime
    updated_at: datetime


class Holding(SQLModel, table=True):
    """Who may act on a car. At most one open title (all but consignee) a car; a party holds a car once at a time."""

    __tablename__ = "vehicle_holding"
    __table_args__ = (
        sa.Index(
            "uq_vehicle_holding_open_title",
            "vehicle_id",
            unique=True,
            sqlite_where=sa.text("until_at IS NULL AND capacity <> 'consignee'"),
            postgresql_where=sa.text("until_at IS NULL AND capacity <> 'consignee'"),
        ),
        sa.Index(
            "uq_vehicle_holding_open_party",
            "vehicle_id",
            "party_id",
            unique=True,
            sqlite_where=sa.text("until_at IS NULL"),
            postgresql_where=sa.text("until_at IS NULL"),
        ),
        sa.Index("ix_vehicle_holding_party", "party_id", "until_at"),
        sa.CheckConstraint("until_at IS NULL OR until_at >= since_at", name="until_after_since"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id")
    party_id: UUID
    capacity: Capacity = Field(sa_type=enum_type(Capacity, "capacity"))
    since_at: datetime
    until_at: datetime | None = None
    acquired_on: date | None = None
    ended_by: str | None = Field(default=None, max_length=60)
    proof: str = Field(default="", max_length=200)
    private_note: str = Field(default="", max_length=2000)
    buy_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)


class OdometerReading(SQLModel, table=True):
    """Append-only: a reading is never taken back, a lower one later raises the alarm."""

    __tablename__ = "odometer_reading"
    __table_args__ = (sa.CheckConstraint("odometer_km >= 0", name="reading_not_negative"),)

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    odometer_km: int
    read_on: date
    source: OdometerSource = Field(sa_type=enum_type(OdometerSource, "source"))
    recorded_by: UUID
    recorded_at: datetime


append_only(OdometerReading.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class VehicleDocument(SQLModel, table=True):
    """A paper seen. ``holder_name`` is the name on it. A renewed paper closes the former one."""

    __tablename__ = "vehicle_document"

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    kind: DocumentKind = Field(sa_type=enum_type(DocumentKind, "kind"))
    number: str | None = Field(default=None, sa_type=encrypted("document_number"))
    holder_name: str | None = Field(default=None, sa_type=encrypted("person_name"))
    valid_until: date | None = None
    party_id: UUID
    recorded_at: datetime
    superseded_at: datetime | None = None


class VehicleRestriction(SQLModel, table=True):
    """A lien, seal, supervision or other bar that stands on a car until it is released."""

    __tablename__ = "vehicle_restriction"

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    kind: RestrictionKind = Field(sa_type=enum_type(RestrictionKind, "kind"))
    state: RestrictionState = Field(default=RestrictionState.OPEN, sa_type=enum_type(RestrictionState, "state"))
    authority: str = Field(default="", max_length=120)
    reference: str = Field(default="", max_length=120)
    amount_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    recorded_by: UUID
    recorded_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    decision_reference: str | None = Field(default=None, max_length=120)


class VehiclePhoto(SQLModel, table=True):
    """A photo, re-encoded; it hangs on the holding of who took it."""

    __tablename__ = "vehicle_photo"
    __table_args__ = (sa.UniqueConstraint("vehicle_id", "sha256", name="vehicle_photo_once"),)

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    holding_id: UUID = Field(foreign_key="vehicle_holding.id")
    position: int
    caption: str = Field(default="", max_length=60)
    sha256: str = Field(max_length=64)
    width_px: int
    height_px: int
    size_bytes: int = Field(sa_type=sa.BigInteger)
    file_key: str = Field(max_length=200)
    thumbnail_key: str = Field(max_length=200)
    created_at: datetime
