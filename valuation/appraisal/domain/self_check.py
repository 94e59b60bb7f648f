"""Quick self-appraisal: an owner's answers give a range of scores, not a score.

Each answer costs an area between two amounts; what an owner cannot see (the sump, ball joints, fault codes) costs between nothing and the
area's ``unseen``; not knowing costs between the best and the worst answer. Area maxima hold as in the standard. An answer that knows
more never widens the range, a worse answer never raises it.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from valuation.appraisal.domain.procedure import AnswersIncomplete
from valuation.appraisal.domain.scoring import grade_of
from valuation.appraisal.domain.standard import SCORED, Area, Grade, Standard

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer and what it costs its area, in tenths."""

    code: str
    zh: str
    en: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Question:
    """``area`` is None for the three questions on accident, water and fire, which cost no points."""

    code: str
    zh: str
    en: str
    area: Area | None
    options: tuple[Option, ...]

    def cost(self, answer: str) -> tuple[int, int]:
        """The least and the most that an answer costs. Raises ``KeyError`` for one that is no option."""
        if answer == UNKNOWN:
            return min(one.low for one in self.options), max(one.high for one in self.options)
        found = {one.code: (one.low, one.high) for one in self.options}
        return found[answer]


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The questions of one version of the table. ``unseen``: tenths an area may lose by what an owner cannot see."""

    number: int
    source: str
    questions: tuple[Question, ...]
    unseen: Mapping[Area, int]


@dataclass(frozen=True, slots=True)
class Provisional:
    """The range. ``grades`` are all that are possible, best first; ``grade`` is that of the middle, 五级 where an accident is admitted.

    ``unknown`` are the questions that were not known: answering them narrows the range.
    """

    score_low: int
    score_high: int
    score_middle: int
    grade: Grade
    grades: tuple[Grade, ...]
    areas: Mapping[Area, tuple[int, int]]
    may_be_accident: bool
    may_be_flood: bool
    may_be_fire: bool
    unknown: tuple[str, ...]


def build_self_check(number: int, source: str, values: Mapping[str, Any]) -> SelfCheck:
    """The questionnaire of one table version. Raises ``ValueError`` where an answer costs less than a better one or an area is unknown."""
    questions = tuple(_question(found) for found in values["questions"])
    for question in questions:
        costs = [(one.low, one.high) for one in question.options]
        highs = [high for _, high in costs]
        if costs != sorted(costs) or highs != sorted(highs) or any(low > high or low < 0 for low, high in costs):
            raise ValueError(f"{question.code}: answers must be listed from the best to the worst")
    return SelfCheck(number, source, questions, MappingProxyType({Area(name): points for name, points in values["unseen_tenths"].items()}))


def _question(found: Mapping[str, Any]) -> Question:
    options = tuple(Option(one["code"], one["zh"], one["en"], one.get("low", 0), one.get("high", 0)) for one in found["options"])
    return Question(found["code"], found["zh"], found["en"], Area(found["area"]) if "area" in found else None, options)


def compute_provisional(standard: Standard, check: SelfCheck, answers: Mapping[str, str]) -> Provisional:
    """The range for an owner's answers; a question left out counts as not known. Raises ``AnswersIncomplete`` naming unknown codes."""
    _refuse_strange(check, answers)
    given = {question.code: answers.get(question.code, UNKNOWN) for question in check.questions}
    least: dict[Area, int] = defaultdict(int)
    most: dict[Area, int] = defaultdict(int, check.unseen)
    for question in check.questions:
        if question.area is not None:
            low, high = question.cost(given[question.code])
            least[question.area] += low
            most[question.area] += high
    caps = standard.area_caps
    areas = {area: (caps[area] - min(most[area], caps[area]), caps[area] - min(least[area], caps[area])) for area in SCORED}
    low, high = sum(one[0] for one in areas.values()), sum(one[1] for one in areas.values())
    return _provisional(standard, given, areas, low, high)


def _refuse_strange(check: SelfCheck, answers: Mapping[str, str]) -> None:
    known = {question.code: {UNKNOWN, *(one.code for one in question.options)} for question in check.questions}
    strange = sorted(code for code, answer in answers.items() if answer not in known.get(code, set()))
    if strange:
        raise AnswersIncomplete(questions=strange)


def _provisional(standard: Standard, given: Mapping[str, str], areas: Mapping[Area, tuple[int, int]], low: int, high: int) -> Provisional:
    middle = (low + high) // 2
    accident = given["accident"]
    possible = [grade for grade, _ in standard.grade_floors if grade_of(standard, high) <= grade <= grade_of(standard, low)]
    if accident == "yes":
        possible = [Grade.FIVE]
    elif accident == UNKNOWN:
        possible.append(Grade.FIVE)
    return Provisional(
        score_low=low,
        score_high=high,
        score_middle=middle,
        grade=Grade.FIVE if accident == "yes" else grade_of(standard, middle),
        grades=tuple(possible),
        areas=MappingProxyType(dict(areas)),
        may_be_accident=accident != "no",
        may_be_flood=given["flood"] != "no",
        may_be_fire=given["fire"] != "no",
        unknown=tuple(code for code, answer in given.items() if answer == UNKNOWN),
    )
