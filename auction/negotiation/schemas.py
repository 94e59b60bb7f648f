"""Bodies of negotiating."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auction.negotiation.domain import Act, NegotiationKind, NegotiationState, Side

AMOUNT_MAX = 10**13
_ID = "01990b7e-0000-7000-8000-000000000001"


class OfferBody(BaseModel):
    """The consignor's offer to a bidder of his lot, named by its pseudonym; fen."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bidder": "B4711", "ask_minor": 8_900_000}]})

    bidder: str = Field(min_length=2, max_length=8, examples=["B4711"])
    ask_minor: int = Field(gt=0, le=AMOUNT_MAX, strict=True, examples=[8_900_000])


class AnswerBody(BaseModel):
    """``counter`` names an amount, ``accept`` repeats the one that stands, so that nobody accepts what he did not see."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"act": "counter", "amount_minor": 8_950_000}]})

    act: Act = Field(examples=[Act.COUNTER], description="accept, decline or counter")
    amount_minor: int | None = Field(None, gt=0, le=AMOUNT_MAX, strict=True, examples=[8_950_000])

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.act not in (Act.ACCEPT, Act.DECLINE, Act.COUNTER):
            raise ValueError("an answer accepts, declines or counters")
        if (self.amount_minor is None) != (self.act is Act.DECLINE):
            raise ValueError("accept and counter name an amount, decline does not")
        return self


class MoveAnswer(BaseModel):
    """One thing said; ``by`` None: the clock."""

    seq: int = Field(examples=[1])
    act: Act = Field(examples=[Act.OFFER])
    by: Side | None = Field(examples=[Side.BIDDER])
    amount_minor: int = Field(examples=[8_800_000])
    answer_by: datetime | None
    at: datetime


class NegotiationAnswer(BaseModel):
    """A negotiation as its two parties see it. The other side is a pseudonym or "consignor" until there is an order."""

    id: UUID = Field(examples=[_ID])
    lot_id: UUID = Field(examples=[_ID])
    kind: NegotiationKind = Field(examples=[NegotiationKind.IF_BID])
    state: NegotiationState = Field(examples=[NegotiationState.OPEN])
    you_are: Side = Field(examples=[Side.CONSIGNOR])
    bidder: str = Field(examples=["B4711"])
    turn: Side | None = Field(description="Whose answer is awaited.", examples=[Side.CONSIGNOR])
    offer_minor: int = Field(description="What stands, fen.", examples=[8_800_000])
    answer_by: datetime | None = Field(description="Silence until then is no.")
    counters_left: int = Field(description="Yours.", examples=[3])
    order_id: UUID | None = Field(examples=[None])
    opened_at: datetime
    ended_at: datetime | None
    server_time: datetime
    moves: list[MoveAnswer]
