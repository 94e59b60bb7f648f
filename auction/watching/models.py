"""Tables of watching."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Watch(SQLModel, table=True):
    """A lot on a party's watch list."""

    __tablename__ = "auction_watch"
    __table_args__ = (sa.Index("ix_auction_watch_lot", "lot_id"),)

    party_id: UUID = Field(primary_key=True)
    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    created_at: datetime


class EndingTold(SQLModel, table=True):
    """The people of a lot were told that it ends soon: once, also when its end moves."""

    __tablename__ = "auction_ending_told"

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    at: datetime
