"""What operations announces. Key: ``case:<id>``."""

from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.operations.domain import CaseKind, Outcome


class CaseEvent(Event):
    """Common to all; ``facts`` are what its feature put there: ids and codes."""

    case_id: UUID
    kind: CaseKind
    subject_kind: str
    subject_id: UUID
    opened_by: UUID | None
    respondent_id: UUID | None
    facts: dict[str, Any]


class CaseOpened(CaseEvent):
    name: ClassVar[str] = "operations.case_opened"


class CaseDecided(CaseEvent):
    """The feature that asked does now what follows from the answer."""

    name: ClassVar[str] = "operations.case_decided"
    outcome: Outcome


def case_key(case_id: UUID) -> str:
    return f"case:{case_id}"
