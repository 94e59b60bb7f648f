"""Pilots (试点平台, 试点企业): application, verification, yearly assessment, suspension, removal. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from marketplace.core.errors import Malformed, NotFound, Refusal, Rule

Stated: TypeAlias = Mapping[str, int | bool | None]
"""Answers by criterion code: numbers, or yes and no."""

MEASURES = Rule(
    "中国(天津)自由贸易试验区汽车平行进口试点管理办法(津商行规〔2023〕1号)", "Tianjin FTZ parallel-import pilot measures (2023)"
)


class PilotKind(StrEnum):
    PLATFORM = "platform"  # 试点平台: serves member firms
    ENTERPRISE = "enterprise"  # 试点企业: for its own business


class PilotState(StrEnum):
    APPLIED = "applied"
    VERIFIED = "verified"
    REJECTED = "rejected"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class AssessmentState(StrEnum):
    """``overdue``: not handed in by the end of the grace."""

    DUE = "due"
    SUBMITTED = "submitted"
    PASSED = "passed"
    FAILED = "failed"
    OVERDUE = "overdue"


OPEN_ASSESSMENT = frozenset({AssessmentState.DUE, AssessmentState.OVERDUE})


# --- refusals ----------------------------------------------------------------------------------------------------------


class PilotNotFound(NotFound):
    zh = "未找到该试点主体"
    en = "No such pilot."


class PilotNotVerified(Refusal):
    """``state`` is the pilot's, ``none`` when it never applied."""

    status = 403
    zh = "该主体当前不是有效的平行进口试点({state})"
    en = "The party is no verified parallel-import pilot now ({state})."
    rule = MEASURES


class PilotStateRefuses(Refusal):
    """``state`` is the pilot's."""

    zh = "试点主体状态为 {state},不能执行此操作"
    en = "The pilot is {state}; this cannot be done now."


class CriteriaUnmet(Refusal):
    """``unmet`` lists each criterion; an operator who waives them names exactly these."""

    zh = "不符合试点条件:{unmet_zh}"
    en = "Conditions of a pilot are not met: {codes}."
    rule = MEASURES


class CriterionUnknown(Malformed):
    zh = "未知的条件项:{codes}"
    en = "Unknown criteria: {codes}."


class AssessmentNotFound(NotFound):
    zh = "未找到该考核"
    en = "No such assessment, or it is not yours."


class AssessmentNotOpen(Refusal):
    zh = "该考核状态为 {state},不能执行此操作"
    en = "The assessment is {state}; this cannot be done now."


class AssessmentStands(Refusal):
    zh = "该年度考核已存在"
    en = "There is an assessment of that year already."


# --- criteria -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Criterion:
    """Met by at least or at most ``limit``, or by yes (``limit`` None). ``measured``: the market counts it itself."""

    code: str
    zh: str
    en: str
    is_most: bool
    limit: int | None
    measured: bool

    @classmethod
    def from_values(cls, code: str, values: Mapping[str, Any]) -> "Criterion":
        limit = values.get("at_most", values.get("at_least"))
        return cls(code, values["zh"], values["en"], "at_most" in values, limit, values.get("measured", False))


@dataclass(frozen=True, slots=True)
class CriterionResult:
    criterion: Criterion
    stated: int | bool | None
    is_met: bool

    def document(self) -> dict[str, Any]:
        one = self.criterion
        asked = "yes" if one.limit is None else f"{'≤' if one.is_most else '≥'} {one.limit}"
        return {"code": one.code, "zh": one.zh, "en": one.en, "asked": asked, "stated": self.stated, "is_met": self.is_met}


@dataclass(frozen=True, slots=True)
class PilotRules:
    """The table as valid on the day."""

    application: Mapping[PilotKind, tuple[Criterion, ...]]
    assessed: tuple[Criterion, ...]
    interval_months: int
    notice_days: int
    grace_days: int
    pass_percent: int
    bonded_months: int


def check_criteria(criteria: tuple[Criterion, ...], stated: Stated) -> tuple[CriterionResult, ...]:
    """Each criterion with its answer, in the order of the table; no answer meets nothing. Raises ``CriterionUnknown``."""
    unknown = sorted(set(stated) - {one.code for one in criteria})
    if unknown:
        raise CriterionUnknown(codes=unknown)
    return tuple(CriterionResult(one, stated.get(one.code), _is_met(one, stated.get(one.code))) for one in criteria)


def _is_met(criterion: Criterion, answer: int | bool | None) -> bool:
    if criterion.limit is None:
        return answer is True
    if answer is None or isinstance(answer, bool):
        return False
    return answer <= criterion.limit if criterion.is_most else answer >= criterion.limit


def require_met(results: tuple[CriterionResult, ...], *, waived: frozenset[str]) -> None:
    """Raises ``CriteriaUnmet`` unless exactly the unmet ones are waived by name."""
    unmet = [one for one in results if not one.is_met]
    if {one.criterion.code for one in unmet} != waived:
        raise CriteriaUnmet(
            unmet_zh="、".join(one.criterion.zh for one in unmet) or "无",
            codes=[one.criterion.code for one in unmet],
        )


def passes(met: Sequence[bool], *, pass_percent: int) -> bool:
    """Whether enough criteria are met."""
    return sum(met) * 100 >= pass_percent * len(met)


# --- days ----------------------------------------------------------------------------------------------------------------


def add_months(on: date, months: int) -> date:
    """The same day so many months later, the month's last one where there is none."""
    year, month = divmod(on.month - 1 + months, 12)
    first = date(on.year + year, month + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first.replace(day=min(on.day, (following - timedelta(days=1)).day))


def is_assessment_near(due_on: date, *, today: date, rules: PilotRules) -> bool:
    return today >= due_on - timedelta(days=rules.notice_days)


def is_overdue(due_on: date, *, today: date, rules: PilotRules) -> bool:
    """The grace is over: its last day is the ``grace_days``-th after the day it was due."""
    return today > due_on + timedelta(days=rules.grace_days)


def bonded_until(arrived_on: date, rules: PilotRules) -> date:
    """The last day a car may stand in bond (保税存放期限)."""
    return add_months(arrived_on, rules.bonded_months)
