"""Bodies of lines and portfolios."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.lines.domain import LineKind, LineState

AMOUNT_MAX = 10**13
_ID = "01990b7e-0000-7000-8000-000000000001"


class LineBody(BaseModel):
    """The deposit of a dealer's line; its limit is a multiple of it. Fen."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"deposit_minor": 5_000_000}]})

    deposit_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True, examples=[5_000_000])
    gateway: str | None = Field(None, min_length=1, max_length=40)


class WishBody(BaseModel):
    """One lot and the most the bidder would pay for it."""

    model_config = ConfigDict(extra="forbid")

    lot_id: UUID = Field(examples=[_ID])
    maximum_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True, examples=[9_000_000])


class PortfolioBody(BaseModel):
    """Win at most ``wins_max`` of these, for at most ``budget_minor`` together, buyer's fees included. The order is the preference."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"wins_max": 1, "budget_minor": 50_000_000, "wishes": [{"lot_id": _ID, "maximum_minor": 9_000_000}]}]
        },
    )

    wins_max: int = Field(ge=1, le=50, examples=[2])
    budget_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True, examples=[50_000_000])
    wishes: list[WishBody] = Field(min_length=1, max_length=50)
    gateway: str | None = Field(None, min_length=1, max_length=40)


class ReservationAnswer(BaseModel):
    """What a lot holds of the line; with an order it is won."""

    lot_id: UUID = Field(examples=[_ID])
    amount_minor: int = Field(examples=[9_225_000])
    order_id: UUID | None = Field(examples=[None])


class WishAnswer(BaseModel):
    lot_id: UUID = Field(examples=[_ID])
    maximum_minor: int = Field(examples=[9_000_000])


class LineAnswer(BaseModel):
    """A line or portfolio as its owner sees it; fen."""

    id: UUID = Field(examples=[_ID])
    kind: LineKind = Field(examples=[LineKind.LINE])
    state: LineState = Field(examples=[LineState.ACTIVE])
    deposit_minor: int = Field(examples=[5_000_000])
    limit_minor: int = Field(examples=[50_000_000])
    reserved_minor: int = Field(examples=[9_225_000])
    free_minor: int = Field(examples=[40_775_000])
    leads: int = Field(description="Lots led, bid on under seal, or won.", examples=[1])
    leads_max: int | None = Field(examples=[None])
    reservations: list[ReservationAnswer]
    wishes: list[WishAnswer]
    created_at: datetime
    closed_at: datetime | None
