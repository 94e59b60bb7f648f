"""Bodies of the listings routes. Amounts in fen."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.listings.domain import Availability, Channel, ListingState

DESCRIPTION_MAX = 2_000
AMOUNT_MAX = 10**12


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PublishRequest(_Request):
    """A stock car for the store."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"vehicle_id": "0192f5d0-0000-7000-8000-000000000001", "ask_minor": 8_880_000, "description": "一手车,全程4S保养"}]
        },
    )

    vehicle_id: UUID
    channel: Channel = Channel.B2C_STORE
    ask_minor: int = Field(gt=0, le=AMOUNT_MAX, description="All-in price, fen: the buyer pays nothing beyond it.")
    description: str = Field(default="", max_length=DESCRIPTION_MAX)


class ChangeRequest(_Request):
    """Fields left out stay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ask_minor": 8_580_000}]})

    ask_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX)
    description: str | None = Field(default=None, max_length=DESCRIPTION_MAX)
    paused: bool | None = None


class WithdrawRequest(_Request):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "车主自用"}]})

    reason: str = Field(min_length=1, max_length=200)


class ListingBody(BaseModel):
    """A listing as its seller sees it."""

    id: UUID
    vehicle_id: UUID
    channel: Channel
    state: ListingState
    availability: Availability
    title: str
    description: str
    city: str
    ask_minor: int = Field(examples=[8_880_000])
    published_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    source_kind: str | None
    source_id: UUID | None
    version: int


class CardBody(BaseModel):
    """One car on a page of the store. The price is the one the detail page marks."""

    id: UUID
    vehicle_id: UUID
    channel: Channel
    availability: Availability
    title: str
    brand: str
    series: str
    model_year: int
    first_registration_on: date | None
    odometer_km: int
    city: str
    price_minor: int = Field(examples=[8_880_000])
    price_text: str = Field(examples=["8.88万"])
    photo_id: UUID | None
    seller_name: str
    published_at: datetime


class PriceBody(BaseModel):
    """From ``at`` on the car was marked with this price; ``change_minor`` against the one before."""

    price_minor: int
    change_minor: int | None = Field(examples=[-300_000])
    at: datetime


class WarrantyBody(BaseModel):
    """Until either limit is reached after the sale."""

    months: int = Field(examples=[3])
    km: int = Field(examples=[5_000])
    parts: list[str]
    text: str = Field(examples=["质量保证:3个月或5,000公里(以先到者为准)"])
    article: str = Field(examples=["二手车交易规范 第十六条"])


class AppraisalBody(BaseModel):
    """The signed report in short. ``score`` in tenths of a point."""

    id: UUID
    grade: str = Field(examples=["2"])
    score: int = Field(examples=[825])
    is_accident_car: bool
    is_flood: bool
    is_fire: bool
    signed_at: datetime
    valid_until: date
    report_hash: str


class FindingBody(BaseModel):
    """What a buyer is to be told."""

    code: str
    severity: Literal["bars", "needs_document", "warns"]
    article: str
    zh: str
    en: str


class NoticeBody(BaseModel):
    """A line the law wants beside an offer of this kind."""

    code: str = Field(examples=["seven_day_return"])
    article: str
    zh: str
    en: str


class PhotoBody(BaseModel):
    id: UUID
    position: int
    caption: str


class PartyBody(BaseModel):
    """Names of people are masked."""

    id: UUID
    kind: str
    organization_kind: str | None
    name: str


class CarBody(BaseModel):
    """Public facts."""

    vin_masked: str = Field(examples=["LFV2A21K8E3****12"])
    plate_region: str | None
    brand: str
    series: str
    model: str
    model_year: int
    segment: str
    body: str | None
    first_registration_on: date | None
    odometer_km: int
    fuel: str
    gearbox: str | None
    drivetrain: str | None
    emission_stage: str | None
    displacement_ml: int | None
    power_kw: int | None
    seats: int | None
    colour: str
    use_type: str
    transfer_count: int
    key_count: int | None
    msrp_minor: int | None
    inspection_valid_until: date | None
    insurance_valid_until: date | None
    photos: list[PhotoBody]


class WindowBody(BaseModel):
    """One listing as everybody may see it."""

    id: UUID
    vehicle_id: UUID
    channel: Channel
    state: ListingState
    availability: Availability
    title: str
    description: str
    city: str
    car: CarBody
    price_minor: int = Field(description="Marked price, fen, everything included.", examples=[8_880_000])
    price_text: str
    fees_included: bool = Field(description="No charge is added to the marked price (明码标价和禁止价格欺诈规定 第八条).")
    comparison_minor: int | None = Field(description="Lowest price really marked in the seven days before the last reduction.")
    prices: list[PriceBody]
    warranty: WarrantyBody | None
    appraisal: AppraisalBody | None
    findings: list[FindingBody]
    notices: list[NoticeBody]
    seller: PartyBody
    agent: PartyBody | None
    published_at: datetime
    ended_at: datetime | None
    days_listed: int
    version: int
