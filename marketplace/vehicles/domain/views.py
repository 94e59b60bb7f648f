"""What others see of a car: frozen, public (masked), free of models."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from marketplace.vehicles.domain.facts import BatteryFacts
from marketplace.vehicles.domain.vocabulary import (
    BodyStyle,
    Capacity,
    Colour,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    IdentityKind,
    OwnerKind,
    PlateClass,
    PurchaseTax,
    RegisteredClass,
    RegistryStatus,
    Segment,
    ServiceRecord,
    SourceKind,
    UseType,
    VehicleKind,
)


@dataclass(frozen=True, slots=True)
class PhotoView:
    id: UUID
    position: int
    caption: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleView:
    """Public facts. ``plate_region`` is all that is shown of a plate; ``vin_masked`` of a VIN. ``maker`` is the works by the VIN's first
    three characters, None where the table has none. ``rolled_back_on``: the odometer went back on that day."""

    id: UUID
    identity_kind: IdentityKind
    vin_masked: str
    maker: str | None
    plate_region: str | None
    kind: VehicleKind
    brand: str
    series: str
    model: str
    model_year: int
    segment: Segment
    body: BodyStyle | None
    first_registration_on: date | None
    odometer_km: int
    fuel: Fuel
    gearbox: Gearbox | None
    drivetrain: Drivetrain | None
    emission_stage: EmissionStage | None
    displacement_ml: int | None
    power_kw: int | None
    seats: int | None
    colour: Colour
    use_type: UseType
    transfer_count: int
    key_count: int | None
    msrp_minor: int | None
    city: str
    inspection_valid_until: date | None
    insurance_valid_until: date | None
    battery: BatteryFacts | None
    registered_model: str | None
    registered_class: RegisteredClass | None
    plate_class: PlateClass | None
    owner_kind: OwnerKind | None
    registry_status: RegistryStatus | None
    source_kind: SourceKind | None
    former_use: UseType | None
    use_changed_on: date | None
    manufactured_on: date | None
    is_turbocharged: bool | None
    purchase_tax: PurchaseTax | None
    commercial_insurance_until: date | None
    vehicle_tax_until: date | None
    violations_count: int | None
    violations_points: int | None
    violations_fine_minor: int | None
    service_record: ServiceRecord | None
    service_last_on: date | None
    service_last_km: int | None
    claims_count: int | None
    claims_max_minor: int | None
    is_accident: bool | None
    is_flood: bool | None
    is_fire: bool | None
    condition_note: str | None
    estimated_km: int | None
    rolled_back_on: date | None
    photos: tuple[PhotoView, ...]
    facts_version: int
    updated_at: datetime

    @property
    def title(self) -> str:
        """What a listing is headed with: 大众 帕萨特 2021款 330TSI."""
        return f"{self.brand} {self.series} {self.model}".strip()


@dataclass(frozen=True, slots=True)
class HoldingView:
    """An open holding: who may act on the car since when, and by what proof; note and prices (fen) are the holder's alone."""

    vehicle_id: UUID
    party_id: UUID
    capacity: Capacity
    since: datetime
    proof: str
    acquired_on: date | None = None
    private_note: str = ""
    buy_price_minor: int | None = None
    floor_price_minor: int | None = None
