"""Tables of negotiating."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.negotiation.domain import Act, NegotiationKind, NegotiationState, Side
from marketplace.core.db import append_only, enum_type, primary_id

_OPEN = sa.text("state = 'open'")


class Negotiation(SQLModel, table=True):
    """Two parties about one lot. ``ceiling_minor`` is the consignor's secret reserve. One open a lot."""

    __tablename__ = "auction_negotiation"
    __table_args__ = (
        sa.CheckConstraint("bid_minor IS NULL OR bid_minor > 0", name="bid_above_zero"),
        sa.CheckConstraint("ask_minor IS NULL OR ask_minor > 0", name="ask_above_zero"),
        sa.CheckConstraint("ask_minor IS NULL OR bid_minor IS NULL OR bid_minor < ask_minor", name="ask_above_bid"),
        sa.CheckConstraint("ask_minor IS NULL OR ceiling_minor IS NULL OR ask_minor <= ceiling_minor", name="ask_within_reserve"),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended_with_instant"),
        sa.CheckConstraint("(state = 'agreed') = (order_id IS NOT NULL)", name="agreed_has_order"),
        sa.CheckConstraint("consignor_id <> bidder_id", name="two_parties"),
        sa.Index("uq_auction_negotiation_one_open", "lot_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_auction_negotiation_due", "answer_by", sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_auction_negotiation_consignor", "consignor_id", "id"),
        sa.Index("ix_auction_negotiation_bidder", "bidder_id", "id"),
    )

    id: UUID = primary_id()
    lot_id: UUID = Field(foreign_key="auction_lot.id", index=True)
    kind: NegotiationKind = Field(sa_type=enum_type(NegotiationKind, "kind"))
    state: NegotiationState = Field(default=NegotiationState.OPEN, sa_type=enum_type(NegotiationState, "state"))
    consignor_id: UUID
    bidder_id: UUID
    registration_id: UUID
    pseudonym: str = Field(max_length=8)
    offered_by: Side = Field(sa_type=enum_type(Side, "offered_by"))
    bid_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    ask_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    ceiling_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    consignor_counters: int = Field(default=0)
    bidder_counters: int = Field(default=0)
    answer_by: datetime
    last_at: datetime
    opened_at: datetime
    ended_at: datetime | None = Field(default=None)
    order_id: UUID | None = Field(default=None, index=True)


class NegotiationMove(SQLModel, table=True):
    """What was said, in order. ``by`` None: the clock."""

    __tablename__ = "auction_negotiation_move"

    negotiation_id: UUID = Field(primary_key=True, foreign_key="auction_negotiation.id")
    seq: int = Field(primary_key=True)
    act: Act = Field(sa_type=enum_type(Act, "act"))
    by: Side | None = Field(default=None, sa_type=enum_type(Side, "by"))
    person_id: UUID | None = Field(default=None)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    answer_by: datetime | None = Field(default=None)
    at: datetime


append_only(NegotiationMove.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
