"""Bodies of registration, result and confirmation."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.bidding.domain import RegistrationState
from auction.settlement.domain import ResultKind

_ID = "01990b7e-0000-7000-8000-000000000001"


class RegistrationBody(BaseModel):
    """``gateway`` None: the market's own. ``payment_method`` is a card's, for gateways that hold on cards."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"gateway": "sandbox_bank"}]})

    gateway: str | None = Field(None, min_length=1, max_length=40)
    payment_method: str | None = Field(None, min_length=1, max_length=120)
    by_line: bool = Field(False, description="On the party's line instead of a deposit of the lot's own.")


class RegistrationAnswer(BaseModel):
    """The caller's own registration. ``instructions`` say what is still to be done for the deposit."""

    id: UUID = Field(examples=[_ID])
    lot_id: UUID = Field(examples=[_ID])
    pseudonym: str = Field(examples=["B4711"])
    state: RegistrationState = Field(examples=[RegistrationState.REGISTERED])
    deposit_minor: int = Field(examples=[800_000])
    hold_id: UUID | None = Field(examples=[_ID])
    instructions: dict[str, Any] = Field(examples=[{"account": "****1234", "reference": "HR-…"}])


class ResultAnswer(BaseModel):
    """How a lot ended. The winner is told by pseudonym; the order is shown to its parties only."""

    lot_id: UUID = Field(examples=[_ID])
    kind: ResultKind = Field(examples=[ResultKind.SOLD])
    price_minor: int | None = Field(examples=[9_100_000])
    winner: str | None = Field(examples=["B4711"])
    bids: int = Field(examples=[17])
    ended_at: datetime
    closed_at: datetime
    you_won: bool = Field(examples=[False])
    order_id: UUID | None = Field(examples=[None])
    buyer_fee_minor: int | None = Field(examples=[None])
    pay_by: datetime | None
    defaulted_at: datetime | None = Field(examples=[None])


class ConfirmationAnswer(BaseModel):
    """成交确认书. Winner and auctioneer sign ``content_hash``."""

    lot_id: UUID = Field(examples=[_ID])
    content: dict[str, Any] = Field(examples=[{"kind": "auction_confirmation", "price_minor": 9_100_000}])
    content_hash: str = Field(examples=["9a0f…"])
    winner_signed_at: datetime | None
    auctioneer_signed_at: datetime | None


class MinutesAnswer(BaseModel):
    """拍卖笔录."""

    content: dict[str, Any] = Field(examples=[{"kind": "auction_minutes", "lots": []}])
    content_hash: str = Field(examples=["9a0f…"])
