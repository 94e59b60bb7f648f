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
    CheckState,
    Colour,
    DocumentKind,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    HistoryKind,
    IdentityKind,
    OdometerSource,
    OwnerKind,
    PlateClass,
    PurchaseTax,
    RegisteredClass,
    RegistryStatus,
    RestrictionKind,
    RestrictionState,
    Segment,
    ServiceRecord,
    SourceKind,
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

    registered_model: str | None = Field(default=None, max_length=60)
    registered_class: RegisteredClass | None = Field(default=None, sa_type=enum_type(RegisteredClass, "registered_class"))
    plate_class: PlateClass | None = Field(default=None, sa_type=enum_type(PlateClass, "plate_class"))
    owner_kind: OwnerKind | None = Field(default=None, sa_type=enum_type(OwnerKind, "owner_kind"))
    registry_status: RegistryStatus | None = Field(default=None, sa_type=enum_type(RegistryStatus, "registry_status"))
    source_kind: SourceKind | None = Field(default=None, sa_type=enum_type(SourceKind, "source_kind"))
    former_use: UseType | None = Field(default=None, sa_type=enum_type(UseType, "former_use"))
    use_changed_on: date | None = None
    is_turbocharged: bool | None = None
    purchase_tax: PurchaseTax | None = Field(default=None, sa_type=enum_type(PurchaseTax, "purchase_tax"))
    commercial_insurance_until: date | None = None
    vehicle_tax_until: date | None = None
    violations_count: int | None = None
    violations_points: int | None = None
    violations_fine_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    service_record: ServiceRecord | None = Field(default=None, sa_type=enum_type(ServiceRecord, "service_record"))
    service_last_on: date | None = None
    service_last_km: int | None = None
    claims_count: int | None = None
    claims_max_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    is_accident: bool | None = None
    is_flood: bool | None = None
    is_fire: bool | None = None
    condition_note: str | None = Field(default=None, max_length=1000)
    estimated_km: int | None = None
    rolled_back_on: date | None = None

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
    floor_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)


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


class VehicleHistory(SQLModel, table=True):
    """A workshop visit or an insurance claim, append-only; it names nobody. ``authorised``: the maker's own workshop (4S店)."""

    __tablename__ = "vehicle_history"
    __table_args__ = (sa.CheckConstraint("amount_minor IS NULL OR amount_minor >= 0", name="history_amount_not_negative"),)

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    kind: HistoryKind = Field(sa_type=enum_type(HistoryKind, "kind"))
    happened_on: date
    odometer_km: int | None = None
    place: str = Field(default="", max_length=80)
    is_authorised: bool | None = None
    description: str = Field(default="", max_length=500)
    amount_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    recorded_by: UUID
    recorded_at: datetime


append_only(VehicleHistory.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class VehicleSale(SQLModel, table=True):
    """A sale the rules count: who sold which car when, having had it since when. ``ordinal`` numbers a person's sales of cars held for less
    than the term in a calendar year; None for one that does not count. ``proof`` names the contract; written once."""

    __tablename__ = "vehicle_sale"
    __table_args__ = (
        sa.UniqueConstraint("vehicle_id", "party_id", "proof", name="vehicle_sale_once"),
        sa.UniqueConstraint("party_id", "year", "ordinal", name="vehicle_sale_ordinal"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    party_id: UUID = Field(index=True)
    proof: str = Field(max_length=200)
    sold_on: date
    acquired_on: date | None = None
    year: int
    ordinal: int | None = None
    recorded_at: datetime


class VehicleShowing(SQLModel, table=True):
    """An open listing of the car, told by the shop window: while there is one, the public may ask whether the car may be traded.

    ``listing_version`` of the last word heard, since words come out of order."""

    __tablename__ = "vehicle_showing"

    listing_id: UUID = Field(primary_key=True)
    vehicle_id: UUID = Field(index=True)
    is_open: bool
    listing_version: int


class VehicleDocument(SQLModel, table=True):
    """A paper seen. ``holder_name`` is the name on it. A renewed paper closes the former one.

    ``check_state`` is an operator's word on it; a paper that ends a restriction names it and counts only once accepted.
    """

    __tablename__ = "vehicle_document"
    __table_args__ = (sa.CheckConstraint("(check_state = 'unchecked') = (checked_by IS NULL)", name="checked_by_somebody"),)

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    kind: DocumentKind = Field(sa_type=enum_type(DocumentKind, "kind"))
    number: str | None = Field(default=None, sa_type=encrypted("document_number"))
    holder_name: str | None = Field(default=None, sa_type=encrypted("person_name"))
    valid_until: date | None = None
    issued_on: date | None = None
    restriction_id: UUID | None = Field(default=None, foreign_key="vehicle_restriction.id")
    check_state: CheckState = Field(default=CheckState.UNCHECKED, sa_type=enum_type(CheckState, "check_state"))
    checked_by: UUID | None = None
    checked_at: datetime | None = None
    check_note: str | None = Field(default=None, max_length=300)
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
    """A photo, re-encoded; it hangs on the holding of who took it and is shown as long as that is open."""

    __tablename__ = "vehicle_photo"
    __table_args__ = (sa.UniqueConstraint("holding_id", "sha256", name="vehicle_photo_once"),)

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    holding_id: UUID = Field(foreign_key="vehicle_holding.id", index=True)
    position: int
    caption: str = Field(default="", max_length=60)
    sha256: str = Field(max_length=64)
    width_px: int
    height_px: int
    size_bytes: int = Field(sa_type=sa.BigInteger)
    file_key: str = Field(max_length=200)
    thumbnail_key: str = Field(max_length=200)
    created_at: datetime
