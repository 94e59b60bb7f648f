"""Rules of viewings 看车预约: slots of one length on a grid, one booking a slot, who confirms, who moves, who did not come. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from marketplace.core.errors import Malformed, NotFound, Refusal


class ViewingState(StrEnum):
    """``requested`` until the side that did not propose the time has confirmed it."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    KEPT = "kept"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


OPEN_VIEWINGS = frozenset({ViewingState.REQUESTED, ViewingState.CONFIRMED})


class ViewingSide(StrEnum):
    """``host``: who shows the car, its seller or his agent."""

    HOST = "host"
    VISITOR = "visitor"

    @property
    def other(self) -> "ViewingSide":
        return ViewingSide.VISITOR if self is ViewingSide.HOST else ViewingSide.HOST


class ViewingAct(StrEnum):
    """What both sides are told of."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    KEPT = "kept"
    NO_SHOW = "no_show"


class SlotNotFound(NotFound):
    zh = "未找到该看车时段"
    en = "No such viewing slot."


class SlotTaken(Refusal):
    zh = "该时段已被预约"
    en = "Somebody has booked this slot."


class SlotOffered(Refusal):
    """``starts_at`` names the slot."""

    zh = "该车此时段已开放"
    en = "The car has a slot at this time already: {starts_at}."


class BadSlot(Malformed):
    """``wrong``: ``grid`` (starts on the half hour), ``notice`` (too soon) or ``ahead`` (too far away)."""

    zh = "时段不成立({wrong})"
    en = "The slot does not hold: {wrong}."


class ViewingNotFound(NotFound):
    zh = "未找到该预约"
    en = "No such viewing, or it is not yours."


class ViewingStateRefused(Refusal):
    zh = "预约当前状态不允许此操作({state})"
    en = "The viewing is {state}; this is not possible now."


class ViewingBooked(Refusal):
    zh = "您对该车已有未结束的预约"
    en = "You have a viewing of this car already; move it instead."


class NotYoursToConfirm(Refusal):
    zh = "须由对方确认"
    en = "The other side has to confirm the time you proposed."


class RescheduledTooOften(Refusal):
    """``limit`` times at most."""

    zh = "改期次数已达上限({limit})"
    en = "A viewing is moved at most {limit} times; cancel it and book anew."


class ViewingNotYetOver(Refusal):
    zh = "预约时间未到"
    en = "The time of the viewing has not come."


class TooManyNoShows(Refusal):
    """``until``: when booking is possible again."""

    zh = "近期多次爽约,{until} 之后方可再预约"
    en = "You did not come to several viewings; booking is possible again after {until}."


@dataclass(frozen=True, slots=True)
class ViewingRules:
    """Numbers of ``tables/viewings.toml``."""

    slot_minutes: int
    notice_minutes: int
    ahead_days: int
    reschedules_max: int
    no_show_max: int
    no_show_days: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ViewingRules":
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


def check_slot(starts_at: datetime, *, now: datetime, rules: ViewingRules) -> datetime:
    """The slot's end. Every slot has one length and begins on the grid, so two of one car never overlap. Raises ``BadSlot``."""
    at = starts_at.astimezone(UTC)
    if at.second or at.microsecond or at.minute % rules.slot_minutes:
        raise BadSlot(wrong="grid")
    if at < now + timedelta(minutes=rules.notice_minutes):
        raise BadSlot(wrong="notice")
    if at > now + timedelta(days=rules.ahead_days):
        raise BadSlot(wrong="ahead")
    return at + timedelta(minutes=rules.slot_minutes)


def check_booking(starts_at: datetime, *, now: datetime) -> None:
    """A slot that has begun is no more booked. Raises ``SlotNotFound``."""
    if starts_at <= now:
        raise SlotNotFound


def check_no_shows(no_shows: list[datetime], *, now: datetime, rules: ViewingRules) -> None:
    """Who did not come too often waits until the oldest of them is forgotten. Raises ``TooManyNoShows``."""
    term = timedelta(days=rules.no_show_days)
    recent = sorted(at for at in no_shows if at + term > now)
    if len(recent) >= rules.no_show_max:
        raise TooManyNoShows(until=(recent[-rules.no_show_max] + term).date().isoformat())
