"""What other features may ask of appraisal."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold, retention_term
from marketplace.core import clock
from marketplace.core.db import Session
from valuation.appraisal import queries
from valuation.appraisal.domain import OPEN_STATES, AppraisalState, Grade

__all__ = ["PERSONAL_DATA", "AppraisalState", "AppraisalView", "Grade", "find_latest_appraisal"]


@dataclass(frozen=True, slots=True)
class AppraisalView:
    """A signed report in short. ``score`` is tenths of a point (825 is 82.5); ``grade`` "1"-"5"; ``value_minor`` fen or None."""

    id: UUID
    vehicle_id: UUID
    institution_id: UUID
    score: int
    grade: Grade
    is_collision_accident: bool
    is_flood: bool
    is_fire: bool
    description: dict[str, Any]
    value_minor: int | None
    signed_at: datetime
    base_on: date
    valid_until: date
    report_hash: str


def find_latest_appraisal(session: Session, *, vehicle_id: UUID, valid_on: date | None = None) -> AppraisalView | None:
    """The newest signed report of a car that nothing superseded; with ``valid_on`` only one still valid that day."""
    found = queries.find_latest_issued(session, vehicle_id=vehicle_id)
    if found is None or (valid_on is not None and found.valid_until is not None and valid_on >= found.valid_until):
        return None
    assert found.grade is not None
    assert found.score_tenths is not None
    assert found.issued_at is not None
    assert found.base_on is not None
    assert found.valid_until is not None
    assert found.report_hash is not None
    return AppraisalView(
        id=found.id,
        vehicle_id=found.vehicle_id,
        institution_id=found.institution_id,
        score=found.score_tenths,
        grade=found.grade,
        is_collision_accident=bool(found.is_collision_accident),
        is_flood=bool(found.is_flood),
        is_fire=bool(found.is_fire),
        description=dict(found.description),
        value_minor=found.value_minor,
        signed_at=found.issued_at,
        base_on=found.base_on,
        valid_until=found.valid_until,
        report_hash=found.report_hash,
    )


def _export(session: Session, party_id: UUID) -> dict[str, Any]:
    return {
        "appraisals": [
            {
                "id": str(one.id),
                "vehicle_id": str(one.vehicle_id),
                "state": one.state.value,
                "requested_at": one.requested_at.isoformat(),
                "score_tenths": one.score_tenths,
                "grade": one.grade.value if one.grade else None,
                "report_hash": one.report_hash,
            }
            for one in queries.list_of_client(session, party_id=party_id)
        ]
    }


def _erase(session: Session, party_id: UUID) -> ErasureReport:
    """Reports stay for their term; notes a client wrote go. Raises ``PrivacyHold`` while an appraisal is open."""
    found = queries.list_of_client(session, party_id=party_id)
    if any(one.state in OPEN_STATES for one in found):
        raise PrivacyHold(reasons=["鉴定评估尚未完结 an appraisal is open"])
    noted = [one for one in found if one.note]
    for one in noted:
        one.note = ""
        session.add(one)
    term = retention_term("appraisal_file", on=clock.shanghai_day(clock.now(session)))
    kept = [term.sentence(f"鉴定评估报告 {one.report_hash[:12]}") for one in found if one.report_hash]
    return ErasureReport(erased=len(noted), kept=kept)


PERSONAL_DATA = PersonalData(feature="appraisals", export=_export, erase=_erase)
