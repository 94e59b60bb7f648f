"""Bodies of sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from auction.sessions.domain import ExtendOn, LegalMode, SessionMode, SessionState

DAY_S = 86_400


class RulesBody(BaseModel):
    """What the session sets otherwise than the market's table. Floors and steps are fen and of equal length."""

    model_config = ConfigDict(extra="forbid")

    floors_minor: list[int] | None = Field(None, min_length=1, max_length=20, examples=[[0, 5_000_000]])
    steps_minor: list[int] | None = Field(None, min_length=1, max_length=20, examples=[[20_000, 50_000]])
    extend_on: ExtendOn | None = Field(None, examples=[ExtendOn.CHANGE_OF_LEAD])
    window_s: int | None = Field(None, ge=0, le=3_600, examples=[30])
    extension_s: int | None = Field(None, ge=1, le=3_600, examples=[30])
    max_extensions: int | None = Field(None, ge=0, le=10_000, examples=[20])
    hard_end_s: int | None = Field(None, ge=0, le=7 * DAY_S, examples=[3_600])
    self_raise: bool | None = Field(None, examples=[True])


class SessionBody(BaseModel):
    """A sale event. Lots open ``lot_gap_s`` after one another and run ``lot_run_s`` each."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "周三夜场",
                    "legal_mode": "agreed_bidding",
                    "mode": "c2b_auction",
                    "city": "天津",
                    "place": "线上",
                    "viewing_place": "河南路二手车市场 A 区",
                    "viewing_from_at": "2026-11-25T01:00:00Z",
                    "viewing_to_at": "2026-11-25T11:00:00Z",
                    "opens_at": "2026-11-25T12:00:00Z",
                    "lot_run_s": 1200,
                }
            ]
        },
    )

    title: str = Field(min_length=1, max_length=120)
    legal_mode: LegalMode
    mode: SessionMode
    city: str = Field(min_length=1, max_length=40)
    place: str = Field(min_length=1, max_length=200)
    viewing_place: str = Field(min_length=1, max_length=200)
    viewing_from_at: AwareDatetime
    viewing_to_at: AwareDatetime
    opens_at: AwareDatetime
    auctioneer_id: UUID | None = None
    lot_run_s: int = Field(ge=5, le=30 * DAY_S)
    lot_gap_s: int = Field(0, ge=0, le=DAY_S)
    deposit_bps: int | None = Field(None, ge=1, le=10_000)
    buyer_fee_bps: int | None = Field(None, ge=0, le=2_000)
    seller_fee_bps: int | None = Field(None, ge=0, le=2_000)
    rules: RulesBody = RulesBody()


class SessionAnswer(BaseModel):
    """A session as everybody may see it."""

    id: UUID = Field(examples=["01990b7e-0000-7000-8000-000000000001"])
    title: str = Field(examples=["周三夜场"])
    legal_mode: LegalMode = Field(examples=[LegalMode.AGREED_BIDDING])
    mode: SessionMode = Field(examples=[SessionMode.C2B_AUCTION])
    state: SessionState = Field(examples=[SessionState.ANNOUNCED])
    house_id: UUID
    house: str = Field(examples=["津门拍卖有限公司"])
    auctioneer_id: UUID | None
    city: str = Field(examples=["天津"])
    place: str = Field(examples=["线上"])
    viewing_place: str = Field(examples=["河南路二手车市场 A 区"])
    viewing_from_at: datetime
    viewing_to_at: datetime
    opens_at: datetime
    lot_run_s: int = Field(examples=[1_200])
    lot_gap_s: int = Field(examples=[0])
    deposit_bps: int = Field(examples=[1_000])
    buyer_fee_bps: int | None = Field(examples=[200])
    seller_fee_bps: int | None = Field(examples=[None])
    payment_days: int = Field(examples=[2])
    rules: dict[str, Any] = Field(examples=[{"window_s": 30, "extension_s": 30}])
    announced_at: datetime | None


class NoticeBody(BaseModel):
    """Nothing to say: what is announced is the session as it stands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})
