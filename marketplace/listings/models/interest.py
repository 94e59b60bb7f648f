"""Tables of what the public takes an interest in: leads with their messages, viewings, views."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import append_only, enum_type, primary_id
from marketplace.listings.domain.leads import LeadStage
from marketplace.listings.domain.viewings import ViewingAct, ViewingSide, ViewingState

_OPEN_VIEWING = sa.text("state IN ('requested', 'confirmed')")


class Lead(SQLModel, table=True):
    """One interested party and one listing. ``waiting_since_at``: his oldest message without an answer."""

    __tablename__ = "lead"
    __table_args__ = (
        sa.UniqueConstraint("listing_id", "visitor_id", name="lead_once"),
        sa.Index("ix_lead_seller", "seller_id", "id"),
        sa.Index("ix_lead_agent", "agent_id", "id"),
        sa.Index("ix_lead_visitor", "visitor_id", "id"),
        sa.CheckConstraint("first_reply_s IS NULL OR first_reply_s >= 0", name="reply_not_before_the_question"),
        sa.CheckConstraint("(stage IN ('won', 'lost')) = (closed_at IS NOT NULL)", name="closed_with_instant"),
    )

    id: UUID = primary_id()
    listing_id: UUID = Field(foreign_key="listing.id")
    vehicle_id: UUID
    seller_id: UUID
    agent_id: UUID | None = None
    visitor_id: UUID
    stage: LeadStage = Field(default=LeadStage.NEW, sa_type=enum_type(LeadStage, "stage"))
    assigned_to: UUID | None = None
    assigned_at: datetime | None = None
    opened_at: datetime
    waiting_since_at: datetime | None = None
    first_reply_s: int | None = Field(default=None, sa_type=sa.BigInteger)
    closed_at: datetime | None = None
    close_reason: str | None = Field(default=None, max_length=40)
    version: int = 1


class LeadMessage(SQLModel, table=True):
    """One message of either side, encrypted. ``reply_s``: how long the visitor had waited for it."""

    __tablename__ = "lead_message"
    __table_args__ = (sa.Index("ix_lead_message_lead", "lead_id", "id"),)

    id: UUID = primary_id()
    lead_id: UUID = Field(foreign_key="lead.id")
    side: ViewingSide = Field(sa_type=enum_type(ViewingSide, "side"))
    person_id: UUID
    text: str = Field(sa_type=encrypted("lead_message"))
    reply_s: int | None = Field(default=None, sa_type=sa.BigInteger)
    at: datetime


class ViewingSlot(SQLModel, table=True):
    """A time at which a car may be seen. Slots of one car lie on a grid: none overlaps another. ``place`` is told to who has booked."""

    __tablename__ = "viewing_slot"
    __table_args__ = (
        sa.UniqueConstraint("vehicle_id", "starts_at", name="viewing_slot_once"),
        sa.Index("ix_viewing_slot_listing", "listing_id", "starts_at"),
        sa.CheckConstraint("ends_at > starts_at", name="slot_has_length"),
    )

    id: UUID = primary_id()
    listing_id: UUID = Field(foreign_key="listing.id")
    vehicle_id: UUID
    starts_at: datetime
    ends_at: datetime
    place: str = Field(default="", sa_type=encrypted("viewing_place"))
    is_closed: bool = False
    opened_by: UUID


class Viewing(SQLModel, table=True):
    """A booking of a slot: at most one open a slot, and one open of a visitor a listing."""

    __tablename__ = "viewing"
    __table_args__ = (
        sa.Index("uq_viewing_slot", "slot_id", unique=True, sqlite_where=_OPEN_VIEWING, postgresql_where=_OPEN_VIEWING),
        sa.Index("uq_viewing_visitor", "listing_id", "visitor_id", unique=True, sqlite_where=_OPEN_VIEWING, postgresql_where=_OPEN_VIEWING),
        sa.Index("ix_viewing_seller", "seller_id", "id"),
        sa.Index("ix_viewing_agent", "agent_id", "id"),
        sa.Index("ix_viewing_visitor", "visitor_id", "id"),
        sa.CheckConstraint("(state = 'no_show') = (no_show_side IS NOT NULL)", name="no_show_has_a_side"),
    )

    id: UUID = primary_id()
    slot_id: UUID = Field(foreign_key="viewing_slot.id")
    lead_id: UUID = Field(foreign_key="lead.id", index=True)
    listing_id: UUID = Field(foreign_key="listing.id")
    seller_id: UUID
    agent_id: UUID | None = None
    visitor_id: UUID
    state: ViewingState = Field(default=ViewingState.REQUESTED, sa_type=enum_type(ViewingState, "state"))
    proposed_by: ViewingSide = Field(default=ViewingSide.VISITOR, sa_type=enum_type(ViewingSide, "proposed_by"))
    reschedules: int = 0
    no_show_side: ViewingSide | None = Field(default=None, sa_type=enum_type(ViewingSide, "no_show_side"))
    end_reason: str | None = Field(default=None, max_length=40)
    requested_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1


class ViewingNotice(SQLModel, table=True):
    """What one party is told of a viewing, once for each act and party."""

    __tablename__ = "viewing_notice"
    __table_args__ = (sa.Index("ix_viewing_notice_party", "party_id", "id"),)

    id: UUID = primary_id()
    party_id: UUID
    viewing_id: UUID = Field(foreign_key="viewing.id")
    act: ViewingAct = Field(sa_type=enum_type(ViewingAct, "act"))
    by: ViewingSide | None = Field(default=None, sa_type=enum_type(ViewingSide, "by"))
    starts_at: datetime
    at: datetime


append_only(ViewingNotice.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


# --- views -------------------------------------------------------------------------------------------------------------------


class ListingViews(SQLModel, table=True):
    """Visitors of a listing on a legal day."""

    __tablename__ = "listing_views"
    __table_args__ = (sa.CheckConstraint("visitors > 0", name="views_positive"),)

    listing_id: UUID = Field(primary_key=True, foreign_key="listing.id")
    seen_on: date = Field(primary_key=True)
    visitors: int


class ListingVisitor(SQLModel, table=True):
    """Who was counted today, as a digest under the day's salt; both are deleted when the day is over."""

    __tablename__ = "listing_visitor"

    listing_id: UUID = Field(primary_key=True)
    seen_on: date = Field(primary_key=True, index=True)
    digest: str = Field(primary_key=True, max_length=32)


class VisitorSalt(SQLModel, table=True):
    """The day's secret: without it no digest can be traced back."""

    __tablename__ = "visitor_salt"

    seen_on: date = Field(primary_key=True)
    salt: str = Field(sa_type=encrypted("visitor_salt"))
