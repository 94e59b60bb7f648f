"""Bodies of consignments."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState, Side
from marketplace.sourcing.domain.price_drops import StepOutcome

AMOUNT_MAX = 10**12
Disclosure = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class PriceStepRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"after_days": 14, "ask_minor": 8_580_000}]})

    after_days: int = Field(ge=1, le=366, description="Legal days after signing.")
    ask_minor: int = Field(gt=0, le=AMOUNT_MAX, description="Not below the floor.")


class OfferRequest(BaseModel):
    """An owner's offer. ``agent_id`` left out is the market itself; ``commission_bps`` left out its usual rate."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "vehicle_id": "0192f5d0-0000-7000-8000-000000000001",
                    "kind": "virtual",
                    "floor_minor": 8_000_000,
                    "ask_minor": 8_880_000,
                    "term_days": 60,
                    "price_steps": [{"after_days": 14, "ask_minor": 8_580_000}, {"after_days": 30, "ask_minor": 8_280_000}],
                }
            ]
        },
    )

    vehicle_id: UUID
    kind: ConsignmentKind
    floor_minor: int = Field(gt=0, le=AMOUNT_MAX, description="Below it no sale without the owner's signed consent.")
    ask_minor: int = Field(gt=0, le=AMOUNT_MAX)
    term_days: int = Field(ge=1, le=366)
    agent_id: UUID | None = None
    commission_bps: int | None = Field(default=None, ge=0, le=10_000, description="Ten-thousandths of the price.")
    withdrawal_fee_minor: int = Field(default=0, ge=0, le=AMOUNT_MAX, description="Agreed necessary costs when the owner ends it early.")
    price_steps: list[PriceStepRequest] = Field(default_factory=list, max_length=20, description="The price falls by itself on these days.")
    description: str = Field(default="", max_length=2_000)
    disclosures: list[Disclosure] = Field(default_factory=list, max_length=20, description="Use, repairs, accidents … told by the owner.")


class SignRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"passphrase": "correct horse battery"}]})

    passphrase: str = Field(min_length=1, max_length=200)
    content_hash: str | None = Field(default=None, pattern="^[0-9a-f]{64}$", description="Hash of the contract as it was read.")


class PriceRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ask_minor": 8_580_000}]})

    ask_minor: int = Field(gt=0, le=AMOUNT_MAX)


class FloorRequest(BaseModel):
    """Signed by the owner."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"floor_minor": 7_800_000, "passphrase": "correct horse battery"}]}
    )

    floor_minor: int = Field(gt=0, le=AMOUNT_MAX)
    passphrase: str = Field(min_length=1, max_length=200)


class EndRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "车主自用"}]})

    reason: str = Field(min_length=1, max_length=300)


class PriceStepBody(BaseModel):
    """A step of the price-drop plan."""

    model_config = ConfigDict(from_attributes=True)

    after_days: int
    ask_minor: int
    due_at: datetime | None
    outcome: StepOutcome | None
    done_at: datetime | None


class ConsignmentBody(BaseModel):
    """A consignment as its two parties see it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    vehicle_id: UUID
    consignor_id: UUID
    agent_id: UUID
    kind: ConsignmentKind
    state: ConsignmentState
    floor_minor: int = Field(examples=[8_000_000])
    ask_minor: int = Field(examples=[8_880_000])
    term_days: int
    commission_bps: int = Field(examples=[300])
    withdrawal_fee_minor: int
    storage_free_days: int
    storage_day_minor: int = Field(description="Fen for each day beyond the free ones; physical consignments only.")
    price_steps: list[PriceStepBody]
    content_hash: str = Field(description="SHA-256 of the contract's canonical JSON: what is signed.")
    signed_sides: list[Side]
    offered_at: datetime
    signed_at: datetime | None
    ends_at: datetime | None = Field(description="First instant after the term.")
    listing_id: UUID | None
    bay_number: str | None
    custody_receipt: str | None
    custody_key_count: int | None
    custody_papers: list[str]
    returned_at: datetime | None = Field(description="When the car left custody.")
    ended_at: datetime | None
    end_reason: str | None
    order_id: UUID | None
    price_minor: int | None
    commission_minor: int | None
    version: int


class SignatureBody(BaseModel):
    """One side's signature, verifiable by anybody who has the document."""

    party_id: UUID
    public_key: str
    signature: str
    at: datetime
    is_valid: bool


class ContractBody(BaseModel):
    """The contract and who signed it; for its two parties only."""

    content_hash: str = Field(examples=["afac38c84a86765952d0753ffd14bf31487ecf63db72a2681ecc2a560d234566"])
    document: dict[str, Any]
    is_intact: bool = Field(description="The document still has this hash.")
    signatures: list[SignatureBody]
