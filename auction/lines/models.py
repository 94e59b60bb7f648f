"""Tables of lines, reservations and portfolios."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.lines.domain import LineKind, LineState
from marketplace.core.db import enum_type, primary_id

_ONE = sa.text("kind = 'line' AND state <> 'closed'")


class BidLine(SQLModel, table=True):
    """What a party is good for. ``reserved_minor`` and ``leads`` are the sum and number of its reservations, moved with them."""

    __tablename__ = "auction_line"
    __table_args__ = (
        sa.CheckConstraint("reserved_minor >= 0 AND reserved_minor <= limit_minor", name="reserved_within_limit"),
        sa.CheckConstraint("leads >= 0 AND (leads_max IS NULL OR leads <= leads_max)", name="leads_within_bound"),
        sa.CheckConstraint("(kind = 'portfolio') = (leads_max IS NOT NULL)", name="portfolio_has_bound"),
        sa.CheckConstraint("deposit_minor > 0 AND limit_minor > 0", name="above_zero"),
        sa.Index("uq_auction_line_one", "party_id", unique=True, sqlite_where=_ONE, postgresql_where=_ONE),
        sa.Index("ix_auction_line_party", "party_id", "id"),
    )

    id: UUID = primary_id()
    party_id: UUID
    person_id: UUID
    kind: LineKind = Field(sa_type=enum_type(LineKind, "kind"))
    state: LineState = Field(default=LineState.REQUESTED, sa_type=enum_type(LineState, "state"))
    hold_id: UUID | None = Field(default=None, index=True)
    deposit_minor: int = Field(sa_type=sa.BigInteger)
    limit_minor: int = Field(sa_type=sa.BigInteger)
    reserved_minor: int = Field(default=0, sa_type=sa.BigInteger)
    leads: int = Field(default=0)
    leads_max: int | None = Field(default=None)
    created_at: datetime
    closed_at: datetime | None = Field(default=None)


class BidReservation(SQLModel, table=True):
    """What one registration on a line holds of it for one lot. ``order_id``: won, this much is owed."""

    __tablename__ = "auction_reservation"
    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount_above_zero"),)

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    registration_id: UUID = Field(primary_key=True)
    line_id: UUID = Field(foreign_key="auction_line.id", index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    order_id: UUID | None = Field(default=None, index=True)


class PortfolioWish(SQLModel, table=True):
    """One lot a portfolio bids on, up to ``maximum_minor``; ``rank`` is the bidder's preference."""

    __tablename__ = "auction_portfolio_wish"
    __table_args__ = (sa.CheckConstraint("maximum_minor > 0", name="maximum_above_zero"),)

    line_id: UUID = Field(primary_key=True, foreign_key="auction_line.id")
    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id", index=True)
    rank: int
    maximum_minor: int = Field(sa_type=sa.BigInteger)
