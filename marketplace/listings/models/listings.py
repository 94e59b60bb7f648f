"""Tables of listings and of the claim."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.listings.domain import Channel, ClaimKind, EndReason, ListingState
from marketplace.vehicles.api import TradeMode

_OPEN = sa.text("state IN ('live', 'paused')")


class VehicleClaim(SQLModel, table=True):
    """One row a vehicle. No holder: the car is free. ``fence`` never goes back."""

    __tablename__ = "vehicle_claim"
    __table_args__ = (
        sa.CheckConstraint("fence >= 0", name="fence_not_negative"),
        sa.CheckConstraint("(kind IS NULL) = (holder_id IS NULL)", name="kind_with_holder"),
    )

    vehicle_id: UUID = Field(primary_key=True, foreign_key="vehicle.id")
    fence: int = Field(default=0, sa_type=sa.BigInteger)
    kind: ClaimKind | None = Field(default=None, sa_type=enum_type(ClaimKind, "kind"))
    holder_id: UUID | None = Field(default=None, index=True)
    changed_at: datetime


class Listing(SQLModel, table=True):
    """One car in one channel by one seller. ``brand``, ``city`` and ``title`` are copies of the car's facts at ``facts_version``."""

    __tablename__ = "listing"
    __table_args__ = (
        sa.Index(
            "uq_listing_open",
            "vehicle_id",
            "channel",
            "seller_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        sa.Index("ix_listing_store", "state", "published_at", "id"),
        sa.Index("ix_listing_seller", "seller_id", "id"),
        sa.Index("ix_listing_source", "source_kind", "source_id"),
        sa.CheckConstraint("ask_minor > 0", name="ask_positive"),
        sa.CheckConstraint("floor_minor IS NULL OR ask_minor >= floor_minor", name="ask_not_below_floor"),
        sa.CheckConstraint("seller_fee_bps BETWEEN 0 AND 10000", name="seller_fee_share"),
        sa.CheckConstraint("(state IN ('sold', 'withdrawn')) = (ended_at IS NOT NULL)", name="ended_with_instant"),
        sa.CheckConstraint("state <> 'sold' OR sold_price_minor > 0", name="sold_with_price"),
        sa.CheckConstraint("state <> 'withdrawn' OR end_reason IS NOT NULL", name="withdrawn_with_reason"),
    )

    id: UUID = primary_id()
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    channel: Channel = Field(sa_type=enum_type(Channel, "channel"))
    mode: TradeMode = Field(sa_type=enum_type(TradeMode, "mode"))
    seller_id: UUID
    agent_id: UUID | None = None
    state: ListingState = Field(default=ListingState.LIVE, sa_type=enum_type(ListingState, "state"))
    ask_minor: int = Field(sa_type=sa.BigInteger)
    floor_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    seller_fee_bps: int = 0
    title: str = Field(max_length=240)
    description: str = Field(default="", max_length=4000)
    brand: str = Field(max_length=40)
    city: str = Field(max_length=30)
    source_kind: str | None = Field(default=None, max_length=40)
    source_id: UUID | None = None
    facts_version: int
    published_at: datetime
    ended_at: datetime | None = None
    end_reason: EndReason | None = Field(default=None, sa_type=enum_type(EndReason, "end_reason"))
    end_codes: list[str] | None = Field(default=None, sa_type=Json)
    end_note: str = Field(default="", max_length=500)
    sold_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    sold_price_kind: str | None = Field(default=None, max_length=20)
    version: int = 1


class ListingPrice(SQLModel, table=True):
    """Every price a car was ever marked with, append-only: comparison prices must be true."""

    __tablename__ = "listing_price"
    __table_args__ = (
        sa.UniqueConstraint("listing_id", "seq", name="listing_price_seq"),
        sa.CheckConstraint("ask_minor > 0", name="price_positive"),
    )

    id: UUID = primary_id()
    listing_id: UUID = Field(foreign_key="listing.id")
    seq: int
    ask_minor: int = Field(sa_type=sa.BigInteger)
    at: datetime
    changed_by: UUID | None = None


append_only(ListingPrice.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
