"""Tables of arbitration."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.arbitration.domain import ClaimState, DefectClass, Part, Remedy
from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id

_OPEN = sa.text("state IN ('answering', 'ready')")
_STANDS = sa.text("state <> 'withdrawn'")


class FlawExclusion(SQLModel, table=True):
    """What a house declared before the notice not to guarantee (拍卖法 61). Public. Append-only."""

    __tablename__ = "auction_flaw_exclusion"

    lot_id: UUID = Field(primary_key=True, foreign_key="auction_lot.id")
    classes: list[str] = Field(sa_type=Json)
    text: str = Field(max_length=500)
    declared_by: UUID
    at: datetime


class DefectClaim(SQLModel, table=True):
    """A buyer's claim about one car. One open an order, one of a class. What people wrote is encrypted.

    ``awarded_minor``: what the decision gives the buyer; ``payment_id``: what the seller of a completed order has to pay back for it.
    """

    __tablename__ = "auction_defect_claim"
    __table_args__ = (
        sa.CheckConstraint("loss_minor > 0 AND loss_minor <= price_minor", name="loss_within_price"),
        sa.CheckConstraint("(state IN ('adjusted', 'unwound')) = (awarded_minor IS NOT NULL)", name="awarded_when_granted"),
        sa.CheckConstraint("awarded_minor IS NULL OR awarded_minor > 0", name="award_positive"),
        sa.CheckConstraint("(state IN ('answering', 'ready')) = (ended_at IS NULL)", name="ended_with_instant"),
        sa.CheckConstraint("buyer_id <> seller_id", name="two_parties"),
        sa.Index("uq_auction_defect_claim_one_open", "order_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("uq_auction_defect_claim_class", "order_id", "defect", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
        sa.Index("ix_auction_defect_claim_due", "state", "answer_by"),
        sa.Index("ix_auction_defect_claim_buyer", "buyer_id", "id"),
        sa.Index("ix_auction_defect_claim_seller", "seller_id", "id"),
        sa.Index("ix_auction_defect_claim_house", "house_id", "id"),
    )

    id: UUID = primary_id()
    order_id: UUID = Field(foreign_key="trade_order.id")
    lot_id: UUID = Field(foreign_key="auction_lot.id", index=True)
    buyer_id: UUID
    seller_id: UUID
    house_id: UUID
    case_id: UUID | None = Field(default=None)
    defect: DefectClass = Field(sa_type=enum_type(DefectClass, "defect"))
    wants: Remedy = Field(sa_type=enum_type(Remedy, "wants"))
    loss_minor: int = Field(sa_type=sa.BigInteger)
    conceals: bool
    price_minor: int = Field(sa_type=sa.BigInteger)
    is_statutory: bool
    table_number: int
    window_ends_on: date
    state: ClaimState = Field(default=ClaimState.ANSWERING, sa_type=enum_type(ClaimState, "state"))
    text: str = Field(sa_type=encrypted("claim_statement"))
    filed_by: UUID
    filed_at: datetime
    answer_by: datetime
    ready_at: datetime | None = Field(default=None)
    ended_at: datetime | None = Field(default=None)
    decided_by: UUID | None = Field(default=None)
    reasons: str | None = Field(default=None, sa_type=encrypted("claim_statement"))
    awarded_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    payment_id: UUID | None = Field(default=None)
    paid_at: datetime | None = Field(default=None)


class ClaimAnswer(SQLModel, table=True):
    """What the seller or the house says to a claim, once."""

    __tablename__ = "auction_claim_answer"

    claim_id: UUID = Field(primary_key=True, foreign_key="auction_defect_claim.id")
    part: Part = Field(sa_type=enum_type(Part, "part"), primary_key=True)
    party_id: UUID
    person_id: UUID
    text: str = Field(sa_type=encrypted("claim_statement"))
    at: datetime


class ClaimEvidence(SQLModel, table=True):
    """One file of a side, sealed in the file store. The same file twice is once. Append-only."""

    __tablename__ = "auction_claim_evidence"
    __table_args__ = (
        sa.UniqueConstraint("claim_id", "part", "sha256", name="auction_claim_evidence_once"),
        sa.CheckConstraint("size_bytes > 0", name="not_empty"),
    )

    id: UUID = primary_id()
    claim_id: UUID = Field(foreign_key="auction_defect_claim.id")
    part: Part = Field(sa_type=enum_type(Part, "part"))
    party_id: UUID
    person_id: UUID
    file_key: str = Field(max_length=200)
    media_type: str = Field(max_length=40)
    sha256: str = Field(max_length=64)
    size_bytes: int
    keep_until: datetime
    at: datetime


append_only(FlawExclusion.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(ClaimEvidence.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
