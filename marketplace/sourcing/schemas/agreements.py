"""Bodies of framework agreements and their batches."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from marketplace.sourcing.domain.agreements import (
    AgreementSide,
    AgreementState,
    BatchState,
    CarOutcome,
    ProofKind,
    SourceChannel,
    SourceOrigin,
)
from marketplace.sourcing.schemas.consignments import AMOUNT_MAX, SignatureBody
from marketplace.vehicles.api import Colour, DocumentKind, EmissionStage, Fuel, Gearbox, UseType, VehicleKind

_ID = "0192f5d0-0000-7000-8000-000000000001"
Number = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class AgreementRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source_id": _ID,
                    "origins": ["repossessed"],
                    "channels": ["acquisition", "auction"],
                    "valid_from": "2026-01-01",
                    "valid_to": "2026-12-31",
                    "commission_bps": 200,
                    "car_fee_minor": 30_000,
                }
            ]
        },
    )

    source_id: UUID
    origins: list[SourceOrigin] = Field(min_length=1, max_length=5)
    channels: list[SourceChannel] = Field(min_length=1, max_length=3)
    valid_from: date
    valid_to: date = Field(description="Last day on which cars may come in.")
    commission_bps: int = Field(ge=0, le=10_000)
    car_fee_minor: int = Field(default=0, ge=0, le=AMOUNT_MAX)


class AgreementSignRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"passphrase": "correct horse battery"}]})

    passphrase: str = Field(min_length=1, max_length=200)
    content_hash: str | None = Field(default=None, pattern="^[0-9a-f]{64}$", description="Hash of the agreement as it was read.")


class AgreementBody(BaseModel):
    id: UUID
    number: str = Field(examples=["QY20260105-00000017"])
    source_id: UUID
    source_name: str
    state: AgreementState
    origins: list[SourceOrigin]
    channels: list[SourceChannel]
    valid_from: date
    valid_to: date
    commission_bps: int
    car_fee_minor: int
    content_hash: str
    signed_sides: list[AgreementSide]
    signed_at: datetime | None
    ended_at: datetime | None


class AgreementTextBody(BaseModel):
    content_hash: str = Field(examples=["9a0f…"])
    document: dict[str, Any] = Field(examples=[{"kind": "supply_agreement", "number": "HR-2026-0001"}])
    is_intact: bool = Field(examples=[True])
    signatures: list[SignatureBody]


class SuppliedFacts(BaseModel):
    """A car as the source states it."""

    model_config = ConfigDict(extra="forbid")

    vin: str = Field(min_length=4, max_length=30, examples=["LSVCZ2A49MN000017"])
    brand: str = Field(min_length=1, max_length=40, examples=["大众"])
    series: str = Field(min_length=1, max_length=60, examples=["帕萨特"])
    model: str = Field(min_length=1, max_length=120, examples=["2021款 330TSI 豪华版"])
    model_year: int = Field(ge=1950, le=2100, examples=[2021])
    odometer_km: int = Field(ge=0, le=3_000_000, examples=[42_000])
    city: str = Field(min_length=2, max_length=30, examples=["天津"])
    kind: VehicleKind = VehicleKind.PASSENGER_SMALL
    first_registration_on: date | None = Field(default=None, examples=["2021-03-18"])
    fuel: Fuel = Fuel.PETROL
    gearbox: Gearbox | None = None
    emission_stage: EmissionStage | None = None
    displacement_ml: int | None = Field(default=None, ge=100, le=20_000)
    seats: int | None = Field(default=None, ge=1, le=100)
    colour: Colour = Colour.OTHER
    use_type: UseType = UseType.NON_COMMERCIAL
    transfer_count: int = Field(default=0, ge=0, le=100)
    key_count: int | None = Field(default=None, ge=0, le=9)
    msrp_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX)
    plate: str | None = Field(default=None, max_length=12)
    inspection_valid_until: date | None = None
    insurance_valid_until: date | None = None


class DisposalProof(BaseModel):
    """A paper that proves the right of disposal."""

    model_config = ConfigDict(extra="forbid")

    kind: ProofKind
    number: Number = Field(examples=["(2026)津0116执恢18号"])


class SuppliedCarRequest(BaseModel):
    """``floor_minor`` and ``ask_minor`` for a consignment."""

    model_config = ConfigDict(extra="forbid")

    facts: SuppliedFacts
    origin: SourceOrigin
    channel: SourceChannel
    proofs: list[DisposalProof] = Field(default_factory=list, max_length=10)
    documents: list[DocumentKind] = Field(default_factory=list, max_length=20, description="Papers of the car at hand.")
    reference: str | None = Field(default=None, max_length=60, description="The source's own number of the car.")
    floor_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX)
    ask_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX)
    expected_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX)
    term_days: int = Field(default=60, ge=1, le=366)
    description: str = Field(default="", max_length=2_000)


class BatchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cars: list[SuppliedCarRequest] = Field(min_length=1, max_length=200)


class SuppliedCarBody(BaseModel):
    """One car's result."""

    model_config = ConfigDict(from_attributes=True)

    n: int
    reference: str | None
    origin: SourceOrigin
    channel: SourceChannel
    outcome: CarOutcome
    vehicle_id: UUID | None
    acquisition_id: UUID | None
    consignment_id: UUID | None
    problem_code: str | None
    problem: dict[str, Any]


class BatchBody(BaseModel):
    """``state`` received: cars are still taken in; ask again."""

    id: UUID
    agreement_id: UUID
    number: int = Field(examples=[1])
    state: BatchState
    received_at: datetime
    finished_at: datetime | None
    cars: list[SuppliedCarBody]
