"""Tables of orders."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.core.money import CNY
from marketplace.orders.domain import Confirmation, ContractKind, OrderState, PriceKind, Side, SourceKind

_OPEN = sa.text("state NOT IN ('completed', 'cancelled', 'defaulted')")


class Order(SQLModel, table=True):
    """One sale of one car. The contract's text holds names and is kept encrypted; its hash is what was signed.

    ``linked_order_id``: the other half of a trade-in, made and undone with this one. ``offset_minor`` of the price is set off against
    that one's, and no money moves for it. ``adjustment_minor``: what a decided claim takes off the seller's proceeds for the buyer.
    """

    __tablename__ = "trade_order"
    __table_args__ = (
        sa.CheckConstraint("price_minor > 0", name="price_positive"),
        sa.CheckConstraint("buyer_fee_minor >= 0 AND seller_fee_minor >= 0 AND commission_minor >= 0", name="fees_not_negative"),
        sa.CheckConstraint("seller_fee_minor + commission_minor <= price_minor", name="fees_within_price"),
        sa.CheckConstraint("offset_minor >= 0 AND offset_minor <= price_minor", name="offset_within_price"),
        sa.CheckConstraint(
            "adjustment_minor >= 0 AND adjustment_minor <= price_minor - offset_minor - seller_fee_minor - commission_minor",
            name="adjustment_within_proceeds",
        ),
        sa.CheckConstraint("disputed_at IS NULL OR state = 'handed_over'", name="disputed_when_handed_over"),
        sa.CheckConstraint("offset_minor = 0 OR linked_order_id IS NOT NULL", name="offset_against_an_order"),
        sa.CheckConstraint("buyer_id <> seller_id", name="two_parties"),
        sa.CheckConstraint("(state = 'completed') = (completed_at IS NOT NULL)", name="completed_with_instant"),
        sa.Index("uq_trade_order_one_open", "vehicle_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_trade_order_buyer", "buyer_id", "id"),
        sa.Index("ix_trade_order_seller", "seller_id", "id"),
        sa.Index("ix_trade_order_agent", "agent_id", "id"),
        sa.Index("ix_trade_order_deadline", "state", "sign_by", "pay_by"),
    )

    id: UUID = primary_id()
    number: str = Field(max_length=30, unique=True)
    vehicle_id: UUID = Field(foreign_key="vehicle.id", index=True)
    seller_id: UUID
    buyer_id: UUID
    agent_id: UUID | None = Field(default=None)
    channel: str = Field(max_length=30)
    source_kind: SourceKind = Field(sa_type=enum_type(SourceKind, "source_kind"))
    source_id: UUID = Field(index=True)
    fence: int = Field(default=0, sa_type=sa.BigInteger)
    price_minor: int = Field(sa_type=sa.BigInteger)
    price_kind: PriceKind = Field(sa_type=enum_type(PriceKind, "price_kind"))
    currency: str = Field(default=CNY, max_length=3)
    buyer_fee_minor: int = Field(default=0, sa_type=sa.BigInteger)
    buyer_fee_to: UUID | None = Field(default=None)
    seller_fee_minor: int = Field(default=0, sa_type=sa.BigInteger)
    seller_fee_to: UUID | None = Field(default=None)
    commission_minor: int = Field(default=0, sa_type=sa.BigInteger)
    fee_table_number: int | None = Field(default=None)
    linked_order_id: UUID | None = Field(default=None, index=True)
    offset_minor: int = Field(default=0, sa_type=sa.BigInteger)
    adjustment_minor: int = Field(default=0, sa_type=sa.BigInteger)
    disputed_at: datetime | None = Field(default=None)
    buyer_city: str | None = Field(default=None, max_length=30)
    state: OrderState = Field(default=OrderState.AWAITING_SIGNATURES, sa_type=enum_type(OrderState, "state"))
    contract_kind: ContractKind = Field(sa_type=enum_type(ContractKind, "contract_kind"))
    contract_text: str = Field(sa_type=encrypted("contract"))
    contract_hash: str = Field(max_length=64)
    seller_kind: str = Field(max_length=40)
    segment: str = Field(max_length=20)
    city: str = Field(max_length=30)
    days_in_stock: int = Field(default=0)
    payment_id: UUID | None = Field(default=None)
    opened_at: datetime
    sign_by: datetime
    pay_by: datetime
    signed_at: datetime | None = Field(default=None)
    paid_at: datetime | None = Field(default=None)
    handed_over_at: datetime | None = Field(default=None)
    completed_at: datetime | None = Field(default=None)
    ended_at: datetime | None = Field(default=None)
    end_reason: str | None = Field(default=None, max_length=200)


class OrderDeposit(SQLModel, table=True):
    """A hold that counts to the price."""

    __tablename__ = "order_deposit"

    order_id: UUID = Field(foreign_key="trade_order.id", primary_key=True)
    hold_id: UUID = Field(foreign_key="payment_hold.id", primary_key=True)


class OrderConfirmation(SQLModel, table=True):
    """What the buyer confirmed at checkout: which sentence, who, when. Append-only: it is evidence."""

    __tablename__ = "order_confirmation"

    order_id: UUID = Field(foreign_key="trade_order.id", primary_key=True)
    code: Confirmation = Field(sa_type=enum_type(Confirmation, "code"), primary_key=True)
    text: str = Field(max_length=500)
    person_id: UUID
    at: datetime


class OrderSignature(SQLModel, table=True):
    """Which signature stands for which side."""

    __tablename__ = "order_signature"

    order_id: UUID = Field(foreign_key="trade_order.id", primary_key=True)
    side: Side = Field(sa_type=enum_type(Side, "side"), primary_key=True)
    signature_id: UUID = Field(unique=True)
    person_id: UUID
    party_id: UUID
    at: datetime


class OrderHandover(SQLModel, table=True):
    """What each side says changed hands."""

    __tablename__ = "order_handover"
    __table_args__ = (
        sa.CheckConstraint("odometer_km >= 0", name="odometer_not_negative"),
        sa.CheckConstraint("keys >= 0", name="keys_not_negative"),
    )

    order_id: UUID = Field(foreign_key="trade_order.id", primary_key=True)
    side: Side = Field(sa_type=enum_type(Side, "side"), primary_key=True)
    odometer_km: int
    keys: int
    documents: list[str] = Field(default_factory=list, sa_type=Json)
    note: str = Field(default="", max_length=500)
    person_id: UUID
    at: datetime


append_only(OrderConfirmation.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(OrderSignature.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(OrderHandover.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
