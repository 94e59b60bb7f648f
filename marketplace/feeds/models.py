"""Tables of outbound feeds: what each shows, and who may have full VINs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Json, enum_type, primary_id
from marketplace.feeds.domain import FeedName

_STANDING = sa.text("revoked_at IS NULL")


class FeedHead(SQLModel, table=True):
    """A feed's last number. Its lock makes numbers appear in their order, so a cursor never skips a change."""

    __tablename__ = "feed_head"

    feed: FeedName = Field(primary_key=True, sa_type=enum_type(FeedName, "feed"))
    last_no: int = Field(default=0, sa_type=sa.BigInteger)
    chain: str = Field(default="", max_length=64)
    """SHA-256 over all changes so far: two feeds of one chain are the same bytes."""


class FeedEntry(SQLModel, table=True):
    """An object as a feed shows it. ``feed_no`` grows with each change; a removed one keeps its line without content."""

    __tablename__ = "feed_entry"
    __table_args__ = (sa.UniqueConstraint("feed", "feed_no", name="feed_entry_no"),)

    feed: FeedName = Field(primary_key=True, sa_type=enum_type(FeedName, "feed"))
    object_id: UUID = Field(primary_key=True)
    vehicle_id: UUID
    seller_id: UUID
    feed_no: int = Field(sa_type=sa.BigInteger)
    is_removed: bool = False
    content_hash: str = Field(max_length=64)
    document: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


class VinConsent(SQLModel, table=True):
    """A seller's separate consent (PIPL 23) that one partner may have the full VINs of his cars on sale, for one purpose."""

    __tablename__ = "vin_consent"
    __table_args__ = (
        sa.Index("uq_vin_consent_standing", "seller_id", "partner_id", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
        sa.Index("ix_vin_consent_partner", "partner_id", "seller_id"),
    )

    id: UUID = primary_id()
    seller_id: UUID = Field(index=True)
    partner_id: UUID
    purpose: str = Field(max_length=200)
    granted_by: UUID
    granted_at: datetime
    ends_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: UUID | None = None
