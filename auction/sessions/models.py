"""Tables of sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.sessions.domain import Format, LegalMode, SessionMode, SessionState
from marketplace.core.db import Json, enum_type, primary_id, undeletable


class AuctionSession(SQLModel, table=True):
    """One sale event. ``rules`` is ``BidRules.to_json``; it and the fee tables' numbers are frozen when the first lot opens.

    ``format`` is the one of ``rules``, told for CHECKs and lists; ``lanes`` is above zero only for a live lane.
    """

    __tablename__ = "auction_session"
    __table_args__ = (
        sa.CheckConstraint("viewing_from_at <= viewing_to_at AND viewing_to_at <= opens_at", name="times_in_order"),
        sa.CheckConstraint("lot_run_s > 0", name="lot_run"),
        sa.CheckConstraint("lanes >= 0", name="lanes_not_negative"),
        sa.CheckConstraint("(suspended_at IS NULL) = (suspension_reason IS NULL)", name="suspended_with_reason"),
        sa.CheckConstraint("legal_mode <> 'statutory_auction' OR format IN ('open_ascending', 'live_lane')", name="format_lawful"),
        sa.CheckConstraint("(format = 'live_lane') = (lanes > 0)", name="lanes_of_a_lane"),
        sa.CheckConstraint("legal_mode <> 'statutory_auction' OR auctioneer_id IS NOT NULL", name="auctioneer_named"),
        sa.CheckConstraint("state = 'draft' OR announced_at IS NOT NULL", name="announced"),
    )

    id: UUID = primary_id()
    title: str = Field(max_length=120)
    legal_mode: LegalMode = Field(sa_type=enum_type(LegalMode, "legal_mode"))
    mode: SessionMode = Field(sa_type=enum_type(SessionMode, "mode"))
    format: Format = Field(default=Format.OPEN_ASCENDING, sa_type=enum_type(Format, "format"))
    lanes: int = Field(default=0)
    state: SessionState = Field(default=SessionState.DRAFT, sa_type=enum_type(SessionState, "state"), index=True)
    house_id: UUID = Field(index=True)
    auctioneer_id: UUID | None = Field(default=None)
    city: str = Field(max_length=40)
    place: str = Field(max_length=200)
    viewing_place: str = Field(max_length=200)
    viewing_from_at: datetime
    viewing_to_at: datetime
    opens_at: datetime = Field(index=True)
    lot_run_s: int
    lot_gap_s: int = Field(default=0)
    deposit_bps: int
    buyer_fee_bps: int | None = Field(default=None)
    seller_fee_bps: int | None = Field(default=None)
    payment_days: int
    rules: dict[str, Any] = Field(sa_type=Json)
    rules_frozen_at: datetime | None = Field(default=None)
    announced_at: datetime | None = Field(default=None)
    closed_at: datetime | None = Field(default=None)
    suspended_at: datetime | None = Field(default=None)
    suspension_reason: str | None = Field(default=None, max_length=200)
    created_by: UUID | None = Field(default=None)
    created_at: datetime


undeletable(AuctionSession.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
