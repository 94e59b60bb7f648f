"""Bodies of proofs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

_ID = "01990b7e-0000-7000-8000-000000000001"


class KeyBody(BaseModel):
    """An Ed25519 public key of the market; ``id`` is the first sixteen hex digits of its SHA-256."""

    id: str = Field(examples=["5f2c9a0e11d07b34"])
    public_key: str = Field(description="Base64 of 32 bytes.", examples=["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])
    first_used_at: datetime


class KeysBody(BaseModel):
    """Every key the market ever signed auctions with, the present one first."""

    keys: list[KeyBody]


class SignedBody(BaseModel):
    """``signature`` is Ed25519 (base64) over the canonical JSON of ``statement``, by the key with the id ``key``."""

    statement: dict[str, Any] = Field(
        examples=[{"kind": "bid_receipt", "lot": _ID, "seq": 17, "hash": "5f2c…", "maximum_minor": 8_850_000}]
    )
    key: str = Field(examples=["5f2c9a0e11d07b34"])
    signature: str = Field(examples=["nB7e…=="])


class OpeningBody(BaseModel):
    """Amount (fen) and salt that open a commitment: SHA-256 of ``lot|seq|amount_minor|salt`` is the entry's ``field``."""

    seq: int = Field(examples=[17])
    amount_minor: int = Field(examples=[8_850_000])
    salt: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015"])
    field: str = Field(description="`commitment` for a maximum, `reserve_commitment` for a secret reserve.", examples=["commitment"])


class OpenBody(BaseModel):
    """Why an auditor opens what is closed; it stands in the audit trail."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "投诉核查 2026-118"}]})

    reason: str = Field(min_length=2, max_length=500)


class StateBody(BaseModel):
    """The lot as it stood behind entry ``seq``; ``hash`` is the log's up to there."""

    lot_id: UUID = Field(examples=[_ID])
    seq: int = Field(examples=[17])
    kind: str = Field(description="What the entry says.", examples=["bid"])
    at: datetime
    phase: str = Field(examples=["open"])
    price_minor: int | None = Field(examples=[8_800_000])
    leader: str | None = Field(examples=["B4711"])
    next_minimum_minor: int | None = Field(examples=[8_850_000])
    reserve_met: bool | None = Field(examples=[True])
    ends_at: datetime
    extensions: int = Field(examples=[0])
    hash: str = Field(examples=["5f2c…"])
