"""Bodies of aftercare's requests and answers. Amounts are fen."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.aftercare.domain import CaseKind, CaseState, IssuerKind, PaperKind, PaperState, StepState

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"


class PaperRequest(BaseModel):
    """A paper handed in."""

    model_config = ConfigDict(extra="forbid")
    kind: PaperKind = Field(examples=["registration_certificate"])
    number: str | None = Field(default=None, min_length=1, max_length=60, examples=["120012345678"])
    valid_until: date | None = Field(default=None, examples=["2027-06-30"])


class PapersRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    documents: list[PaperRequest] = Field(min_length=1, max_length=20)


class ChecksRequest(BaseModel):
    """What the market's people found of the papers; ``rejected`` with the reason."""

    model_config = ConfigDict(extra="forbid")
    approved: list[PaperKind] = Field(default=[], max_length=20, examples=[["registration_certificate", "driving_licence"]])
    rejected: dict[PaperKind, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default={}, max_length=20, examples=[{"buyer_identity": "照片模糊"}]
    )


class PaperBody(BaseModel):
    kind: PaperKind
    name: str = Field(examples=["机动车登记证书"])
    state: PaperState
    number_masked: str | None = Field(examples=["****5678"])
    valid_until: date | None
    note: str


class StepBody(BaseModel):
    name: Literal["papers", "check", "invoice", "submission", "registration"]
    state: StepState


class TransferBody(BaseModel):
    """A transfer of registration and where it stands."""

    id: UUID = Field(examples=[_ID])
    kind: CaseKind
    state: CaseState
    order_id: UUID
    vehicle_id: UUID
    buyer_city: str | None = Field(examples=["天津"])
    apply_by: datetime
    is_overdue: bool
    papers: list[PaperBody]
    steps: list[StepBody]
    invoice_issuer: IssuerKind
    invoice_id: UUID | None
    attempt: int
    refusal_reasons: list[str] = Field(examples=[["lien_registered"]])
    certificate_no_masked: str | None = Field(examples=["****4321"])
    opened_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None


class TransferLine(BaseModel):
    """One line of a list of transfers."""

    id: UUID = Field(examples=[_ID])
    kind: CaseKind
    state: CaseState
    order_id: UUID
    vehicle_id: UUID
    apply_by: datetime


class InvoiceBody(BaseModel):
    """Data of a 二手车销售统一发票; the names stand in its content, which only the sale's sides see."""

    id: UUID = Field(examples=[_ID])
    order_id: UUID
    code: str = Field(examples=["012002600104"])
    number: str = Field(examples=["01234567"])
    issuer: IssuerKind
    amount_minor: int = Field(examples=[8_800_000])
    content: dict[str, object]
    content_hash: str
    issued_at: datetime


class MarkRequest(BaseModel):
    """What the sandbox office shall know of a car."""

    model_config = ConfigDict(extra="forbid")
    vehicle_id: UUID = Field(examples=[_ID])
    kind: Literal["lien", "seal", "stolen", "customs"] = Field(examples=["lien"])
    present: bool = Field(default=True, examples=[True])


class MarksBody(BaseModel):
    office: str = Field(examples=["沙盒车辆管理所 sandbox registration office"])
    marks: list[str] = Field(examples=[["lien"]])
