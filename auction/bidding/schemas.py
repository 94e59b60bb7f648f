"""Bodies of bidding."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

AMOUNT_MAX = 10**13


class BidBody(BaseModel):
    """``maximum_minor`` is the most the bidder would pay, fen. Irrevocable (拍卖法 36).

    Ascending: the market bids for him up to it. Sealed: his bid, until he sends another. Dutch: he takes the lot at the price of the
    moment, if that is not above it.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"maximum_minor": 8_850_000}]})

    maximum_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True, examples=[8_850_000])
    confirmed: bool = Field(False, strict=True, description="An amount far above the estimate is meant.", examples=[False])
    buy_now: bool = Field(False, strict=True, description="Take the lot at its fixed price, at once.", examples=[False])


class Receipt(BaseModel):
    """What an accepted bid did. ``hash`` is its entry's in the lot's log. Of a sealed bid nothing is told that depends on the others."""

    lot_id: UUID = Field(examples=["01990b7e-0000-7000-8000-000000000001"])
    seq: int = Field(examples=[17])
    bidder: str = Field(examples=["B07"])
    leading: bool | None = Field(examples=[True])
    maximum_minor: int = Field(examples=[8_850_000])
    price_minor: int | None = Field(examples=[8_800_000])
    next_minimum_minor: int | None = Field(examples=[8_850_000])
    reserve_met: bool | None = Field(examples=[True])
    at: datetime
    ends_at: datetime
    hash: str = Field(examples=["5f2c…"])


class LogEntryBody(BaseModel):
    """One entry as it was hashed: SHA-256 of the canonical JSON of ``entry`` is ``hash``."""

    seq: int = Field(examples=[17])
    hash: str = Field(examples=["5f2c…"])
    entry: dict[str, Any] = Field(examples=[{"kind": "bid", "seq": 17, "price_minor": 8_800_000}])
