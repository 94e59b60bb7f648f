"""Tables of the live lane."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Paddle(SQLModel, table=True):
    """A number a bidder holds up in the room, for one session. Which lots he may bid on, his registrations say."""

    __tablename__ = "auction_paddle"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "party_id", name="auction_paddle_party"),
        sa.CheckConstraint("number > 0", name="number_from_one"),
    )

    session_id: UUID = Field(primary_key=True, foreign_key="auction_session.id")
    number: int = Field(primary_key=True)
    party_id: UUID = Field(index=True)
    person_id: UUID
    given_at: datetime
