"""Bodies of lots."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.lots.domain import LotPhase, ReserveKind
from auction.sessions.domain import Format, LegalMode, SessionMode

AMOUNT_MAX = 10**13
_ID = "01990b7e-0000-7000-8000-000000000001"


class LotBody(BaseModel):
    """A car to be catalogued. Amounts are fen; without reserve the lot is labelled so (拍卖法 50)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "vehicle_id": _ID,
                    "consignor_id": _ID,
                    "start_minor": 8_000_000,
                    "reserve_kind": "hidden",
                    "reserve_minor": 9_000_000,
                    "flaws": "左前门补漆",
                }
            ]
        },
    )

    vehicle_id: UUID
    consignor_id: UUID
    start_minor: int = Field(gt=0, le=AMOUNT_MAX)
    reserve_kind: ReserveKind = ReserveKind.NONE
    reserve_minor: int | None = Field(None, gt=0, le=AMOUNT_MAX)
    buy_now_minor: int | None = Field(None, gt=0, le=AMOUNT_MAX, description="The fixed price; only of a buy-now session.")
    floor_minor: int | None = Field(None, gt=0, le=AMOUNT_MAX, description="Where a falling price stops; only of a Dutch session.")
    estimate_minor: int | None = Field(None, gt=0, le=AMOUNT_MAX, description="Instead of the market's own valuation.")
    lane: int | None = Field(None, ge=1, le=1_000, description="Of a live session; lots take turns if not said.")
    seller_fee_bps: int | None = Field(None, ge=0, le=2_000)
    flaws: str = Field("", max_length=2_000)


class LotAnswer(BaseModel):
    """A lot as everybody may see it: no maximum, no hidden reserve, pseudonyms only; of a sealed lot no amount before its close."""

    id: UUID = Field(examples=[_ID])
    session_id: UUID
    number: int = Field(examples=[1])
    vehicle_id: UUID
    title: str = Field(examples=["大众 帕萨特 2019"])
    state: LotPhase = Field(examples=[LotPhase.OPEN])
    legal_mode: LegalMode = Field(examples=[LegalMode.AGREED_BIDDING])
    mode: SessionMode = Field(examples=[SessionMode.C2B_AUCTION])
    start_minor: int = Field(examples=[8_000_000])
    deposit_minor: int = Field(examples=[800_000])
    reserve_kind: ReserveKind = Field(examples=[ReserveKind.HIDDEN])
    reserve_minor: int | None = Field(description="Only a visible one.", examples=[None])
    reserve_met: bool | None = Field(examples=[True])
    format: Format = Field(examples=[Format.OPEN_ASCENDING])
    lane: int | None = Field(examples=[None])
    buy_now_minor: int | None = Field(description="While it stands.", examples=[None])
    floor_minor: int | None = Field(examples=[None])
    next_fall_at: datetime | None = Field(description="When a falling price falls next.", examples=[None])
    fair_warning: bool = Field(description="The hammer is about to fall.", examples=[False])
    price_minor: int | None = Field(examples=[9_100_000])
    next_minimum_minor: int = Field(description="Of a falling price: what is asked now.", examples=[9_150_000])
    leader: str | None = Field(examples=["B07"])
    seq: int = Field(examples=[17])
    head_hash: str = Field(examples=["5f2c…"])
    flaws: str = Field(examples=["左前门补漆"])
    opens_at: datetime
    ends_at: datetime
    hard_end_at: datetime | None
    extensions: int = Field(examples=[2])
    reason: str | None = Field(description="Why it was withdrawn or is suspended.", examples=[None])
    server_time: datetime


class MandateAnswer(BaseModel):
    """委托拍卖合同. Sign ``content_hash``: the SHA-256 of the canonical JSON of ``content``."""

    lot_id: UUID = Field(examples=[_ID])
    content: dict[str, Any] = Field(examples=[{"kind": "auction_mandate", "start_minor": 8_000_000}])
    content_hash: str = Field(examples=["9a0f…"])
    signed_at: datetime | None = Field(examples=[None])


class SignatureBody(BaseModel):
    """Signing is re-entering the password over the hash of what one read."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"passphrase": "correct horse battery", "content_hash": "0" * 64}]}
    )

    passphrase: str = Field(min_length=1, max_length=200)
    content_hash: str = Field(pattern="^[0-9a-f]{64}$")
