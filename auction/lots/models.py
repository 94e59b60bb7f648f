"""Tables of lots."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.lots.domain import LotPhase, ReserveKind
from auction.sessions.models import AuctionSession
from marketplace.core.db import enum_type, primary_id, undeletable


class Lot(SQLModel, table=True):
    """One car in one session. What stands from ``price_minor`` to ``head_hash`` moves with every accepted bid, under the row's lock.

    ``leader_id`` is a registration; ``maximum_minor`` is the leader's and secret, and so is a hidden reserve. Of the log's ``seq`` entries
    ``notes`` are no bids; ``warned_seq`` is the last fair warning, good while nothing followed it. ``suspended_alone``: not with its
    session. A lot with a ``lane`` (from one) is opened by the auctioneer, in the order of numbers.
    """

    __tablename__ = "auction_lot"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "number", name="auction_lot_number"),
        sa.CheckConstraint("start_minor > 0", name="start_above_zero"),
        sa.CheckConstraint("reserve_minor IS NULL OR reserve_minor >= start_minor", name="reserve_not_below_start"),
        sa.CheckConstraint("(reserve_kind IN ('hidden', 'visible')) = (reserve_minor IS NOT NULL)", name="reserve_kind_matches"),
        sa.CheckConstraint("price_minor IS NULL OR (price_minor >= coalesce(floor_minor, start_minor) AND price_minor <= maximum_minor)",
                           name="price_in_bounds"),
        sa.CheckConstraint("floor_minor IS NULL OR (floor_minor > 0 AND floor_minor <= start_minor)", name="floor_in_bounds"),
        sa.CheckConstraint("buy_now_minor IS NULL OR (buy_now_minor > start_minor AND buy_now_minor >= coalesce(reserve_minor, 0))",
                           name="buy_now_in_bounds"),
        sa.CheckConstraint("estimate_minor IS NULL OR estimate_minor > 0", name="estimate_above_zero"),
        sa.CheckConstraint("lane IS NULL OR lane > 0", name="lane_from_one"),
        sa.CheckConstraint("(price_minor IS NULL) = (leader_id IS NULL)", name="leader_with_price"),
        sa.CheckConstraint("hard_end_at IS NULL OR ends_at <= hard_end_at", name="ends_before_hard_end"),
        sa.CheckConstraint("opens_at <= ends_at", name="opens_before_end"),
        sa.CheckConstraint("state <> 'suspended' OR (suspended_at IS NOT NULL AND reason IS NOT NULL)", name="suspended_with_reason"),
        sa.CheckConstraint("state <> 'sold' OR price_minor IS NOT NULL", name="sold_has_price"),
        sa.Index("ix_auction_lot_due", "ends_at", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")),
        sa.Index("ix_auction_lot_opening", "opens_at", sqlite_where=sa.text("state = 'announced' AND lane IS NULL"),
                 postgresql_where=sa.text("state = 'announced' AND lane IS NULL")),
        sa.Index("uq_auction_lot_up", "session_id", "lane", unique=True,
                 sqlite_where=sa.text("lane IS NOT NULL AND state IN ('open', 'suspended')"),
                 postgresql_where=sa.text("lane IS NOT NULL AND state IN ('open', 'suspended')")),
        sa.Index("uq_auction_lot_live_vehicle", "vehicle_id", unique=True,
                 sqlite_where=sa.text("state IN ('open', 'suspended')"),
                 postgresql_where=sa.text("state IN ('open', 'suspended')")),
    )  # fmt: skip

    id: UUID = primary_id()
    session_id: UUID = Field(foreign_key="auction_session.id")
    number: int
    vehicle_id: UUID = Field(index=True)
    consignor_id: UUID = Field(index=True)
    title: str = Field(max_length=200)
    state: LotPhase = Field(default=LotPhase.DRAFT, sa_type=enum_type(LotPhase, "state"))
    start_minor: int = Field(sa_type=sa.BigInteger)
    reserve_kind: ReserveKind = Field(sa_type=enum_type(ReserveKind, "reserve_kind"))
    reserve_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    reserve_salt: str | None = Field(default=None, max_length=32)
    buy_now_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    floor_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    estimate_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    lane: int | None = Field(default=None)
    seller_fee_bps: int | None = Field(default=None)
    flaws: str = Field(default="", max_length=2000)
    opens_at: datetime
    ends_at: datetime
    hard_end_at: datetime | None = Field(default=None)
    price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    leader_id: UUID | None = Field(default=None)
    leader_pseudonym: str | None = Field(default=None, max_length=8)
    maximum_minor: int = Field(default=0, sa_type=sa.BigInteger)
    seq: int = Field(default=0, sa_type=sa.BigInteger)
    notes: int = Field(default=0, sa_type=sa.BigInteger)
    warned_seq: int | None = Field(default=None, sa_type=sa.BigInteger)
    suspended_at: datetime | None = Field(default=None)
    suspended_alone: bool = Field(default=False)
    extensions: int = Field(default=0)
    head_hash: str = Field(default="0" * 64, max_length=64)
    moved_at: datetime | None = Field(default=None)
    reason: str | None = Field(default=None, max_length=200)
    created_at: datetime


undeletable(Lot.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class Mandate(SQLModel, table=True):
    """委托拍卖合同 of one lot: what the consignor signed. ``document`` is canonical JSON; ``content_hash`` its SHA-256."""

    __tablename__ = "auction_mandate"

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    document: str = Field(sa_type=sa.Text)
    content_hash: str = Field(max_length=64)
    signature_id: UUID | None = Field(default=None)
    signed_by: UUID | None = Field(default=None)
    signed_at: datetime | None = Field(default=None)


undeletable(Mandate.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


__all__ = ["AuctionSession", "Lot", "Mandate"]
