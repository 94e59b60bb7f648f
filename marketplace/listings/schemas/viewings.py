"""Bodies of viewings."""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from marketplace.listings.domain.viewings import ViewingAct, ViewingSide, ViewingState

_ID = "0192f5d0-0000-7000-8000-000000000001"


class SlotsRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"starts_at": ["2026-11-28T10:00:00+08:00"], "place": "滨海新区河南路 1 号 A-017 车位"}]},
    )

    starts_at: list[AwareDatetime] = Field(min_length=1, max_length=60, description="Each on the half hour.")
    place: str = Field(default="", max_length=200, description="Told to who has booked.")


class SlotBody(BaseModel):
    """A time at which the car may be seen."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    starts_at: datetime
    ends_at: datetime
    is_closed: bool


class BookingRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"slot_id": _ID}]})

    slot_id: UUID


class OutcomeRequest(BaseModel):
    """``kept`` False: the other side did not come."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kept": True}]})

    kept: bool


class ViewingBody(BaseModel):
    """A viewing for its two sides."""

    id: UUID
    listing_id: UUID
    lead_id: UUID
    title: str
    side: ViewingSide
    state: ViewingState
    visitor_name: str = Field(examples=["张*"])
    slot_id: UUID
    starts_at: datetime
    ends_at: datetime
    place: str
    proposed_by: ViewingSide = Field(description="The other side confirms.")
    reschedules: int
    no_show_side: ViewingSide | None
    end_reason: str | None
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    version: int


class ViewingNoticeBody(BaseModel):
    """What the caller was told of a viewing."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    viewing_id: UUID
    act: ViewingAct
    by: ViewingSide | None
    starts_at: datetime
    at: datetime
