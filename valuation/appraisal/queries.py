"""Every SELECT of appraisal."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery
from valuation.appraisal.domain import OPEN_STATES, AppraisalState, Audience, PaperKind
from valuation.appraisal.models import (
    Appraisal,
    AppraisalPaper,
    AppraisalPhoto,
    AppraisalSignature,
    InspectionEvidence,
    InspectionRecord,
    IssuedReport,
)


def lock_appraisal(session: Session, *, appraisal_id: UUID) -> Appraisal:
    """The row, locked and fresh; raises ``NotFound``."""
    statement = select(Appraisal).where(Appraisal.id == appraisal_id).with_for_update().execution_options(populate_existing=True)
    found = session.exec(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def get_appraisal(session: Session, *, appraisal_id: UUID) -> Appraisal:
    found = session.get(Appraisal, appraisal_id)
    if found is None:
        raise NotFound
    return found


def find_by_hash(session: Session, *, report_hash: str) -> Appraisal | None:
    return session.exec(select(Appraisal).where(Appraisal.report_hash == report_hash)).one_or_none()


def find_latest_issued(session: Session, *, vehicle_id: UUID) -> Appraisal | None:
    return session.exec(
        select(Appraisal)
        .where(Appraisal.vehicle_id == vehicle_id, Appraisal.state == AppraisalState.ISSUED)
        .order_by(col(Appraisal.issued_at).desc(), col(Appraisal.id).desc())
        .limit(1)
    ).first()


def lock_issued_by(session: Session, *, vehicle_id: UUID, institution_id: UUID, but: UUID) -> Sequence[Appraisal]:
    """Earlier valid reports of one institution on one car, locked, for superseding."""
    statement = (
        select(Appraisal)
        .where(
            Appraisal.vehicle_id == vehicle_id,
            Appraisal.institution_id == institution_id,
            Appraisal.state == AppraisalState.ISSUED,
            Appraisal.id != but,
        )
        .order_by(col(Appraisal.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.exec(statement).all()


def find_open(session: Session, *, vehicle_id: UUID, institution_id: UUID) -> Appraisal | None:
    """The one open engagement of an institution on a car."""
    return session.exec(
        select(Appraisal).where(
            Appraisal.vehicle_id == vehicle_id,
            Appraisal.institution_id == institution_id,
            col(Appraisal.state).in_(OPEN_STATES),
        )
    ).first()


def list_appraisals(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[Appraisal]:
    """Those the party asked for or works on, newest first; one more than the page holds."""
    return session.exec(
        select(Appraisal)
        .where(
            sa.or_(col(Appraisal.client_id) == party_id, col(Appraisal.institution_id) == party_id),
            page.where_after(col(Appraisal.id), descending=True),
        )
        .order_by(col(Appraisal.id).desc())
        .limit(page.limit + 1)
    ).all()


def list_records(session: Session, *, appraisal_id: UUID) -> Sequence[InspectionRecord]:
    return session.exec(
        select(InspectionRecord).where(InspectionRecord.appraisal_id == appraisal_id).order_by(col(InspectionRecord.seq))
    ).all()


def list_evidence(session: Session, *, appraisal_id: UUID) -> Sequence[InspectionEvidence]:
    return session.exec(
        select(InspectionEvidence).where(InspectionEvidence.appraisal_id == appraisal_id).order_by(col(InspectionEvidence.seq))
    ).all()


def list_signatures(session: Session, *, appraisal_id: UUID) -> Sequence[AppraisalSignature]:
    return session.exec(
        select(AppraisalSignature).where(AppraisalSignature.appraisal_id == appraisal_id).order_by(col(AppraisalSignature.seq))
    ).all()


def list_of_client(session: Session, *, party_id: UUID) -> Sequence[Appraisal]:
    """For a person's data export."""
    return session.exec(select(Appraisal).where(Appraisal.client_id == party_id).order_by(col(Appraisal.id))).all()


def clear_worksheet(session: Session, *, appraisal_id: UUID) -> None:
    """Drop the lines of an unsigned inspection before new ones are written."""
    for model in (InspectionRecord, InspectionEvidence):
        session.connection().execute(sa.delete(model).where(col(model.appraisal_id) == appraisal_id))


def find_issued(session: Session, *, report_hash: str) -> IssuedReport | None:
    return session.get(IssuedReport, report_hash)


def list_photos(session: Session, *, appraisal_id: UUID) -> Sequence[AppraisalPhoto]:
    """In the order they were taken into the file."""
    return session.exec(select(AppraisalPhoto).where(AppraisalPhoto.appraisal_id == appraisal_id).order_by(col(AppraisalPhoto.id))).all()


def get_photo(session: Session, *, appraisal_id: UUID, photo_id: UUID) -> AppraisalPhoto:
    found = session.get(AppraisalPhoto, photo_id)
    if found is None or found.appraisal_id != appraisal_id:
        raise NotFound
    return found


def list_papers(session: Session, *, report_hash: str) -> Sequence[AppraisalPaper]:
    return session.exec(select(AppraisalPaper).where(AppraisalPaper.report_hash == report_hash).order_by(col(AppraisalPaper.id))).all()


def find_paper(session: Session, *, report_hash: str, kind: PaperKind, audience: Audience) -> AppraisalPaper | None:
    statement = select(AppraisalPaper).where(
        AppraisalPaper.report_hash == report_hash, AppraisalPaper.kind == kind, AppraisalPaper.audience == audience
    )
    return session.exec(statement).one_or_none()
