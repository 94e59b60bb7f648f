"""Tables of lots that come again."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.reauction.domain import CUT_BPS_MAX, TIMES_MAX
from marketplace.core.db import append_only, enum_type, primary_id


class RelistPlan(SQLModel, table=True):
    """What a consignor signed for a lot: how often it may come again, and how much lower each time."""

    __tablename__ = "auction_relist_plan"
    __table_args__ = (
        sa.CheckConstraint(f"times BETWEEN 0 AND {TIMES_MAX}", name="times_in_bounds"),
        sa.CheckConstraint(f"cut_bps BETWEEN 0 AND {CUT_BPS_MAX}", name="cut_in_bounds"),
    )

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    times: int
    cut_bps: int
    content_hash: str = Field(max_length=64)
    signature_id: UUID
    signed_by: UUID
    signed_at: datetime


class Relisting(SQLModel, table=True):
    """One lot that came again as another; each comes again once. ``broken_lot_id``: the sale whose loss this one measures."""

    __tablename__ = "auction_relisting"
    __table_args__ = (sa.CheckConstraint("(broken_lot_id IS NULL) = (barred_party_id IS NULL)", name="broken_has_defaulter"),)

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    from_lot_id: UUID = Field(foreign_key="auction_lot.id", unique=True)
    broken_lot_id: UUID | None = Field(default=None, foreign_key="auction_lot.id", index=True)
    barred_party_id: UUID | None = Field(default=None)
    at: datetime


append_only(Relisting.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class DebtState(StrEnum):
    """``waiting`` for the re-auction's price; ``settled``: the deposit covered it all."""

    WAITING = "waiting"
    DUE = "due"
    PAID = "paid"
    SETTLED = "settled"


class DefaultDebt(SQLModel, table=True):
    """What a winner owes who broke his sale (拍卖法 39). One a broken lot."""

    __tablename__ = "auction_default_debt"
    __table_args__ = (
        sa.UniqueConstraint("lot_id", name="auction_default_debt_lot"),
        sa.CheckConstraint("commissions_minor >= 0 AND deposit_minor >= 0", name="not_negative"),
        sa.CheckConstraint("(state = 'waiting') = (second_price_minor IS NULL)", name="computed_with_price"),
        sa.Index("ix_auction_default_debt_debtor", "debtor_id", "id"),
        sa.Index("ix_auction_default_debt_consignor", "consignor_id", "id"),
        sa.Index("ix_auction_default_debt_house", "house_id", "id"),
    )

    id: UUID = primary_id()
    lot_id: UUID = Field(foreign_key="auction_lot.id")
    debtor_id: UUID
    consignor_id: UUID
    house_id: UUID
    first_price_minor: int = Field(sa_type=sa.BigInteger)
    commissions_minor: int = Field(sa_type=sa.BigInteger)
    deposit_minor: int = Field(sa_type=sa.BigInteger)
    relot_id: UUID | None = Field(default=None)
    second_price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    shortfall_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    due_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    state: DebtState = Field(default=DebtState.WAITING, sa_type=enum_type(DebtState, "state"))
    payment_id: UUID | None = Field(default=None)
    created_at: datetime
    computed_at: datetime | None = Field(default=None)
    paid_at: datetime | None = Field(default=None)
