"""Bodies of acquisitions, reverse invoices and stock annotations."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from marketplace.sourcing.domain.acquisitions import AcquisitionState, ChangeReason, OfferState

AMOUNT_MAX = 10**12
_ID = "0192f5d0-0000-7000-8000-000000000001"


class DisclosureBody(BaseModel):
    """What the owner tells of the car, in the words a re-inspection would use."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    reason: ChangeReason
    text: str = Field(min_length=1, max_length=300, examples=["左前翼子板做过漆"])


class AskRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"vehicle_id": _ID, "days": 7, "disclosures": [{"reason": "body_repair", "text": "左前翼子板做过漆"}]}]
        },
    )

    vehicle_id: UUID
    days: int = Field(ge=1, le=60, description="How long offers may come in.")
    expected_minor: int | None = Field(default=None, gt=0, le=AMOUNT_MAX, description="For the owner's own comparison; shown to nobody.")
    description: str = Field(default="", max_length=2_000)
    disclosures: list[DisclosureBody] = Field(default_factory=list, max_length=20)


class OfferPlacedRequest(BaseModel):
    """A dealer's offer; it binds him until ``valid_until`` (民法典 第四百七十六条)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"price_minor": 8_200_000, "valid_until": "2026-12-01T10:00:00Z"}]}
    )

    price_minor: int = Field(gt=0, le=AMOUNT_MAX)
    valid_until: AwareDatetime
    note: str = Field(default="", max_length=500)


class ChangeBody(BaseModel):
    """One thing found otherwise; below zero lowers the price."""

    model_config = ConfigDict(extra="forbid")

    reason: ChangeReason
    text: str = Field(min_length=1, max_length=300, examples=["右后门钣金修复"])
    change_minor: int = Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX, examples=[-200_000])


class InspectRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"odometer_km": 42_050, "changes": []}]})

    odometer_km: int = Field(ge=0, le=2_000_000)
    changes: list[ChangeBody] = Field(default_factory=list, max_length=20)


class AnswerRequest(BaseModel):
    """A consent is signed: the password again, and the hash of the proposal as it was read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"consent": True, "passphrase": "correct horse battery"}]})

    consent: bool
    passphrase: str = Field(min_length=1, max_length=200)
    content_hash: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class ReasonRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "改变主意"}]})

    reason: str = Field(min_length=1, max_length=300)


class RecordBody(BaseModel):
    """How a dealer kept his accepted offers in the last year. Rates in ten-thousandths."""

    model_config = ConfigDict(from_attributes=True)

    accepted: int
    inspected: int
    reduced: int = Field(description="Cars for which he proposed a lower price at the re-inspection.")
    reduction_rate_bps: int | None = Field(examples=[1_500])
    mean_reduction_bps: int | None
    reduced_for_disclosed: int = Field(description="… for something the owner had told him before.")
    completed: int
    backed_out: int
    not_inspected: int
    unpaid: int


class OfferBody(BaseModel):
    """An offer, for its dealer and for the owner; other dealers never see it."""

    id: UUID
    acquisition_id: UUID
    dealer_id: UUID
    dealer_name: str
    number: int
    price_minor: int = Field(examples=[8_200_000])
    note: str
    state: OfferState
    offered_at: datetime
    valid_until: datetime
    record: RecordBody | None = Field(description="The dealer's record; for the owner.")


class InspectionBody(BaseModel):
    number: int
    odometer_km: int
    agreed_minor: int
    price_minor: int
    changes: list[dict[str, Any]]
    content_hash: str = Field(description="What a consent signs.")
    at: datetime
    consented: bool | None


class CarBody(BaseModel):
    """The car as a dealer sees it before he has it: public facts, masked VIN, no owner."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    vin_masked: str
    model_year: int
    first_registration_on: date | None
    odometer_km: int
    city: str
    transfer_count: int


class AcquisitionBody(BaseModel):
    """``offers`` are all of them for the owner, a dealer's own for him."""

    id: UUID
    car: CarBody
    state: AcquisitionState
    is_owner: bool
    expected_minor: int | None
    description: str
    disclosures: list[DisclosureBody]
    asked_at: datetime
    closes_at: datetime
    dealer_id: UUID | None
    agreed_minor: int | None
    price_minor: int | None
    inspect_by: datetime | None
    answer_by: datetime | None
    order_id: UUID | None
    end_reason: str | None
    offers: list[OfferBody]
    inspections: list[InspectionBody]
    version: int


class ReverseInvoiceBody(BaseModel):
    """Data of the reverse invoice, as exported to the tax platform."""

    id: UUID
    order_id: UUID
    amount_minor: int = Field(examples=[8_000_000])
    content: dict[str, Any] = Field(examples=[{"kind": "reverse_invoice", "amount_minor": 8_000_000}])
    content_hash: str = Field(examples=["9a0f…"])
    is_intact: bool = Field(examples=[True])
    issued_at: datetime


class TemporaryPlateRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"plate": "津A0001临", "purpose": "inspection", "valid_from": "2026-12-01", "valid_to": "2026-12-10"}]
        },
    )

    plate: str = Field(min_length=3, max_length=20)
    purpose: str = Field(pattern="^(inspection|refuelling|move|reconditioning)$")
    valid_from: date
    valid_to: date


class TemporaryPlateBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    purpose: str
    valid_from: date
    valid_to: date


class AnnotationBody(BaseModel):
    """What the registry notes on a car bought for stock."""

    vehicle_id: UUID
    text: str = Field(examples=["二手车待销售"])
    annotated_at: datetime
    plates: list[TemporaryPlateBody]
    plates_max: int = Field(examples=[3])
