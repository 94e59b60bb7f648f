"""Bodies of sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from auction.sessions.domain import BuyNowUntil, ExtendOn, Format, LegalMode, Ruling, SessionMode, SessionState

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
    confirm_above_bps: int | None = Field(None, ge=10_000, le=1_000_000, description="Ask once about a bid above so much of the estimate.")
    buy_now_until: BuyNowUntil | None = Field(None, examples=[BuyNowUntil.FIRST_BID])
    fall_step_minor: int | None = Field(None, ge=1, le=10**12, description="A Dutch price falls by so many fen.", examples=[50_000])
    fall_interval_s: int | None = Field(None, ge=1, le=DAY_S, examples=[10])
    warning_s: int | None = Field(None, ge=0, le=60, description="From fair warning to hammer at the least.", examples=[3])


class SessionBody(BaseModel):
    """A sale event. Lots open ``lot_gap_s`` after one another and run ``lot_run_s`` each.

    In a live lane the auctioneer opens them, ``lanes`` at once; each ends after ``lot_run_s`` without a bid, or under the hammer.
    """

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
    format: Format = Format.OPEN_ASCENDING
    lanes: int | None = Field(None, ge=0, le=1_000, description="Only of a live lane; one if not said.")
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
    format: Format = Field(examples=[Format.OPEN_ASCENDING])
    lanes: int = Field(examples=[0])
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
    suspended_at: datetime | None = Field(description="Since when the operator holds it up.", examples=[None])
    suspension_reason: str | None = Field(examples=[None])


class SuspensionBody(BaseModel):
    """Why, in words that everybody may read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "系统故障,正在核查"}]})

    reason: str = Field(min_length=2, max_length=200)


class FormatCell(BaseModel):
    """Whether a session may be held so; ``article`` where it may not."""

    mode: SessionMode
    legal_mode: LegalMode
    format: Format
    ruling: Ruling = Field(examples=[Ruling.ALLOWED])
    article: str | None = Field(examples=["拍卖法 第三条"])
    english: str | None = Field(examples=["Auction Law, art. 3"])


class ModeAnswer(BaseModel):
    """Who may consign and who may bid (``person`` or a kind of organization), and the papers of such a sale."""

    mode: SessionMode
    consignors: list[str] = Field(examples=[["person"]])
    bidders: list[str] = Field(examples=[["dealer"]])
    bidder_licence: str | None = Field(examples=["dealer_filing"])
    bidder_real_name: bool = Field(examples=[False])
    documents: list[str] = Field(examples=[["mandate"]])


class ModesAnswer(BaseModel):
    modes: list[ModeAnswer]
    formats: list[FormatCell]


class NoticeBody(BaseModel):
    """Nothing to say: what is announced is the session as it stands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})
