"""What appraisal tells the rest of the market."""

from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event


class AppraisalIssued(Event):
    """A signed report exists. Key ``vehicle:<id>``."""

    name: ClassVar[str] = "valuation.appraisal_issued"

    appraisal_id: UUID
    vehicle_id: UUID
    institution_id: UUID
    client_id: UUID
    report_hash: str
    report_kind: str
    score_tenths: int
    grade: str
    is_collision_accident: bool
    is_flood: bool
    is_fire: bool
    value_minor: int | None
    valid_until: str


class AppraisalEnded(Event):
    """It ended without a report: declined, withdrawn, or not tradable. Key ``appraisal:<id>``."""

    name: ClassVar[str] = "valuation.appraisal_ended"

    appraisal_id: UUID
    vehicle_id: UUID
    client_id: UUID
    institution_id: UUID
    state: str
