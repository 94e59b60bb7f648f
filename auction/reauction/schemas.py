"""Bodies of lots that come again."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.reauction.domain import CUT_BPS_MAX, TIMES_MAX
from auction.reauction.models import DebtState

_ID = "01990b7e-0000-7000-8000-000000000001"


class PlanBody(BaseModel):
    """How often the lot may come again without asking, and how much lower each time; 10,000 bps is the whole amount."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"times": 2, "cut_bps": 500, "passphrase": "correct horse battery"}]}
    )

    times: int = Field(ge=1, le=TIMES_MAX, examples=[2])
    cut_bps: int = Field(ge=0, le=CUT_BPS_MAX, examples=[500])
    passphrase: str = Field(min_length=1, max_length=200)


class PlanAnswer(BaseModel):
    """What was signed."""

    lot_id: UUID = Field(examples=[_ID])
    times: int = Field(description="Still left.", examples=[2])
    cut_bps: int = Field(examples=[500])
    content_hash: str = Field(examples=["9a0f…"])
    signed_at: datetime


class RelistBody(BaseModel):
    """The draft session in which the lot comes again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"session_id": _ID}]})

    session_id: UUID


class RelistedAnswer(BaseModel):
    """The new lot. ``state`` mandated: the signed plan covers it; draft: its mandate waits for the consignor."""

    lot_id: UUID = Field(examples=[_ID])
    from_lot_id: UUID = Field(examples=[_ID])
    session_id: UUID = Field(examples=[_ID])
    number: int = Field(examples=[3])
    state: str = Field(examples=["mandated"])
    start_minor: int = Field(examples=[7_600_000])
    reserve_minor: int | None = Field(examples=[8_550_000])
    after_default: bool = Field(examples=[False])


class DebtAnswer(BaseModel):
    """拍卖法 39: ``due_minor`` = both commissions of the first sale + shortfall − deposit, never below zero; fen."""

    id: UUID = Field(examples=[_ID])
    lot_id: UUID = Field(examples=[_ID])
    state: DebtState = Field(examples=[DebtState.DUE])
    first_price_minor: int = Field(examples=[9_000_000])
    second_price_minor: int | None = Field(description="Of the re-auction; until then nothing is due.", examples=[8_000_000])
    shortfall_minor: int | None = Field(examples=[1_000_000])
    commissions_minor: int = Field(examples=[450_000])
    deposit_minor: int = Field(description="Forfeited, counts to it.", examples=[800_000])
    due_minor: int | None = Field(examples=[650_000])
    reference: str | None = Field(description="What to pay it under; for the debtor.", examples=["HR-1234567890"])
    created_at: datetime
    computed_at: datetime | None
    paid_at: datetime | None
