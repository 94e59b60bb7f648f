"""Bodies of a car's facts. VIN and plate go in full, come out masked."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.vehicles.domain import (
    BatteryChemistry,
    BatteryFacts,
    BodyStyle,
    Capacity,
    Colour,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    HoldingView,
    IdentityKind,
    OwnerKind,
    PhotoView,
    PlateClass,
    PurchaseTax,
    RangeStandard,
    RegisteredClass,
    RegistryStatus,
    Segment,
    ServiceRecord,
    SourceKind,
    UseType,
    VehicleFacts,
    VehicleKind,
    VehicleView,
)

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"
Km = Annotated[int, Field(ge=0, le=3_000_000, examples=[42_000])]
Fen = Annotated[int, Field(gt=0, le=100_000_000_000, examples=[23_990_000])]


class BatteryBody(BaseModel):
    """A new-energy car's battery; health in thousandths with method and day, energy in watt-hours."""

    model_config = ConfigDict(extra="forbid")

    chemistry: BatteryChemistry | None = None
    rated_wh: int | None = Field(default=None, ge=0, le=500_000, examples=[60_000])
    range_km: int | None = Field(default=None, ge=0, le=3_000, examples=[556])
    range_standard: RangeStandard | None = None
    soh_permille: int | None = Field(default=None, ge=0, le=1000, examples=[934])
    soh_method: str | None = Field(default=None, max_length=60, examples=["整车诊断读取"])
    soh_on: date | None = None
    is_leased: bool = Field(default=False, description="车电分离: the battery is rented.")
    charge_cycles: int | None = Field(default=None, ge=0, le=20_000, examples=[312])
    is_replaced: bool | None = None
    warranty_until: date | None = None

    def facts(self) -> BatteryFacts:
        return BatteryFacts(**self.model_dump())


class ChangeableFacts(BaseModel):
    """What a holder may state and later correct. Left out: unknown, or taken from the catalogue (segment, body)."""

    model_config = ConfigDict(extra="forbid")

    kind: VehicleKind = VehicleKind.PASSENGER_SMALL
    first_registration_on: date | None = Field(default=None, examples=["2021-03-18"])
    manufactured_on: date | None = None
    fuel: Fuel = Fuel.PETROL
    gearbox: Gearbox | None = None
    drivetrain: Drivetrain | None = None
    emission_stage: EmissionStage | None = None
    displacement_ml: int | None = Field(default=None, ge=50, le=20_000, examples=[1_984])
    power_kw: int | None = Field(default=None, ge=1, le=3_000, examples=[137])
    body: BodyStyle | None = None
    segment: Segment | None = None
    seats: int | None = Field(default=None, ge=1, le=60, examples=[5])
    colour: Colour = Colour.OTHER
    use_type: UseType = UseType.NON_COMMERCIAL
    transfer_count: int = Field(default=0, ge=0, le=99)
    key_count: int | None = Field(default=None, ge=0, le=9, examples=[2])
    msrp_minor: Fen | None = None
    plate: str | None = Field(default=None, max_length=12, examples=["津A12345"])
    inspection_valid_until: date | None = None
    insurance_valid_until: date | None = None
    battery: BatteryBody | None = None
    registered_model: str | None = Field(default=None, max_length=60, examples=["SVW71810KJD"])
    registered_class: RegisteredClass | None = None
    plate_class: PlateClass | None = None
    owner_kind: OwnerKind | None = None
    registry_status: RegistryStatus | None = None
    source_kind: SourceKind | None = None
    former_use: UseType | None = None
    use_changed_on: date | None = None
    is_turbocharged: bool | None = None
    purchase_tax: PurchaseTax | None = None
    commercial_insurance_until: date | None = None
    vehicle_tax_until: date | None = None
    violations_count: int | None = Field(default=None, ge=0, le=999, examples=[0])
    violations_points: int | None = Field(default=None, ge=0, le=999, examples=[0])
    violations_fine_minor: int | None = Field(default=None, ge=0, le=100_000_000, examples=[20_000])
    service_record: ServiceRecord | None = None
    service_last_on: date | None = None
    service_last_km: int | None = Field(default=None, ge=0, le=3_000_000, examples=[40_000])
    claims_count: int | None = Field(default=None, ge=0, le=999, examples=[1])
    claims_max_minor: int | None = Field(default=None, ge=0, le=100_000_000_000, examples=[320_000])
    is_accident: bool | None = Field(default=None, description="事故车; told apart from flood and fire.")
    is_flood: bool | None = Field(default=None, description="泡水车.")
    is_fire: bool | None = Field(default=None, description="火烧车.")
    condition_note: str | None = Field(default=None, max_length=1_000, examples=["右前翼子板更换"])
    estimated_km: int | None = Field(default=None, ge=0, le=3_000_000, examples=[42_000])


