"""What a session decides about bidding: increments, soft close, what may be bid. Frozen at opening."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule


class LegalMode(StrEnum):
    """``statutory_auction``: 拍卖法 in full, a licensed house and auctioneer. ``agreed_bidding``: 竞价 by contract."""

    STATUTORY_AUCTION = "statutory_auction"
    AGREED_BIDDING = "agreed_bidding"


class SessionMode(StrEnum):
    """Who sells to whom; sets who may consign and who may bid."""

    C2B_AUCTION = "c2b_auction"
    B2B_AUCTION = "b2b_auction"
    B2C_AUCTION = "b2c_auction"
    C2C_AUCTION = "c2c_auction"

    @property
    def bidders_are_dealers(self) -> bool:
        return self in (SessionMode.C2B_AUCTION, SessionMode.B2B_AUCTION)

    @property
    def consignors_are_dealers(self) -> bool:
        return self in (SessionMode.B2B_AUCTION, SessionMode.B2C_AUCTION)


class SessionState(StrEnum):
    """``draft`` takes lots, ``announced`` has its notice published, ``open`` has live lots, ``closed`` has none left."""

    DRAFT = "draft"
    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"


class ExtendOn(StrEnum):
    """Which bids inside the window move the end."""

    ACCEPTED_BID = "accepted_bid"
    CHANGE_OF_LEAD = "change_of_lead"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Increments by price: ``steps_minor[i]`` holds from ``floors_minor[i]`` up. Fen; floors rise from 0."""

    floors_minor: tuple[int, ...]
    steps_minor: tuple[int, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.floors_minor, self.floors_minor[1:], strict=False))
        if not self.floors_minor or self.floors_minor[0] != 0 or not rising or len(self.floors_minor) != len(self.steps_minor):
            raise ValueError("a ladder has rising floors from 0 and one step each")
        if min(self.steps_minor) <= 0:
            raise ValueError("a step is above zero")

    def increment(self, price_minor: int) -> int:
        """The step at a price."""
        return self.steps_minor[bisect_right(self.floors_minor, price_minor) - 1]


