"""Bodies of enquiries, views and a listing's statistics."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.listings.domain.leads import LeadStage
from marketplace.listings.domain.viewings import ViewingSide
from marketplace.listings.schemas.listings import PriceBody

TEXT_MAX = 1_000


class EnquiryRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "请问这台车的保养记录齐全吗?"}]})

    text: str = Field(min_length=1, max_length=TEXT_MAX)


class AssignmentRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"person_id": "0192f5d0-0000-7000-8000-000000000001"}]})

    person_id: UUID = Field(description="Somebody of the caller's staff.")


class MessageBody(BaseModel):
    """``reply_s``: seconds the visitor had waited for it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    side: ViewingSide
    text: str
    reply_s: int | None
    at: datetime


class LeadBody(BaseModel):
    """An interested party and a car, as one of the two sides sees it. ``assigned_to`` is for the seller's side."""

    id: UUID
    listing_id: UUID
    vehicle_id: UUID
    title: str
    side: ViewingSide
    stage: LeadStage
    visitor_id: UUID
    visitor_name: str = Field(examples=["张*"])
    assigned_to: UUID | None
    assignee_name: str | None
    assigned_at: datetime | None
    opened_at: datetime
    waiting_since_at: datetime | None = Field(description="The visitor's oldest message without an answer.")
    first_reply_s: int | None = Field(description="Seconds to the first answer.", examples=[540])
    closed_at: datetime | None
    close_reason: str | None
    messages: list[MessageBody]
    version: int


class DayViews(BaseModel):
    on: date
    visitors: int


class InterestBody(BaseModel):
    """Numbers of one listing. A visitor counts once a day; robots and the seller's own people do not."""

    model_config = ConfigDict(from_attributes=True)

    views_recent: int = Field(description="Last seven days, today included.")
    views_total: int
    leads: int
    leads_open: int
    leads_waiting: int
    viewings_open: int
    viewings_kept: int
    no_shows: int
    reply_s: int | None = Field(description="Middle of the waits for a first answer.")


class StatisticsBody(BaseModel):
    """One listing's run, for its seller and agent."""

    listing_id: UUID
    numbers: InterestBody
    views_by_day: list[DayViews]
    leads_by_stage: dict[str, int]
    prices: list[PriceBody]
    days_in_stock: int
