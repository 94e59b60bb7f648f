"""Tables of what follows the hammer."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.settlement.domain import ResultKind
from marketplace.core.db import enum_type, undeletable


class AuctionResult(SQLModel, table=True):
    """How a lot ended, once. ``order_refusal``: it was sold, but its order could not be opened; the operator sees to it."""

    __tablename__ = "auction_result"
    __table_args__ = (
        sa.CheckConstraint("(kind = 'sold') = (winner_id IS NOT NULL)", name="sold_has_winner"),
        sa.CheckConstraint("kind <> 'sold' OR price_minor IS NOT NULL", name="sold_has_price"),
        sa.CheckConstraint("buyer_fee_minor >= 0 AND seller_fee_minor >= 0", name="fees_not_negative"),
    )

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    kind: ResultKind = Field(sa_type=enum_type(ResultKind, "kind"))
    price_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    winner_id: UUID | None = Field(default=None, index=True)
    winner_registration_id: UUID | None = Field(default=None)
    bids: int = Field(sa_type=sa.BigInteger)
    buyer_fee_minor: int = Field(default=0, sa_type=sa.BigInteger)
    seller_fee_minor: int = Field(default=0, sa_type=sa.BigInteger)
    fee_table_number: int | None = Field(default=None)
    order_id: UUID | None = Field(default=None, index=True)
    order_refusal: str | None = Field(default=None, max_length=80)
    pay_by: datetime | None = Field(default=None)
    ended_at: datetime
    closed_at: datetime
    defaulted_at: datetime | None = Field(default=None)


undeletable(AuctionResult.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class Confirmation(SQLModel, table=True):
    """成交确认书 of one sold lot: canonical JSON, its hash, and the two signatures (拍卖法 52)."""

    __tablename__ = "auction_confirmation"

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    document: str = Field(sa_type=sa.Text)
    content_hash: str = Field(max_length=64)
    winner_signature_id: UUID | None = Field(default=None)
    winner_signed_at: datetime | None = Field(default=None)
    auctioneer_signature_id: UUID | None = Field(default=None)
    auctioneer_signed_at: datetime | None = Field(default=None)


undeletable(Confirmation.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
