"""Bodies of the live lane."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.closing.schemas import StandingAnswer

AMOUNT_MAX = 10**13
_ID = "01990b7e-0000-7000-8000-000000000001"


class FloorBidBody(BaseModel):
    """A bid called in the room; it stands at its amount. ``paddle`` is the bidder's number in this session."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"paddle": 7, "amount_minor": 8_850_000}]})

    paddle: int = Field(ge=1, le=1_000_000, strict=True)
    amount_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True)
    confirmed: bool = Field(False, strict=True, description="An amount far above the estimate is meant.")


class RunEntry(BaseModel):
    """One lot of the run list."""

    lot_id: UUID = Field(examples=[_ID])
    number: int = Field(examples=[12])
    title: str = Field(examples=["大众 帕萨特 2019"])
    start_minor: int = Field(examples=[8_000_000])


class LaneAnswer(BaseModel):
    """One lane: what is up, and what comes, in order."""

    lane: int = Field(examples=[1])
    up: StandingAnswer | None
    ahead: list[RunEntry]


class RunListAnswer(BaseModel):
    session_id: UUID = Field(examples=[_ID])
    lanes: list[LaneAnswer]
    server_time: datetime


class PaddleAnswer(BaseModel):
    session_id: UUID = Field(examples=[_ID])
    number: int = Field(examples=[7])
    given_at: datetime
