"""A case: a question that people must answer, raised by any feature, worked by the market's operators. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from marketplace.core.errors import Forbidden, NotFound, Refusal


class CaseKind(StrEnum):
    """What is asked. ``title``: who holds a car. ``odometer``: it went back. ``crime``: signs of one, to be reported at once
    (二手车流通管理办法 第二十条). ``collusion``: signs that bidders act together (拍卖法 第三十七条).
    ``report``: somebody tells the market of something wrong. ``dispute``: a buyer claims a car's defect."""

    TITLE = "title"
    ODOMETER = "odometer"
    CRIME = "crime"
    COLLUSION = "collusion"
    REPORT = "report"
    DISPUTE = "dispute"


DECIDED_BY_FEATURE = frozenset({CaseKind.DISPUTE})
"""Their answer is more than yes or no: given, or taken back, where the question was asked."""


class CaseState(StrEnum):
    """``open`` waits in the queue, ``taken`` is one operator's, ``decided`` has its answer, ``closed`` is done with."""

    OPEN = "open"
    TAKEN = "taken"
    DECIDED = "decided"
    CLOSED = "closed"


UNDECIDED = frozenset({CaseState.OPEN, CaseState.TAKEN})


class Outcome(StrEnum):
    """``granted``: as was asked. ``withdrawn``: by who asked."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as other features see it. ``opened_by`` None: the market itself."""

    id: UUID
    kind: CaseKind
    state: CaseState
    subject_kind: str
    subject_id: UUID
    opened_by: UUID | None
    outcome: Outcome | None
    opened_at: datetime


class CaseNotFound(NotFound):
    zh = "未找到该案件"
    en = "No such case, or it is not yours."


class CaseStateRefused(Refusal):
    """``state`` is the case's."""

    zh = "案件当前状态为 {state},不能如此处理"
    en = "The case is {state}; that cannot be done now."


class CaseTakenByAnother(Refusal):
    """Says nothing of whom."""

    zh = "案件已由其他人员受理"
    en = "Another operator has taken the case."


class CaseDecidedElsewhere(Refusal):
    """``subject_kind`` and ``subject_id`` say where."""

    zh = "此类案件须在其业务处裁决或撤回:{subject_kind}/{subject_id}"
    en = "A case of this kind is decided, or taken back, at its own object: {subject_kind}/{subject_id}."


class OwnCase(Forbidden):
    """Nobody decides in his own cause."""

    zh = "不得处理与本人有关的案件"
    en = "Nobody works a case of his own."


def check_take(state: CaseState, *, taken_by: UUID | None, by: UUID) -> bool:
    """Whether there is something to do: False when he has it already. Raises ``CaseTakenByAnother``, ``CaseStateRefused``."""
    if state is CaseState.TAKEN:
        if taken_by != by:
            raise CaseTakenByAnother
        return False
    _require(state, CaseState.OPEN)
    return True


def check_worked(state: CaseState, *, taken_by: UUID | None, by: UUID) -> None:
    """He who took a case gives it back or decides it. Raises ``CaseStateRefused``, ``CaseTakenByAnother``."""
    _require(state, CaseState.TAKEN)
    if taken_by != by:
        raise CaseTakenByAnother


def check_close(state: CaseState) -> None:
    """A decided case is closed when what follows from it is done. Raises ``CaseStateRefused``."""
    _require(state, CaseState.DECIDED)


def check_undecided(state: CaseState) -> None:
    """Raises ``CaseStateRefused``."""
    if state not in UNDECIDED:
        raise CaseStateRefused(state=state.value)


def _require(state: CaseState, wanted: CaseState) -> None:
    if state is not wanted:
        raise CaseStateRefused(state=state.value)
