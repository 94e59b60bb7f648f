"""Bodies of vehicles' requests and answers. VIN and plate go in full, come out masked."""

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
    DocumentKind,
    Drivetrain,
    EmissionStage,
    Fuel,
    Gearbox,
    HoldingView,
    IdentityKind,
    OdometerSource,
    PhotoView,
    RestrictionKind,
    RestrictionState,
    Segment,
    Severity,
    TradeMode,
    UseType,
    VehicleFacts,
    VehicleKind,
    VehicleView,
)

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"
Km = Annotated[int, Field(ge=0, le=3_000_000, examples=[42_000])]
Fen = Annotated[int, Field(gt=0, le=100_000_000_000, examples=[23_990_000])]


class BatteryBody(BaseModel):
    """A new-energy car's battery; health in thousandths, energy in watt-hours."""

    model_config = ConfigDict(extra="forbid")

    chemistry: BatteryChemistry | None = None
    rated_wh: int | None = Field(default=None, ge=0, le=500_000, examples=[60_000])
    range_km: int | None = Field(default=None, ge=0, le=3_000, examples=[556])
    soh_permille: int | None = Field(default=None, ge=0, le=1000, examples=[934])
    soh_method: str | None = Field(default=None, max_length=60, examples=["整车诊断读取"])
    soh_on: date | None = None
    is_leased: bool = False

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

    def facts(self) -> VehicleFacts:
        stated = self.model_dump(exclude={"battery", "capacity", "acquired_on"})
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
    photos: list[PhotoBody]
    facts_version: int = Field(examples=[1])

    @classmethod
    def of(cls, view: VehicleView) -> Self:
        return cls(**public_fields(view))


class HoldingBody(BaseModel):
    """In what capacity, since when."""

    model_config = ConfigDict(from_attributes=True)

    capacity: Capacity
    since: datetime = Field(examples=["2026-11-24T02:00:00Z"])
    acquired_on: date | None = Field(examples=["2021-03-18"])
    proof: str = Field(examples=["order:0192f0c1-2345-7abc-8def-0123456789ab"])


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


class FindingBody(BaseModel):
    """One answer of the rules."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["lien_open"])
    severity: Severity
    article: str = Field(examples=["二手车流通管理办法 第二十条(二)"])
    zh: str = Field(examples=["车辆处于抵押期间"])
    en: str = Field(examples=["The car is under a lien."])
    clears: str = Field(examples=["lien_release_or_consent"])


class EligibilityBody(BaseModel):
    """``tradable``: nothing bars; ``is_complete``: no paper is missing for the transfer either."""

    vehicle_id: UUID = Field(examples=[_ID])
    mode: TradeMode
    tradable: bool = Field(examples=[True])
    is_complete: bool = Field(examples=[False])
    findings: list[FindingBody]


class NoteIn(BaseModel):
    """What only the holder sees."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=2_000, examples=["底价可再谈"])
    buy_price_minor: Fen | None = None


class ReadingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    odometer_km: Km
    read_on: date | None = Field(default=None, description="Left out: today.")


class ReadingBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    odometer_km: int = Field(examples=[42_000])
    read_on: date = Field(examples=["2026-11-24"])
    source: OdometerSource
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])


class OdometerBody(BaseModel):
    """The history, oldest first. ``rolled_back``: a later reading is lower than an earlier one."""

    readings: list[ReadingBody]
    rolled_back: bool = Field(examples=[False])


class DocumentIn(BaseModel):
    """A paper to put on file; ``holder_name`` is the name on it. Neither number nor name is shown in public."""

    model_config = ConfigDict(extra="forbid")

    kind: DocumentKind
    number: str | None = Field(default=None, max_length=60, examples=["120012345678"])
    holder_name: str | None = Field(default=None, max_length=80, examples=["张三"])
    valid_until: date | None = None


class DocumentBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    kind: DocumentKind
    valid_until: date | None = Field(examples=["2031-03-18"])
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])


class RestrictionIn(BaseModel):
    """A lien, seal or other restriction. A holder may disclose lien, pledge and recall; the rest is the operators'."""

    model_config = ConfigDict(extra="forbid")

    kind: RestrictionKind
    authority: str = Field(default="", max_length=120, examples=["某某银行天津分行"])
    reference: str = Field(default="", max_length=120, examples=["抵押登记 2024-0031"])
    amount_minor: Fen | None = None


class RestrictionDecision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: RestrictionState = Field(description="released, or consented (lien, pledge, customs).", examples=["released"])
    reference: str = Field(min_length=1, max_length=120, examples=["解除抵押证明 2026-0117"])


class RestrictionBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    kind: RestrictionKind
    state: RestrictionState
    authority: str = Field(examples=["某某银行天津分行"])
    reference: str = Field(examples=["抵押登记 2024-0031"])
    amount_minor: int | None = Field(examples=[8_000_000])
    recorded_at: datetime = Field(examples=["2026-11-24T02:00:00Z"])
    decided_at: datetime | None = Field(examples=["2026-11-24T02:00:00Z"])
    decision_reference: str | None = Field(examples=["解除抵押证明 2026-0117"])


class RevealIn(BaseModel):
    """Every reveal of a full VIN is logged with its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=4, max_length=200, examples=["办理转让登记"])


class RevealBody(BaseModel):
    vin: str = Field(examples=["LSVCZ2A45MN054321"])


class TermBody(BaseModel):
    """One value of an enumeration."""

    value: str = Field(examples=["petrol"])
    zh: str = Field(examples=["汽油"])
    en: str = Field(examples=["petrol"])


class SeriesBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["帕萨特"])
    en: str = Field(examples=["Passat"])
    segment: Segment


class BrandBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["大众"])
    en: str = Field(examples=["Volkswagen"])
    pinyin: str = Field(examples=["dazhong"])
    series: list[SeriesBody]


class VocabularyBody(BaseModel):
    """Every enumeration with its names, and the catalogue of brands and series."""

    terms: dict[str, list[TermBody]]
    brands: list[BrandBody]
