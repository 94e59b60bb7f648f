"""Rules of leads 线索: one interested party and one car; who of the seller's people looks after it, how soon he answered. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from marketplace.core.errors import Forbidden, NotFound, Refusal


class LeadStage(StrEnum):
    """``new`` until the first answer. ``won`` and ``lost`` are ends."""

    NEW = "new"
    ANSWERED = "answered"
    VIEWING = "viewing"
    ORDERED = "ordered"
    WON = "won"
    LOST = "lost"


OPEN_LEADS = frozenset({LeadStage.NEW, LeadStage.ANSWERED, LeadStage.VIEWING, LeadStage.ORDERED})
_RANK = {stage: rank for rank, stage in enumerate(LeadStage)}


class LeadNotFound(NotFound):
    zh = "未找到该咨询"
    en = "No such enquiry, or it is not yours."


class LeadClosed(Refusal):
    zh = "该咨询已结束({stage})"
    en = "The enquiry is closed: {stage}."


class OwnListing(Refusal):
    zh = "不能咨询或预约自己的车辆"
    en = "This is your own car."


class NotOfTheStaff(Refusal):
    zh = "该人员不是本机构在职员工"
    en = "This person is not of your staff."


class AnsweringNotAllowed(Forbidden):
    zh = "您的岗位不能处理客户咨询"
    en = "Your role in the organization does not answer enquiries."


def advance(stage: LeadStage, to: LeadStage) -> LeadStage:
    """A lead goes forward, never back; an end stays."""
    return to if stage in OPEN_LEADS and _RANK[to] > _RANK[stage] else stage


def median(values: Sequence[int]) -> int | None:
    """The lower middle one; None of none."""
    return sorted(values)[(len(values) - 1) // 2] if values else None
