"""Bodies of holding up and going on."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.lots.domain import LotPhase


class ReasonBody(BaseModel):
    """Why, in words that everybody may read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "系统故障,正在核查"}]})

    reason: str = Field(min_length=2, max_length=200)


class StandingAnswer(BaseModel):
    """Where a lot stands behind what was done to it."""

    lot_id: UUID = Field(examples=["01990b7e-0000-7000-8000-000000000001"])
    state: LotPhase = Field(examples=[LotPhase.OPEN])
    lane: int | None = Field(examples=[1])
    seq: int = Field(examples=[17])
    price_minor: int | None = Field(examples=[8_800_000])
    leader: str | None = Field(examples=["B4711"])
    ends_at: datetime
    reason: str | None = Field(examples=[None])
