"""Bodies of the watch list and of one's own bids."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auction.lots.domain import LotPhase
from auction.lots.schemas import LotAnswer
from auction.settlement.domain import ResultKind
from auction.watching.domain import DepositReason, Standing

_ID = "01990b7e-0000-7000-8000-000000000001"


class WatchBody(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"lot_id": _ID}]})

    lot_id: UUID


class WatchedAnswer(BaseModel):
    """A lot on the caller's list, as everybody may see it."""

    watched_since: datetime
    lot: LotAnswer


class DepositAnswer(BaseModel):
    """Fen. ``zh`` and ``en`` say why it is held, or what became of it. ``state`` is the payment side's, None on a line."""

    amount_minor: int = Field(examples=[800_000])
    hold_id: UUID | None = Field(examples=[_ID])
    state: str | None = Field(examples=["held"])
    reason: DepositReason = Field(examples=[DepositReason.LEADING])
    zh: str = Field(examples=["您是当前最高出价人:出价不可撤回,保证金随之保留"])
    en: str = Field(examples=["You lead: the bid binds you, and the deposit stands for it."])
    lapses_at: datetime | None


class OwnBidAnswer(BaseModel):
    """A lot and the caller's own part in it; fen. ``price_minor`` is hidden while the lot is sealed."""

    lot_id: UUID = Field(examples=[_ID])
    session_id: UUID = Field(examples=[_ID])
    session_title: str = Field(examples=["周三夜场"])
    number: int = Field(examples=[7])
    title: str = Field(examples=["大众 帕萨特 2019"])
    lot_state: LotPhase = Field(examples=[LotPhase.OPEN])
    pseudonym: str = Field(examples=["B4711"])
    maximum_minor: int | None = Field(description="The caller's own last maximum.", examples=[9_500_000])
    bid_seq: int | None = Field(examples=[12])
    standing: Standing = Field(examples=[Standing.LEADING])
    price_minor: int | None = Field(examples=[9_100_000])
    ends_at: datetime
    result: ResultKind | None = Field(examples=[None])
    order_id: UUID | None = Field(examples=[None])
    order_state: str | None = Field(examples=["awaiting_payment"])
    buyer_fee_minor: int | None = Field(examples=[None])
    to_pay_minor: int = Field(description="What is still to be sent; 0 when nothing is.", examples=[0])
    pay_by: datetime | None
    deposit: DepositAnswer
