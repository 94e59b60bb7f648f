"""Bodies of custody, the bay register and charges."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from marketplace.payments.api import PaymentState
from marketplace.sourcing.domain.custody import ChargeKind, ChargeState, Holder, MovementState, PieceKind

Label = Annotated[str, StringConstraints(min_length=1, max_length=40)]
BayNumber = Annotated[str, StringConstraints(min_length=1, max_length=20, strip_whitespace=True)]
_ID = "0192f5d0-0000-7000-8000-000000000001"


class BayRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"number": "A-017", "note": "室内 一层"}]})

    number: BayNumber
    note: str = Field(default="", max_length=200)


class BayChange(BaseModel):
    """Fields left out stay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_open": False, "note": "地面维修"}]})

    is_open: bool | None = None
    note: str | None = Field(default=None, max_length=200)


class BayMove(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bay_number": "B-002"}]})

    bay_number: BayNumber


class BayBody(BaseModel):
    """A bay of the register and what stands in it."""

    id: UUID
    number: str = Field(examples=["A-017"])
    note: str
    is_open: bool
    consignment_id: UUID | None
    vehicle_id: UUID | None
    vehicle_title: str | None
    since_at: datetime | None


class CustodyRequest(BaseModel):
    """The agent signs the receipt with his password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "bay_number": "A-017",
                    "key_count": 2,
                    "odometer_km": 42_013,
                    "papers": ["registration_certificate", "driving_licence"],
                    "others": ["充电枪"],
                    "note": "右后门有轻微划痕",
                    "passphrase": "correct horse battery",
                }
            ]
        },
    )

    bay_number: BayNumber
    key_count: int = Field(ge=0, le=9)
    odometer_km: int = Field(ge=0, le=3_000_000)
    papers: list[Label] = Field(default_factory=list, max_length=20)
    others: list[Label] = Field(default_factory=list, max_length=20)
    note: str = Field(default="", max_length=500, description="Condition at intake, part of the receipt.")
    passphrase: str = Field(min_length=1, max_length=200)


class GiveRequest(BaseModel):
    """Signed by whoever has the pieces; the other side signs their receipt."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"piece_ids": [_ID], "purpose": "年检", "passphrase": "correct horse battery"}]},
    )

    piece_ids: list[UUID] = Field(min_length=1, max_length=60)
    purpose: str = Field(default="", max_length=200)
    passphrase: str = Field(min_length=1, max_length=200)


class ReceiveRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"passphrase": "correct horse battery"}]})

    passphrase: str = Field(min_length=1, max_length=200)


class PieceBody(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: PieceKind
    label: str = Field(examples=["钥匙 1"])
    holder: Holder
    movement_id: UUID | None = Field(description="Given, not yet received.")


class CustodySignatureBody(BaseModel):
    """Ed25519, verifiable by anybody who has the document."""

    party_id: UUID
    public_key: str
    signature: str
    content_hash: str
    at: datetime
    is_valid: bool


class MovementBody(BaseModel):
    """Pieces from one side to the other."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: MovementState
    giver: Holder
    receiver: Holder
    pieces: list[UUID]
    purpose: str = Field(examples=["试驾"])
    content_hash: str = Field(examples=["9a0f…"])
    given_at: datetime
    received_at: datetime | None
    order_id: UUID | None
    signatures: list[CustodySignatureBody] = []


class CustodyBody(BaseModel):
    """Who has what. ``document`` is the receipt; its canonical JSON has ``content_hash``, which the keeper signed."""

    consignment_id: UUID
    receipt_no: str = Field(examples=["JS20261125-1A2B3C4D"])
    bay_number: str
    document: dict[str, Any]
    content_hash: str
    is_intact: bool
    signatures: list[CustodySignatureBody]
    pieces: list[PieceBody]
    movements: list[MovementBody]
    taken_at: datetime
    returned_at: datetime | None
    storage_accrued_minor: int = Field(description="Storage through today that no statement names yet, fen.")
    unpaid_minor: int = Field(description="Asked for and not paid, fen.")


class ChargeDueBody(BaseModel):
    """How the consignor pays it."""

    payment_id: UUID
    state: PaymentState
    gateway: str
    reference: str
    amount_minor: int
    instructions: dict[str, Any]


class ChargeBody(BaseModel):
    """Storage ``(from_on, until_on]`` or the fee for ending early. ``payment`` is for the consignor alone."""

    id: UUID
    kind: ChargeKind
    state: ChargeState
    amount_minor: int = Field(examples=[6_000])
    days: int
    from_on: date | None
    until_on: date
    raised_at: datetime
    paid_at: datetime | None
    payment: ChargeDueBody | None


class ChargesBody(BaseModel):
    """Everything asked of the consignor beside the commission."""

    charges: list[ChargeBody]
    unpaid_minor: int