class Registration(ChangeableFacts):
    """A car to register. ``capacity`` left out: owner for a person, stock for a dealer, pilot for a pilot."""

    vin: str = Field(min_length=5, max_length=24, examples=["LSVCZ2A45MN054321"])
    identity_kind: IdentityKind = IdentityKind.VIN
    brand: str = Field(min_length=1, max_length=40, examples=["大众"])
    series: str = Field(min_length=1, max_length=60, examples=["帕萨特"])
    model: str = Field(min_length=1, max_length=120, examples=["2021款 330TSI 豪华版"])
    model_year: int = Field(ge=1980, le=2100, examples=[2021])
    odometer_km: Km
    city: str = Field(min_length=1, max_length=30, examples=["天津"])
    capacity: Capacity | None = None
    acquired_on: date | None = Field(default=None, description="Since when the holder has the car.")
    statement: str = Field(
        default="",
        max_length=2_000,
        examples=["本人持有登记证书"],
        description="权属说明 If another party holds the car: what the title case begins with.",
    )

    def facts(self) -> VehicleFacts:
        stated = self.model_dump(exclude={"battery", "capacity", "acquired_on", "statement"})
        return VehicleFacts(**stated, battery=self.battery.facts() if self.battery else None)


class Correction(ChangeableFacts):
    """Facts to change; only the fields sent are touched."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"colour": "red", "key_count": 1}]})

    brand: str | None = Field(default=None, min_length=1, max_length=40)
    series: str | None = Field(default=None, min_length=1, max_length=60)
    model: str | None = Field(default=None, min_length=1, max_length=120)
    model_year: int | None = Field(default=None, ge=1980, le=2100)
    city: str | None = Field(default=None, min_length=1, max_length=30)

    def changes(self) -> dict[str, Any]:
        """The fields sent; None for the texts that may not be empty means "as it is"."""
        sent = self.model_dump(exclude_unset=True, exclude={"battery"})
        kept = {name: value for name, value in sent.items() if value is not None or name not in _NEEDED}
        if "battery" in self.model_fields_set:
            kept["battery"] = self.battery.facts() if self.battery else None
        return kept


_NEEDED = frozenset({"brand", "series", "model", "model_year", "city"})


class PhotoBody(BaseModel):
    """A photo, re-encoded; ``url`` and ``thumbnail_url`` are paths of this market."""

    id: UUID = Field(examples=[_ID])
    position: int = Field(examples=[1])
    caption: str = Field(examples=["左前45度"])
    width_px: int = Field(examples=[1600])
    height_px: int = Field(examples=[1200])
    url: str = Field(examples=["/marketplace/v1/vehicles/0192f0c1-2345-7abc-8def-0123456789ab/photos/0192f0c1-2345-7abc-8def-0123456789ac"])
    thumbnail_url: str = Field(
        examples=["/marketplace/v1/vehicles/0192f0c1-2345-7abc-8def-0123456789ab/photos/0192f0c1-2345-7abc-8def-0123456789ac/thumbnail"]
    )


class VehicleBody(BaseModel):
    """Public facts of a car."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    title: str = Field(examples=["大众 帕萨特 2021款 330TSI 豪华版"])
    identity_kind: IdentityKind
    vin_masked: str = Field(examples=["LSVCZ2A45MN****21"])
    maker: str | None = Field(examples=["上汽大众"], description="By the VIN's first three characters.")
    plate_region: str | None = Field(examples=["津A"])
    kind: VehicleKind
    brand: str = Field(examples=["大众"])
    series: str = Field(examples=["帕萨特"])
    model: str = Field(examples=["2021款 330TSI 豪华版"])
    model_year: int = Field(examples=[2021])
    segment: Segment
    body: BodyStyle | None = Field(examples=["sedan"])
    first_registration_on: date | None = Field(examples=["2021-03-18"])
    odometer_km: int = Field(examples=[42_000])
    fuel: Fuel
    gearbox: Gearbox | None = Field(examples=["dct"])
    drivetrain: Drivetrain | None = Field(examples=["fwd"])
    emission_stage: EmissionStage | None = Field(examples=["cn6a"])
    displacement_ml: int | None = Field(examples=[1_984])
    power_kw: int | None = Field(examples=[137])
    seats: int | None = Field(examples=[5])
    colour: Colour
    use_type: UseType
    transfer_count: int = Field(examples=[0])
    key_count: int | None = Field(examples=[2])
    msrp_minor: int | None = Field(examples=[23_990_000])
    city: str = Field(examples=["天津"])
    inspection_valid_until: date | None = Field(examples=["2027-03-31"])
    insurance_valid_until: date | None = Field(examples=["2027-03-17"])
    battery: BatteryBody | None = Field(examples=[None])
    manufactured_on: date | None = Field(examples=["2021-01-20"])
    registered_model: str | None = Field(examples=["SVW71810KJD"])
    registered_class: RegisteredClass | None = Field(examples=["k33"])
    plate_class: PlateClass | None = Field(examples=["small"])
    owner_kind: OwnerKind | None = Field(examples=["person"])
    registry_status: RegistryStatus | None = Field(examples=["normal"])
    source_kind: SourceKind | None = Field(examples=["private"])
    former_use: UseType | None = Field(examples=[None])
    use_changed_on: date | None = Field(examples=[None])
    is_turbocharged: bool | None = Field(examples=[True])
    purchase_tax: PurchaseTax | None = Field(examples=["paid"])
    commercial_insurance_until: date | None = Field(examples=["2027-03-17"])
    vehicle_tax_until: date | None = Field(examples=["2026-12-31"])
    violations_count: int | None = Field(examples=[0])
    violations_points: int | None = Field(examples=[0])
    violations_fine_minor: int | None = Field(examples=[20_000])
    service_record: ServiceRecord | None = Field(examples=["full"])
    service_last_on: date | None = Field(examples=["2026-06-01"])
    service_last_km: int | None = Field(examples=[40_000])
    claims_count: int | None = Field(examples=[1])
    claims_max_minor: int | None = Field(examples=[320_000])
    is_accident: bool | None = Field(examples=[False], description="事故车; told apart from flood and fire.")
    is_flood: bool | None = Field(examples=[False], description="泡水车.")
    is_fire: bool | None = Field(examples=[False], description="火烧车.")
    condition_note: str | None = Field(examples=["右前翼子板更换"])
    estimated_km: int | None = Field(examples=[42_000])
    rolled_back_on: date | None = Field(examples=[None], description="The odometer went back on that day: the kilometres are in doubt.")
    photos: list[PhotoBody]
    facts_version: int = Field(examples=[1])

    @classmethod
    def of(cls, view: VehicleView) -> Self:
        return cls(**public_fields(view))


