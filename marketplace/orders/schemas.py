"""Bodies of orders' requests and answers. Amounts are fen."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.orders.domain import HANDED_OVER_DOCUMENTS, Confirmation, ContractKind, OrderState, PriceKind, Side, SourceKind
from marketplace.payments.api import PaymentState

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"
_PAPERS = list(HANDED_OVER_DOCUMENTS)


class OrderRequest(BaseModel):
    """An order from the store page at its asking price. ``buyer_city`` is where the car will be registered."""

    model_config = ConfigDict(extra="forbid")
    listing_id: UUID = Field(examples=[_ID])
    buyer_city: str | None = Field(default=None, min_length=2, max_length=30, examples=["天津"])
    confirmations: list[Confirmation] = Field(
        default=[], max_length=8, examples=[["seven_day_return_excluded", "condition_read"]], description="Each confirmed by itself."
    )


class SignatureRequest(BaseModel):
    """Signing wants the password again."""

    model_config = ConfigDict(extra="forbid")
    passphrase: str = Field(min_length=1, max_length=200, examples=["correct horse battery"])


class HandoverRequest(BaseModel):
    """What changes hands: the reading, the keys, the papers by their codes."""

    model_config = ConfigDict(extra="forbid")
    odometer_km: int = Field(ge=0, le=2_000_000, examples=[42_180])
    keys: int = Field(ge=0, le=10, examples=[2])
    documents: list[str] = Field(max_length=30, examples=[_PAPERS])
    note: str = Field(default="", max_length=500, examples=["备胎、工具齐全"])


class CancellationRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=1, max_length=200, examples=["改变主意"])


class DueBody(BaseModel):
    """What the buyer still has to pay, and how."""

    payment_id: UUID = Field(examples=[_ID])
    amount_minor: int = Field(examples=[8_850_000])
    state: PaymentState
    gateway: str = Field(examples=["sandbox_bank"])
    reference: str = Field(examples=["HR0712V5G9XK3QW8ZT4B"])
    instructions: dict[str, Any]
    pay_by: datetime


class SignatureBody(BaseModel):
    side: Side
    signature_id: UUID = Field(examples=[_ID])
    at: datetime


class HandoverBody(BaseModel):
    side: Side
    odometer_km: int = Field(examples=[42_180])
    keys: int = Field(examples=[2])
    documents: list[str] = Field(examples=[_PAPERS])
    note: str
    at: datetime


class OrderWarrantyBody(BaseModel):
    """The dealer's warranty (二手车交易规范 第十六条). Its end, by day or kilometre, is known once the buyer has the car."""

    months: int = Field(examples=[3])
    km: int = Field(examples=[5_000])
    parts: list[str]
    starts_on: date | None = None
    ends_on: date | None = None
    ends_at_km: int | None = None


class OrderBody(BaseModel):
    """An order as one of its sides sees it. ``payment`` is the buyer's alone, ``proceeds_minor`` the seller's."""

    id: UUID = Field(examples=[_ID])
    number: str = Field(examples=["HR202611240123456789"])
    vehicle_id: UUID
    side: Side | None = Field(description="The caller's side; none for the market's people.")
    seller_name: str = Field(examples=["张*"])
    buyer_name: str = Field(examples=["李*"])
    channel: str = Field(examples=["c2c_consignment"])
    source_kind: SourceKind
    source_id: UUID
    price_minor: int = Field(examples=[8_800_000])
    price_kind: PriceKind
    buyer_fee_minor: int = Field(examples=[50_000])
    linked_order_id: UUID | None = Field(default=None, description="The other half of a trade-in.")
    offset_minor: int = Field(default=0, description="Set off against the linked order: no money moves for it.", examples=[0])
    total_minor: int = Field(examples=[8_850_000])
    proceeds_minor: int | None = Field(examples=[8_536_000])
    state: OrderState
    contract_kind: ContractKind
    contract_hash: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    signatures: list[SignatureBody]
    handovers: list[HandoverBody]
    payment: DueBody | None
    warranty: OrderWarrantyBody | None
    opened_at: datetime
    sign_by: datetime
    pay_by: datetime
    paid_at: datetime | None
    handed_over_at: datetime | None
    completed_at: datetime | None
    end_reason: str | None


class OrderLine(BaseModel):
    """One line of a list of orders."""

    id: UUID = Field(examples=[_ID])
    number: str = Field(examples=["HR202611240123456789"])
    vehicle_id: UUID
    side: Side
    channel: str = Field(examples=["c2c_consignment"])
    price_minor: int = Field(examples=[8_800_000])
    state: OrderState
    opened_at: datetime


class SignedBy(BaseModel):
    """A signature anybody can verify: Ed25519 over the canonical statement that names document, hash, person, party and instant."""

    id: UUID = Field(examples=[_ID])
    person_id: UUID
    party_id: UUID
    public_key: str
    signature: str
    content_hash: str
    at: datetime
    is_valid: bool


class ContractBody(BaseModel):
    """The document itself. ``contract_hash`` is SHA-256 of its canonical JSON (sorted keys, no spaces, UTF-8)."""

    order_id: UUID = Field(examples=[_ID])
    contract_hash: str
    document: dict[str, Any]
    signatures: list[SignedBy]
