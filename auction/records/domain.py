"""When a mandate ended, and until when its records are kept. Pure."""

from dataclasses import dataclass
from datetime import date

from marketplace.core.errors import Refusal


class RecordsNotThere(Refusal):
    zh = "场次尚未公告,没有拍卖资料"
    en = "The session was not announced: it has no records."


@dataclass(frozen=True, slots=True)
class MandateCourse:
    """What happened to a lot. Legal days; None: not yet. ``sold``: an order came of it, which ends when it is completed or undone."""

    session_closed_on: date | None
    sold: bool = False
    order_ended_on: date | None = None


def mandate_ended_on(course: MandateCourse) -> date | None:
    """拍卖法 54: the term runs from the end of the mandate. Of an unsold lot it ends with the session, of a sold one with the sale's
    settlement, never before the session.
    """
    if course.session_closed_on is None:
        return None
    if not course.sold:
        return course.session_closed_on
    return None if course.order_ended_on is None else max(course.order_ended_on, course.session_closed_on)


def kept_until(ended_on: date | None, *, years: int) -> date | None:
    """The first day on which the records might go; None while the term does not even run. 29 February counts as 1 March."""
    if ended_on is None:
        return None
    try:
        return ended_on.replace(year=ended_on.year + years)
    except ValueError:
        return date(ended_on.year + years, 3, 1)