@dataclass(frozen=True, slots=True)
class BidRules:
    """One source of truth for a lot's bidding, frozen at opening.

    ``max_extensions`` None: as many as come before the hard end. ``hard_end_s`` counts from the scheduled end, None: no hard end.
    """

    ladder: Ladder
    extend_on: ExtendOn
    window_s: int
    extension_s: int
    max_extensions: int | None
    hard_end_s: int | None
    self_raise: bool

    def to_json(self) -> dict[str, Any]:
        """For the log and the session's row: plain values only."""
        return asdict(self) | {
            "extend_on": self.extend_on.value,
            "ladder": {"floors_minor": list(self.ladder.floors_minor), "steps_minor": list(self.ladder.steps_minor)},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        ladder = Ladder(tuple(stored["ladder"]["floors_minor"]), tuple(stored["ladder"]["steps_minor"]))
        return cls(**{**stored, "ladder": ladder, "extend_on": ExtendOn(stored["extend_on"])})

    def hard_end(self, ends_at: datetime) -> datetime | None:
        """The instant no extension passes, for a lot scheduled to end at ``ends_at``."""
        return None if self.hard_end_s is None else ends_at + timedelta(seconds=self.hard_end_s)


def default_extend_on(legal_mode: LegalMode) -> ExtendOn:
    """Statutory sessions extend on any accepted bid, agreed ones on a change of lead."""
    return ExtendOn.ACCEPTED_BID if legal_mode is LegalMode.STATUTORY_AUCTION else ExtendOn.CHANGE_OF_LEAD


# --- notice and viewing --------------------------------------------------------------------------------------------------


class SessionUnknown(NotFound):
    zh = "未找到该场次"
    en = "No such session."


class LadderCrooked(Malformed):
    zh = "加价幅度表有误:起点从 0 递增,每档幅度大于 0"
    en = "A ladder has rising floors from 0 and one step above zero for each."


class DepositOutOfRange(Refusal):
    status = 422
    zh = "保证金比例须在起拍价的 {least_bps} 至 {most_bps} 基点之间"
    en = "The deposit is {least_bps} to {most_bps} ten-thousandths of the start price."
    rule = Rule("网络司法拍卖规定 第十七条(参照)", "Judicial online auction rules, art. 17 (benchmark)")


class AuctioneerNotStaff(Refusal):
    status = 422
    zh = "拍卖师不是本拍卖企业人员"
    en = "The auctioneer does not work for this house."
    rule = Rule("拍卖法 第十四条", "Auction Law, art. 14")


class NoticeTooShort(Refusal):
    zh = "拍卖公告须在拍卖日前不少于 {required_days} 日发布,最早开拍时间 {earliest_at}"
    en = "The notice must stand for {required_days} days before the opening; the earliest opening is {earliest_at}."
    rule = Rule("拍卖法 第四十五条", "Auction Law, art. 45")


class AgreedNoticeTooShort(Refusal):
    """The market's own setting for agreed bidding; no article."""

    zh = "竞价预告时间不足 {required_s} 秒,最早开始时间 {earliest_at}"
    en = "Agreed bidding is announced at least {required_s} seconds before it opens; the earliest opening is {earliest_at}."


class ViewingTooShort(Refusal):
    zh = "标的展示时间不得少于 {required_days} 日"
    en = "The lots must be on view for at least {required_days} days before the opening."
    rule = Rule("拍卖法 第四十八条", "Auction Law, art. 48")


class SessionTimesOutOfOrder(Malformed):
    zh = "场次时间顺序有误:{field}"
    en = "The session's times are out of order at {field}."


class AuctioneerMissing(Refusal):
    zh = "拍卖活动应当由拍卖师主持,请指定拍卖师"
    en = "A statutory auction is conducted by a named auctioneer."
    rule = Rule("拍卖法 第十四条", "Auction Law, art. 14")


class HouseMayNotRunMode(Refusal):
    status = 403
    zh = "该机构不能举办此类场次"
    en = "This kind of organization may not run this kind of session."
    rule = Rule("拍卖法 第十条、第十二条", "Auction Law, arts. 10 and 12")


class SessionNotDraft(Refusal):
    zh = "场次已公告,不能再修改"
    en = "The session is announced; it can no longer be changed."


class SessionEmpty(Refusal):
    zh = "场次没有已签委托合同的标的"
    en = "The session has no lot with a signed mandate."


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a session is shown and opens. Instants are aware UTC; ``viewing_to_at`` is at most ``opens_at``."""

    viewing_from_at: datetime
    viewing_to_at: datetime
    opens_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeTerms:
    """Shortest notice and viewing. Statutory: 7 and 2 days, 拍卖法 45 and 48; agreed: a setting in seconds."""

    statutory_notice_days: int
    statutory_viewing_days: int
    agreed_notice_s: int


def check_order(schedule: Schedule) -> None:
    """Raises ``SessionTimesOutOfOrder``."""
    if schedule.viewing_from_at > schedule.viewing_to_at:
        raise SessionTimesOutOfOrder(field="viewing_to_at")
    if schedule.viewing_to_at > schedule.opens_at:
        raise SessionTimesOutOfOrder(field="opens_at")


def check_notice(legal_mode: LegalMode, schedule: Schedule, terms: NoticeTerms, now: datetime) -> None:
    """Whether a notice published now is early enough; raises ``NoticeTooShort``, ``ViewingTooShort``, ``AgreedNoticeTooShort``."""
    if legal_mode is LegalMode.AGREED_BIDDING:
        earliest_at = now + timedelta(seconds=terms.agreed_notice_s)
        if schedule.opens_at < earliest_at:
            raise AgreedNoticeTooShort(required_s=terms.agreed_notice_s, earliest_at=earliest_at.isoformat())
        return
    earliest_at = now + timedelta(days=terms.statutory_notice_days)
    if schedule.opens_at < earliest_at:
        raise NoticeTooShort(required_days=terms.statutory_notice_days, earliest_at=earliest_at.isoformat())
    if schedule.viewing_to_at - max(schedule.viewing_from_at, now) < timedelta(days=terms.statutory_viewing_days):
        raise ViewingTooShort(required_days=terms.statutory_viewing_days)
