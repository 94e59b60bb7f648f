"""Bodies of parallel import. A VIN goes in full, comes out masked; of papers only the CCC number is public."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.parallel_import.domain import ImportState, ImportVersion, PaperKind
from marketplace.vehicles.api import BodyStyle, Colour, Drivetrain, EmissionStage, Fuel, Gearbox, IdentityKind, Segment, VehicleFacts

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"
Text = Annotated[str, Field(max_length=500)]


class ImportedCar(BaseModel):
    """The car itself."""

    model_config = ConfigDict(extra="forbid")

    vin: str = Field(min_length=5, max_length=24, examples=["JTMHX05J604123456"])
    identity_kind: IdentityKind = IdentityKind.VIN
    brand: str = Field(min_length=1, max_length=40, examples=["丰田"])
    series: str = Field(min_length=1, max_length=60, examples=["兰德酷路泽"])
    model: str = Field(min_length=1, max_length=120, examples=["2025款 LC300 3.5T GXR 中东版"])
    model_year: int = Field(ge=1980, le=2100, examples=[2025])
    odometer_km: int = Field(default=0, ge=0, le=3_000_000, examples=[60])
    city: str = Field(min_length=1, max_length=30, examples=["天津"])
    first_registration_on: date | None = Field(default=None, description="Left out: never registered in China.")
    manufactured_on: date | None = None
    fuel: Fuel = Fuel.PETROL
    gearbox: Gearbox | None = Gearbox.AT
    drivetrain: Drivetrain | None = None
    emission_stage: EmissionStage | None = Field(default=None, examples=["cn6b"])
    displacement_ml: int | None = Field(default=None, ge=50, le=20_000, examples=[3_445])
    power_kw: int | None = Field(default=None, ge=1, le=3_000, examples=[305])
    body: BodyStyle | None = None
    segment: Segment | None = None
    seats: int | None = Field(default=None, ge=1, le=60, examples=[7])
    colour: Colour = Colour.OTHER
    msrp_minor: int | None = Field(default=None, gt=0, le=100_000_000_000, examples=[85_800_000])

    def facts(self) -> VehicleFacts:
        return VehicleFacts(**self.model_dump())


class Shown(BaseModel):
    """What a listing must show of an import (汽车销售管理办法 12): who answers for it, how it differs."""

    model_config = ConfigDict(extra="forbid")

    importer: str = Field(default="", max_length=120, examples=["天津某某国际贸易有限公司"], description="Left out: the pilot itself.")
    warranty_giver: str = Field(default="", max_length=120, examples=["天津某某国际贸易有限公司"])
    warranty_terms: Text = Field(default="", examples=["整车三包 3 年或 10 万公里"])
    repair_outlets: Text = Field(default="", examples=["天津滨海新区河南路 8 号"])
    recall_contact: str = Field(default="", max_length=120, examples=["400-000-0000"])
    makers_warranty: bool = False
    rectifications: str = Field(default="", max_length=1_000, examples=["中文导航、前雾灯、车速里程表"])
    rectification_site: str = Field(default="", max_length=200, examples=["天津港保税区标准符合性整改场所"])
    differences: str = Field(default="", max_length=1_000, examples=["油品标号与中规车一致;收音频段不同"])


class ImportIn(BaseModel):
    """A car ordered, or arrived already (``arrived_on``)."""

    model_config = ConfigDict(extra="forbid")

    car: ImportedCar
    import_version: ImportVersion = Field(examples=["gcc"])
    is_new: bool = True
    arrived_on: date | None = Field(default=None, examples=["2026-10-08"], description="Day of arrival on the customs certificate.")
    shown: Shown = Shown()

    def stated(self) -> dict[str, Any]:
        return {**self.shown.model_dump(), "is_new": self.is_new}


class ImportChange(BaseModel):
    """What is stated of the import; only the fields sent are touched."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"differences": "收音频段不同"}]})

    importer: str | None = Field(default=None, min_length=1, max_length=120)
    warranty_giver: str | None = Field(default=None, max_length=120)
    warranty_terms: str | None = Field(default=None, max_length=500)
    repair_outlets: str | None = Field(default=None, max_length=500)
    recall_contact: str | None = Field(default=None, max_length=120)
    makers_warranty: bool | None = None
    rectifications: str | None = Field(default=None, max_length=1_000)
    rectification_site: str | None = Field(default=None, max_length=200)
    differences: str | None = Field(default=None, max_length=1_000)
    import_version: ImportVersion | None = None
    is_new: bool | None = None


class PaperIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: PaperKind
    number: str = Field(min_length=1, max_length=60, examples=["COC-2026-000123"])
    issuer: str = Field(default="", max_length=120, examples=["中国质量认证中心"])
    issued_on: date | None = None


class PaperBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=[_ID])
    kind: PaperKind
    issuer: str = Field(examples=["中国质量认证中心"])
    issued_on: date | None = Field(examples=["2026-10-20"])


class StepIn(BaseModel):
    """Arrival 到港, clearance 清关 or certification 确认合规, on a day (today when left out)."""

    model_config = ConfigDict(extra="forbid")

    step: Literal[ImportState.ARRIVED, ImportState.CLEARED, ImportState.CERTIFIED] = Field(examples=["cleared"])
    on: date | None = None


class PublicationIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ask_minor: int = Field(gt=0, le=100_000_000_000, examples=[79_800_000])
    description: str = Field(default="", max_length=4_000)


class WithdrawalIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(default="", max_length=200, examples=["客户已订"])


class CheckBody(BaseModel):
    """One line of the document checklist."""

    model_config = ConfigDict(from_attributes=True)

    kind: PaperKind
    zh: str = Field(examples=["车辆一致性证书"])
    en: str = Field(examples=["conformity certificate"])
    issuer: str = Field(examples=["CCC证书持有人"])
    article: str = Field(examples=["机动车登记规定 第十二条"])
    needed_for: ImportState | None = Field(examples=["certified"])
    is_there: bool


class DisclosureBody(BaseModel):
    """What a listing must show: channel, parties that answer for the car, differences, state of the dossier."""

    import_channel: str = Field(examples=["平行进口"])
    importer: str = Field(examples=["天津某某国际贸易有限公司"])
    pilot_no: str = Field(examples=["TJ-PI-2023-007"])
    warranty_giver: str = Field(examples=["天津某某国际贸易有限公司"])
    warranty_terms: str = Field(examples=["整车三包 3 年或 10 万公里"])
    repair_outlets: str = Field(examples=["天津滨海新区河南路 8 号"])
    recall_contact: str = Field(examples=["400-000-0000"])
    makers_warranty: bool
    import_version: ImportVersion
    import_version_zh: str = Field(examples=["中东版"])
    rectifications: str = Field(examples=["中文导航"])
    rectification_site: str = Field(examples=["天津港保税区标准符合性整改场所"])
    differences: str = Field(examples=["收音频段不同"])
    emission_stage: EmissionStage | None = Field(examples=["cn6b"])
    ccc_no: str | None = Field(examples=["2026011101000001"])
    arrived_on: date | None = Field(examples=["2026-10-08"])
    customs: str = Field(examples=["cleared"], description="ordered, bonded 保税 or cleared 已清关.")
    bonded_until: date | None = Field(examples=["2027-01-08"], description="Last day in bond; null when it stands in none.")
    registration_status: str = Field(examples=["new"], description="new 新车 or used 二手.")
    reminder: str = Field(examples=["本车为未经供应商授权销售的平行进口汽车……"], description="汽车销售管理办法 第十二条.")
    is_new: bool
    papers: list[CheckBody]


class ImportBody(BaseModel):
    """A pilot's own view of his car."""

    id: UUID = Field(examples=[_ID])
    vehicle_id: UUID = Field(examples=[_ID])
    listing_id: UUID | None = Field(examples=[_ID])
    state: ImportState
    title: str = Field(examples=["丰田 兰德酷路泽 2025款 LC300 3.5T GXR 中东版"])
    vin_masked: str = Field(examples=["JTMHX05J604****56"])
    cleared_on: date | None = Field(examples=["2026-10-15"])
    shown: DisclosureBody
