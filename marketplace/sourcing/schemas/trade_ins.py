"""Bodies of trade-ins and their subsidy."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from marketplace.orders.api import Confirmation
from marketplace.sourcing.domain.subsidies import Programme, ProofKind, SubsidySeverity
from marketplace.sourcing.domain.trade_ins import Payer, TradeInState
from marketplace.sourcing.schemas.acquisitions import AMOUNT_MAX, CarBody, DisclosureBody
from marketplace.vehicles.api import Fuel, VehicleKind

_ID = "0192f5d0-0000-7000-8000-000000000001"


class NewCarBody(BaseModel):
    """A new car the dealer sells outside this market."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=2, max_length=120, examples=["比亚迪 秦PLUS 2026款 EV"])
    kind: VehicleKind = VehicleKind.PASSENGER_SMALL
    fuel: Fuel = Field(examples=["bev"])
    displacement_ml: int | None = Field(default=None, ge=100, le=20_000)


class TradeInRequest(BaseModel):
    """``listing_id`` of a dealer's car, or ``dealer_id`` and ``new_car``."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"vehicle_id": _ID, "listing_id": _ID, "buyer_city": "天津"}]}
    )

    vehicle_id: UUID = Field(description="The old car.")
    listing_id: UUID | None = None
    dealer_id: UUID | None = None
    new_car: NewCarBody | None = None
    buyer_city: str | None = Field(default=None, min_length=2, max_length=30)
    description: str = Field(default="", max_length=2_000)
    disclosures: list[DisclosureBody] = Field(default_factory=list, max_length=20)


class TradeInOfferRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"old_price_minor": 5_200_000, "valid_until": "2026-12-01T10:00:00Z"}]}
    )

    old_price_minor: int = Field(gt=0, le=AMOUNT_MAX)
    new_price_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX, description="Of a car outside the market, VAT included.")
    valid_until: AwareDatetime


class TradeInAcceptRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"confirmations": ["seven_day_return_excluded", "condition_read"]}]}
    )

    confirmations: list[Confirmation] = Field(default_factory=list, max_length=8)


class ProofRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: ProofKind
    number: str = Field(min_length=1, max_length=60, examples=["012002600104-00012345"])
    issued_on: date | None = None


class ProofsRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    proofs: list[ProofRequest] = Field(min_length=1, max_length=20)


class PurchaseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bought_on": "2026-12-01"}]})

    bought_on: date


class TradeInBody(BaseModel):
    """A trade-in as its two parties see it. ``difference_minor`` is what ``difference_payer`` owes."""

    id: UUID
    old_car: CarBody
    owner_id: UUID
    dealer_id: UUID
    listing_id: UUID | None
    new_car: NewCarBody | None
    state: TradeInState
    disclosures: list[DisclosureBody]
    old_price_minor: int | None
    new_price_minor: int | None
    difference_minor: int | None
    difference_payer: Payer | None
    asked_at: datetime
    valid_until: datetime
    old_order_id: UUID | None
    new_order_id: UUID | None
    proofs: list[ProofKind]
    end_reason: str


class SubsidyFindingBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    severity: SubsidySeverity
    article: str
    zh: str
    en: str
    clears: str


class ProofLine(BaseModel):
    kind: ProofKind
    zh: str
    en: str
    is_given: bool


class SubsidyBody(BaseModel):
    """What the state's subsidy would come to, why or why not, and by which table."""

    programme: Programme
    is_barred: bool
    amount_minor: int = Field(examples=[1_500_000])
    rate_bps: int
    max_minor: int
    findings: list[SubsidyFindingBody]
    proofs: list[ProofLine]
    apply_by: date
    source: str
    certainty: str
    table_number: int
