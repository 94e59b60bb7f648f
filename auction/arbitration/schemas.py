"""Bodies of arbitration."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.arbitration.domain import ClaimState, DefectClass, Light, Part, Remedy, Verdict

AMOUNT_MAX = 10**13
TEXT_MAX = 4_000
_ID = "01990b7e-0000-7000-8000-000000000001"
_TEXT = "交付当日检测:左前纵梁切割焊接,拍卖车辆信息未说明。"


class ExclusionBody(BaseModel):
    """What the house does not guarantee, declared before the notice."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"classes": ["equipment"], "text": "不保证随车配置的完好。"}]}
    )

    classes: list[DefectClass] = Field(min_length=1, max_length=6, examples=[["equipment"]])
    text: str = Field(min_length=1, max_length=500, examples=["不保证随车配置的完好。"])


class ClassAnswer(BaseModel):
    """One class of defect: until when and from what loss it may be claimed."""

    defect: DefectClass = Field(examples=[DefectClass.STRUCTURAL_ACCIDENT])
    days: int = Field(description="From the day after the handover; 0 when years count.", examples=[30])
    years: int = Field(examples=[0])
    min_minor: int = Field(description="The least loss, fen.", examples=[200_000])
    may_unwind: bool = Field(examples=[True])
    excluded: bool = Field(description="Declared as not guaranteed.", examples=[False])


class LotTermsAnswer(BaseModel):
    """What may be claimed about a lot."""

    lot_id: UUID = Field(examples=[_ID])
    light: Light = Field(examples=[Light.GREEN])
    statutory: bool = Field(examples=[False])
    exclusion: str | None = Field(description="The declaration, in its words.", examples=[None])
    answer_hours: int = Field(examples=[72])
    classes: list[ClassAnswer]


class ClaimBody(BaseModel):
    """A buyer's claim; fen."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"order_id": _ID, "defect": "structural_accident", "wants": "price_adjustment", "loss_minor": 1_200_000, "text": _TEXT}
            ]
        },
    )

    order_id: UUID
    defect: DefectClass
    wants: Remedy
    loss_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True, description="Repair or loss of value.")
    conceals: bool = Field(False, description="The seller knew of it and hid it.")
    text: str = Field(min_length=10, max_length=TEXT_MAX)


class ClaimAnswerBody(BaseModel):
    """What the seller or the house says to it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "委托时已向拍卖人说明,见委托合同附件。"}]})

    text: str = Field(min_length=1, max_length=TEXT_MAX)


class DecisionBody(BaseModel):
    """The market's decision; ``amount_minor`` (fen) of a price adjustment only."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"verdict": "price_adjustment", "amount_minor": 800_000, "reasons": "按修复费用减价。"}]},
    )

    verdict: Verdict
    amount_minor: int | None = Field(None, gt=0, le=AMOUNT_MAX, strict=True)
    reasons: str = Field(min_length=1, max_length=TEXT_MAX)


class SaidAnswer(BaseModel):
    """One side's answer."""

    part: Part = Field(examples=[Part.SELLER])
    text: str = Field(examples=["委托时已向拍卖人说明。"])
    at: datetime


class EvidenceAnswer(BaseModel):
    """One file; its content is at ``/evidence/{id}``."""

    id: UUID = Field(examples=[_ID])
    part: Part = Field(examples=[Part.BUYER])
    media_type: str = Field(examples=["image/jpeg"])
    sha256: str = Field(examples=["9a0f…"])
    size_bytes: int = Field(examples=[182_113])
    at: datetime


class ClaimAnswer(BaseModel):
    """A claim as its sides and the market's people see it; fen."""

    id: UUID = Field(examples=[_ID])
    order_id: UUID = Field(examples=[_ID])
    lot_id: UUID = Field(examples=[_ID])
    case_id: UUID | None = Field(description="In the operators' queue.", examples=[_ID])
    you_are: Part = Field(examples=[Part.BUYER])
    defect: DefectClass = Field(examples=[DefectClass.STRUCTURAL_ACCIDENT])
    wants: Remedy = Field(examples=[Remedy.PRICE_ADJUSTMENT])
    loss_minor: int = Field(examples=[1_200_000])
    conceals: bool = Field(examples=[False])
    statutory: bool = Field(examples=[False])
    state: ClaimState = Field(examples=[ClaimState.ANSWERING])
    text: str = Field(examples=[_TEXT])
    window_last_day: date = Field(description="The last day of this class's window, Asia/Shanghai.")
    filed_at: datetime
    answer_by: datetime = Field(description="Silence until then: decided on what is there.")
    answers: list[SaidAnswer]
    evidence: list[EvidenceAnswer]
    ended_at: datetime | None
    reasons: str | None = Field(examples=[None])
    awarded_minor: int | None = Field(description="What the decision gives the buyer.", examples=[800_000])
    reference: str | None = Field(description="For the seller who has to pay it back.", examples=[None])
    paid_at: datetime | None
    server_time: datetime
