"""Steps 5-6: the worksheet, the accident check, the score."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from uuid import UUID

from marketplace.core import clock, rules
from marketplace.core.db import Session
from marketplace.core.rules import RuleTable
from marketplace.core.security import Principal
from valuation.appraisal import queries
from valuation.appraisal.domain import (
    AppraisalState,
    Evidence,
    Inspection,
    Score,
    Standard,
    build_standard,
    compute_score,
    decide_transition,
    deduction_of,
    describe_defects,
    parse_inspection,
)
from valuation.appraisal.models import Appraisal, InspectionEvidence, InspectionRecord
from valuation.appraisal.service.engagement import lock_own, record_change, require_appraiser

TABLES = Path(__file__).parent.parent / "tables"
_BUILT: dict[int, Standard] = {}


def get_standard(on: date) -> tuple[Standard, RuleTable]:
    """The standard valid on a legal day, with its table. Built once a version."""
    table = rules.load(TABLES / "gbt30323.toml", on=on)
    if table.number not in _BUILT:
        _BUILT[table.number] = build_standard(table.number, table.source, table.values)
    return _BUILT[table.number], table


def record_inspection(
    session: Session,
    *,
    principal: Principal,
    appraisal_id: UUID,
    lines: Iterable[tuple[str, str]],
    remaining_sound: bool,
    flood: Iterable[tuple[str, str]] = (),
    fire: Iterable[tuple[str, str]] = (),
    special_notes: str = "",
) -> Appraisal:
    """Write the whole worksheet (replacing an earlier one, before the first signature) and score it.

    ``lines`` are ``(code, note)``; ``special_notes`` is the report's 特别事项说明. Raises ``BadRecord``, ``InspectionIncomplete``,
    ``CauseMissing``, ``WrongStep`` and what ``require_appraiser`` does.
    """
    appraisal = lock_own(session, principal=principal, appraisal_id=appraisal_id)
    require_appraiser(session, principal=principal, appraisal=appraisal)
    state = decide_transition(appraisal.state, AppraisalState.INSPECTED)
    now = clock.now(session)
    standard, _ = get_standard(appraisal.base_on or clock.shanghai_day(now))
    inspection = parse_inspection(
        standard,
        lines,
        remaining_sound=remaining_sound,
        flood=tuple(Evidence(part, trace) for part, trace in flood),
        fire=tuple(Evidence(part, trace) for part, trace in fire),
    )
    score = compute_score(standard, inspection)
    _write_worksheet(session, appraisal, standard, inspection)
    _apply(appraisal, standard, inspection, score)
    appraisal.description = {**appraisal.description, "special_notes": special_notes}
    appraisal.state = state
    appraisal.inspected_at = now
    appraisal.appraiser_id = principal.id
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.inspect")
    return appraisal


def _write_worksheet(session: Session, appraisal: Appraisal, standard: Standard, inspection: Inspection) -> None:
    queries.clear_worksheet(session, appraisal_id=appraisal.id)
    for seq, record in enumerate(inspection.records, 1):
        session.add(
            InspectionRecord(
                appraisal_id=appraisal.id,
                seq=seq,
                item=record.number,
                code=record.code,
                deduction_tenths=deduction_of(standard, record),
                note=record.note,
            )
        )
    traces = [("flood", one) for one in inspection.flood] + [("fire", one) for one in inspection.fire]
    for seq, (kind, one) in enumerate(traces, 1):
        session.add(InspectionEvidence(appraisal_id=appraisal.id, seq=seq, kind=kind, part=one.part, trace=one.trace))


def _apply(appraisal: Appraisal, standard: Standard, inspection: Inspection, score: Score) -> None:
    """A new inspection voids a value stated on the old one."""
    appraisal.standard_number = standard.number
    appraisal.score_tenths = score.score_tenths
    appraisal.grade = score.grade
    appraisal.areas = {area.value: points for area, points in score.areas.items()}
    appraisal.is_collision_accident = score.is_collision_accident
    appraisal.is_flood = score.is_flood
    appraisal.is_fire = score.is_fire
    appraisal.description = {
        "defects": describe_defects(standard, inspection),
        "accident_codes": list(score.accident_codes),
        "statements": [{"zh": zh, "en": en} for zh, en in score.statements],
        "flood_evidence": [{"part": one.part, "trace": one.trace} for one in inspection.flood],
        "fire_evidence": [{"part": one.part, "trace": one.trace} for one in inspection.fire],
        "remaining_sound": inspection.remaining_sound,
    }
    appraisal.value_method = None
    appraisal.value_minor = None
    appraisal.valuation = {}
