"""Inbound feeds: where they come from, what becomes of a row, when a source rests. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.errors import Malformed, NotFound, Refusal, TooLarge


class SourceMode(StrEnum):
    PUSH = "push"
    PULL = "pull"


class SourceForm(StrEnum):
    JSON = "json"
    CSV = "csv"
    XML = "xml"


class SourceScope(StrEnum):
    """``full``: a car the feed no longer names leaves the window, within the breaker. ``delta``: it stays."""

    FULL = "full"
    DELTA = "delta"


class Signing(StrEnum):
    ED25519 = "ed25519"
    HMAC = "hmac_sha256"


class SourceState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


class Circuit(StrEnum):
    """``open``: after too many failures in a row the source rests; the next try decides (``half_open``)."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class RunState(StrEnum):
    """``stopped``: would take too many cars out and asks; ``refused``: nothing of the feed could be read; ``failed``: it did not come."""

    RECEIVED = "received"
    RUNNING = "running"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"


UNDER_WAY = frozenset({RunState.RECEIVED, RunState.RUNNING})
GOOD_ENDS = frozenset({RunState.APPLIED, RunState.UNCHANGED})


class RowOutcome(StrEnum):
    """``held_back``: taken in, but a step was refused; ``bad``: nothing of it was taken in."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    HELD_BACK = "held_back"
    REMOVED = "removed"
    BAD = "bad"


# --- refusals ----------------------------------------------------------------------------------------------------------


class SourceNotFound(NotFound):
    zh = "未找到该数据源"
    en = "No such feed source, or it is not yours."


class SourceLimit(Refusal):
    zh = "数据源数量已达上限({limit})"
    en = "No more than {limit} sources."


class SourceIncomplete(Malformed):
    """``field`` is what the source lacks, or cannot have."""

    zh = "数据源设置不完整或不匹配:{field}"
    en = "The source's settings do not fit together: {field}."


class SourcePaused(Refusal):
    zh = "该数据源已暂停"
    en = "The source is paused."


class NotPulled(Refusal):
    zh = "该数据源为推送方式,不能拉取"
    en = "This source pushes; it is not pulled."


class CircuitOpen(Refusal):
    status = 503
    zh = "该数据源连续失败,已暂时熔断"
    en = "The source failed too often in a row; it rests for a while."


class RunNotFound(NotFound):
    zh = "未找到该次接入"
    en = "No such run, or it is not yours."


class RunUnderWay(Refusal):
    zh = "上一份数据仍在处理中"
    en = "The feed before this one is still being read."


class NothingToConfirm(Refusal):
    zh = "该次接入无需确认"
    en = "This run asks for no confirmation."


class SignatureWrong(Refusal):
    """Nothing of the feed was read."""

    status = 403
    zh = "数据签名缺失或不正确"
    en = "The feed's signature is missing or wrong."


class FeedOutdated(Refusal):
    """``last`` is the last sequence taken."""

    zh = "数据序号 {sequence} 不大于已接收的 {last}"
    en = "The feed's sequence {sequence} is not above {last}, which was taken already."


class FeedTooLarge(TooLarge):
    """Also of a compressed feed: as it unpacks."""

    zh = "数据过大(上限 {limit_bytes} 字节,解压后计)"
    en = "The feed is larger than {limit_bytes} bytes, unpacked."


class FeedUnreadable(Malformed):
    """The feed as a whole cannot be read; nothing of it is taken in."""

    zh = "数据无法读取:{reason_zh}"
    en = "The feed cannot be read: {reason}."


# --- findings of rows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowFinding:
    """What is wrong with a row. ``bad``: the row, or the step, is refused; else a warning."""

    field: str
    code: str
    zh: str
    hint: str
    is_bad: bool = True

    def document(self) -> dict[str, str]:
        severity = "error" if self.is_bad else "warning"
        return {"field": self.field, "code": self.code, "severity": severity, "zh": self.zh, "hint": self.hint}


_MESSAGES: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少必填项", "补上该字段"),
    "enum": ("不在允许的取值之内", "对照接口文档的枚举值"),
    "literal_error": ("不在允许的取值之内", "对照接口文档的枚举值"),
    "int_parsing": ("应为整数", "只写数字,不带单位"),
    "int_parsing_size": ("数字过大", "核对该数字"),
    "int_from_float": ("应为整数", "金额以分为单位,里程以公里为单位"),
    "int_type": ("应为整数", "只写数字,不带单位"),
    "bool_parsing": ("应为是/否", "写 true 或 false"),
    "date_from_datetime_parsing": ("日期格式有误", "写成 2026-11-25"),
    "date_parsing": ("日期格式有误", "写成 2026-11-25"),
    "date_from_datetime_inexact": ("应为日期", "写成 2026-11-25"),
    "greater_than": ("小于允许的范围", "核对该数字"),
    "greater_than_equal": ("小于允许的范围", "核对该数字"),
    "less_than": ("大于允许的范围", "核对该数字"),
    "less_than_equal": ("大于允许的范围", "核对该数字"),
    "string_too_short": ("内容过短", "补全该字段"),
    "string_too_long": ("内容过长", "缩短该字段"),
    "string_type": ("应为文字", "用引号括起"),
    "too_long": ("条目过多", "减少条目"),
    "bad_character": ("含有不可接受的字符", "去掉控制字符"),
    "duplicate": ("与前面的行重复", "每辆车只写一行"),
    "not_an_object": ("不是一辆车的记录", "每条记录为一个对象"),
    "vin_differs": ("车架号与此编号此前的车辆不同", "新车使用新的编号"),
    "other_source": ("该车由另一数据源维护", "从另一数据源移除后再接入"),
    "already_sold": ("该车已售出,状态不再变更", "从数据中移除该车"),
    "price_missing": ("上架需要标价", "填写 ask_minor(分)"),
    "claimed": ("该车正在交易中,暂不变更", "交易结束后自动处理"),
}


def find(field: str, code: str, *, is_bad: bool = True, zh: str = "", hint: str = "") -> RowFinding:
    """A finding with its sentence; a code without one says that the form is wrong."""
    sentence, way = _MESSAGES.get(code, ("格式有误", "对照接口文档"))
    return RowFinding(field[:80], code[:60], (zh or sentence)[:300], (hint or way)[:200], is_bad)


# --- when a source rests -------------------------------------------------------------------------------------------------

REST_MAX_S = 86_400


def rest_s(*, every_s: int, failures: int, circuit_after: int) -> int:
    """Seconds to the next try: the schedule, doubled with each failure in a row; an open circuit rests at least an hour."""
    if failures == 0:
        return every_s
    waited = min(every_s << min(failures, 10), REST_MAX_S)
    return max(waited, 3_600) if failures >= circuit_after else waited


def circuit_of(*, failures: int, circuit_after: int, is_due: bool) -> Circuit:
    if failures < circuit_after:
        return Circuit.CLOSED
    return Circuit.HALF_OPEN if is_due else Circuit.OPEN


def breaks_the_fleet(*, standing: int, removed: int, share_percent: int, free: int) -> bool:
    """Whether a full feed would take more cars out than may leave unasked."""
    return removed > free and removed * 100 > standing * share_percent
