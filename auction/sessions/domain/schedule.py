"""When a session is announced, shown and opened, and the refusals of setting one up. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from auction.sessions.domain.modes import LegalMode
from marketplace.core.errors import Malformed, NotFound, Refusal, Rule


class SessionState(StrEnum):
    """``draft`` takes lots, ``announced`` has its notice published, ``open`` has live lots, ``closed`` has none left."""

    DRAFT = "draft"
    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"


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


class LanesOutOfRange(Refusal):
    status = 422
    zh = "该竞价方式的拍卖道数须在 {least} 至 {most} 之间"
    en = "This format has {least} to {most} lanes."


class SessionSuspended(Refusal):
    zh = "场次已暂停:{reason}"
    en = "The session is suspended: {reason}"


class SessionNotSuspended(Refusal):
    zh = "场次未处于暂停状态"
    en = "The session is not suspended."


class SessionOver(Refusal):
    zh = "场次已结束"
    en = "The session is over."


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
