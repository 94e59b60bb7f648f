"""Bodies of a dealer's store; all of it private to the dealer."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.listings.api import Availability
from marketplace.sourcing.domain.store import WorkKind, WorkState

AMOUNT_MAX = 10**12


class WorkRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "tyres", "cost_minor": 160_000, "description": "前轮两条", "state": "done"}]},
    )

    kind: WorkKind
    cost_minor: int = Field(ge=0, le=AMOUNT_MAX)
    description: str = Field(default="", max_length=300)
    workshop: str = Field(default="", max_length=80)
    state: WorkState = WorkState.PLANNED
    done_on: date | None = None


class WorkChange(BaseModel):
    """Fields left out stay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "done", "cost_minor": 158_000}]})

    state: WorkState | None = None
    cost_minor: int | None = Field(default=None, ge=0, le=AMOUNT_MAX)


class WorkBody(BaseModel):
    """One piece of reconditioning."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    vehicle_id: UUID
    kind: WorkKind
    state: WorkState
    description: str
    workshop: str
    cost_minor: int = Field(examples=[160_000])
    done_on: date | None
    created_at: datetime
    version: int


class MarginBody(BaseModel):
    """Price less cost, reconditioning, the market's fee and the tax inside the price, fen."""

    model_config = ConfigDict(from_attributes=True)

    price_minor: int | None
    is_sold: bool
    cost_minor: int | None
    spent_minor: int = Field(description="Reconditioning done.")
    planned_minor: int = Field(description="Reconditioning planned.")
    fee_minor: int
    vat_minor: int
    margin_minor: int | None = Field(description="None while the car's cost is not known.")
    margin_bps: int | None = Field(description="Ten-thousandths of the price.")


class BooksBody(BaseModel):
    """A stock car's books."""

    vehicle_id: UUID
    margin: MarginBody
    works: list[WorkBody]


class BoardBody(BaseModel):
    """One car of the stock board."""

    vehicle_id: UUID
    title: str
    stock_no: str | None
    listing_id: UUID | None
    availability: Availability | None
    days_in_stock: int
    age_band: int = Field(description="0 fresh, 1 from 30 days, 2 from 60, 3 from 90.")
    margin: MarginBody
    views_recent: int
    views_total: int
    leads_open: int
    leads_waiting: int
    viewings_open: int
    reply_s: int | None


class BoardSummaryBody(BaseModel):
    """The whole stock in numbers, fen."""

    model_config = ConfigDict(from_attributes=True)

    cars: int = Field(examples=[42])
    listed: int = Field(examples=[38])
    by_age_band: list[int] = Field(examples=[[20, 12, 6, 4]])
    asked_minor: int
    tied_up_minor: int = Field(description="What the cars cost and what was spent on them.")
    margin_minor: int
    margin_unknown: int
    views_recent: int
    leads_open: int
    leads_waiting: int
    viewings_open: int
    is_capped: bool
