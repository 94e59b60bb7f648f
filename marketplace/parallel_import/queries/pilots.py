"""SELECTs of pilots and their assessments."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.parallel_import.domain.pilots import AssessmentNotFound, AssessmentState, PilotState
from marketplace.parallel_import.models import ImportPilot, PilotAssessment


def find_pilot(session: Session, party_id: UUID) -> ImportPilot | None:
    return session.get(ImportPilot, party_id)


def lock_pilot(session: Session, party_id: UUID) -> ImportPilot | None:
    return session.exec(
        select(ImportPilot).where(ImportPilot.party_id == party_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def list_pilots(session: Session, *, states: Sequence[PilotState], paging: PageQuery) -> Sequence[ImportPilot]:
    """Newest first, up to ``limit + 1``."""
    return session.exec(
        select(ImportPilot)
        .where(col(ImportPilot.state).in_(states), paging.where_after(col(ImportPilot.party_id), descending=True))
        .order_by(col(ImportPilot.party_id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_near_assessment(session: Session, *, before: date, limit: int) -> Sequence[UUID]:
    """Verified or suspended pilots whose next assessment is due before a day, no open one standing."""
    return session.exec(
        select(ImportPilot.party_id)
        .where(
            col(ImportPilot.state).in_([PilotState.VERIFIED, PilotState.SUSPENDED]),
            col(ImportPilot.next_assessment_on) < before,
        )
        .order_by(col(ImportPilot.party_id))
        .limit(limit)
    ).all()


def list_unlicensed_candidates(session: Session, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Verified pilots, in the order of their ids."""
    statement = select(ImportPilot.party_id).where(ImportPilot.state == PilotState.VERIFIED)
    if after is not None:
        statement = statement.where(col(ImportPilot.party_id) > after)
    return session.exec(statement.order_by(col(ImportPilot.party_id)).limit(limit)).all()


def find_assessment(session: Session, assessment_id: UUID) -> PilotAssessment | None:
    return session.get(PilotAssessment, assessment_id)


def lock_assessment(session: Session, assessment_id: UUID) -> PilotAssessment:
    """Raises ``AssessmentNotFound``."""
    row = session.exec(
        select(PilotAssessment).where(PilotAssessment.id == assessment_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise AssessmentNotFound
    return row


def list_assessments(session: Session, pilot_id: UUID) -> Sequence[PilotAssessment]:
    """Newest first."""
    return session.exec(
        select(PilotAssessment).where(PilotAssessment.pilot_id == pilot_id).order_by(col(PilotAssessment.year).desc()).limit(50)
    ).all()


def list_due_assessments(session: Session, *, due_before: date, limit: int) -> Sequence[UUID]:
    return session.exec(
        select(PilotAssessment.id)
        .where(PilotAssessment.state == AssessmentState.DUE, col(PilotAssessment.due_on) < due_before)
        .order_by(col(PilotAssessment.id))
        .limit(limit)
    ).all()