class HoldingBody(BaseModel):
    """In what capacity, since when; the holder's own note and prices hang here, never on the car."""

    model_config = ConfigDict(from_attributes=True)

    capacity: Capacity
    since: datetime = Field(examples=["2026-11-24T02:00:00Z"])
    acquired_on: date | None = Field(examples=["2021-03-18"])
    proof: str = Field(examples=["order:0192f0c1-2345-7abc-8def-0123456789ab"])
    private_note: str = Field(examples=["底价可再谈"], description="Seen by the holder only, as are the prices.")
    buy_price_minor: int | None = Field(examples=[15_000_000])
    floor_price_minor: int | None = Field(examples=[16_500_000])


class OwnVehicleBody(VehicleBody):
    """The holder's own view."""

    holding: HoldingBody


def photo_body(vehicle_id: UUID, one: PhotoView) -> PhotoBody:
    base = f"/marketplace/v1/vehicles/{vehicle_id}/photos/{one.id}"
    return PhotoBody(
        id=one.id,
        position=one.position,
        caption=one.caption,
        width_px=one.width_px,
        height_px=one.height_px,
        url=base,
        thumbnail_url=f"{base}/thumbnail",
    )


def public_fields(view: VehicleView) -> dict[str, Any]:
    """Values of ``VehicleBody``."""
    stated = {name: getattr(view, name) for name in VehicleBody.model_fields if name not in {"photos", "battery"}}
    battery = None if view.battery is None else BatteryBody.model_validate(view.battery, from_attributes=True)
    return {**stated, "battery": battery, "photos": [photo_body(view.id, one) for one in view.photos]}


def own_body(view: VehicleView, holding: HoldingView) -> OwnVehicleBody:
    return OwnVehicleBody(**public_fields(view), holding=HoldingBody.model_validate(holding))
