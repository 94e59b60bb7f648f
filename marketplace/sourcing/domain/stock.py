"""Dealer stock and its imports: states, modes, and what refuses a whole file."""

from enum import StrEnum

from marketplace.core.errors import Malformed, NotFound, Refusal, TooLarge


class StockState(StrEnum):
    """``staged``: named by an import that is not visible yet. ``removed``: the dealer took it out. ``sold``: its title moved.

    ``bought``: acquired and 待销售, without an asking price yet; entering one puts it in stock.
    """

    STAGED = "staged"
    BOUGHT = "bought"
    IN_STOCK = "in_stock"
    REMOVED = "removed"
    SOLD = "sold"


class ImportMode(StrEnum):
    """``delta``: cars not named stay. ``full``: cars not named leave the stock, within the breaker's share."""

    DELTA = "delta"
    FULL = "full"


class ImportState(StrEnum):
    """``checked``: a dry run's end. ``refused``: the file as a whole. ``failed``: our side gave up; nothing became visible."""

    RECEIVED = "received"
    RUNNING = "running"
    APPLIED = "applied"
    CHECKED = "checked"
    REFUSED = "refused"
    FAILED = "failed"


RUNNING = frozenset({ImportState.RECEIVED, ImportState.RUNNING})


class RowOutcome(StrEnum):
    """``removed``: a car of the stock that a full file, or a roll-back, leaves out; its ``n`` is behind the file's records."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    BAD = "bad"


class ImageState(StrEnum):
    """``failed``: given up, with the reason."""

    WAITING = "waiting"
    FETCHED = "fetched"
    FAILED = "failed"


class ImportNotFound(NotFound):
    zh = "未找到该导入"
    en = "No such import, or it is not yours."


class StockCarNotFound(NotFound):
    zh = "库存中没有该车"
    en = "The car is not in your stock."


class ImportRunning(Refusal):
    """Come again when it has ended."""

    zh = "上一次导入尚未完成,请稍后再试"
    en = "Your last import is still running."


class ImportCancelled(Exception):
    """The import ended while it was read: it was given up."""


class FileUnreadable(Malformed):
    """``reason``: what keeps the file from being read as a table."""

    zh = "无法读取该文件:{reason_zh}"
    en = "The file cannot be read as a table: {reason}."


class StockFileTooLarge(TooLarge):
    zh = "文件过大(上限 {limit_bytes} 字节)"
    en = "The file is larger than {limit_bytes} bytes."


class NothingToAsk(Refusal):
    zh = "没有可挂牌的车辆"
    en = "None of these cars can be listed."


class NotRestorable(Refusal):
    """Only what was applied, and is not the stock's present version, can be gone back to. ``version``: the present one."""

    zh = "只能回退到已生效的较早版本(当前版本 {version})"
    en = "Only an earlier version that was applied can be gone back to; the present one is {version}."


class NothingToConfirm(Refusal):
    """Only a full import the breaker stopped, whose file is still kept, and behind which nothing came."""

    zh = "该导入无待确认事项"
    en = "This import asks for no confirmation."


class FieldUnknown(Malformed):
    """A mapping names a field no import knows."""

    zh = "未知字段:{field}"
    en = "There is no field {field}."


class ErrorFileGone(NotFound):
    """It is kept only for a time."""

    zh = "错误表已过期或不存在"
    en = "The error table has expired, or there is none."


def breaks_the_stock(*, standing: int, removed: int, share_percent: int, free: int) -> bool:
    """Whether a full import would remove too much: more than ``share_percent`` of the standing stock, beyond ``free`` cars."""
    return removed > free and removed * 100 > standing * share_percent
