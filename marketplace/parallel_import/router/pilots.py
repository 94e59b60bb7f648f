"""HTTP of pilots: application, register, operators' decisions, yearly assessments."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query

from marketplace.accounts import api as accounts
from marketplace.accounts.api import LicenceLapsed, LicenceMissing, OrganizationUnverified, PartySuspended
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, Viewer, require
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.pilots import (
    AssessmentNotFound,
    AssessmentNotOpen,
    AssessmentStands,
    CriteriaUnmet,
    CriterionUnknown,
    PilotNotFound,
    PilotState,
    PilotStateRefuses,
)
from marketplace.parallel_import.models import ImportPilot, PilotAssessment
from marketplace.parallel_import.schemas import pilots as schemas
from marketplace.parallel_import.service import assessments, pilots

router = Router(prefix="/marketplace/v1", tags=["parallel import 平行进口"])

Applicant = Annotated[Principal, Depends(require("imports.manage"))]
Overseer = Annotated[Principal, Depends(require("pilots.manage"))]
PilotId = Annotated[UUID, Path(description="试点主体编号 Id of the pilot's organization.")]
AssessmentId = Annotated[UUID, Path(description="考核编号 Id of the assessment.")]
_LICENCE = (LicenceMissing, LicenceLapsed, PartySuspended, OrganizationUnverified)
REGISTERED = (PilotState.VERIFIED, PilotState.SUSPENDED)


def _pilot(session: Session, row: ImportPilot) -> schemas.PilotBody:
    shown = row.model_dump(include=set(schemas.PilotBody.model_fields))
    criteria = [schemas.CriterionBody(**one.document()) for one in pilots.criteria_of(session, row)]
    return schemas.PilotBody(**shown, criteria=criteria)


def _assessment(session: Session, row: PilotAssessment) -> schemas.AssessmentBody:
    shown = row.model_dump(include=set(schemas.AssessmentBody.model_fields))
    return schemas.AssessmentBody(**shown, suggests_pass=assessments.suggests_pass(session, row))


# --- the pilot's side


@router.post(
    "/import-pilots",
    status_code=201,
    summary="申请成为试点 Apply as a pilot",
    responses=refusals(PilotStateRefuses, CriterionUnknown, PilotNotFound, PartySuspended, OrganizationUnverified),
)
def apply_as_pilot(body: schemas.ApplicationIn, principal: Applicant, _key: Idempotency, session: WriteSession) -> schemas.PilotBody:
    return _pilot(session, pilots.apply(session, principal=principal, **body.model_dump()))


@router.get("/import-pilots", summary="试点主体名录 Public register of pilots")
def list_registered_pilots(_viewer: Viewer, session: ReadSession, paging: Paging) -> Page[schemas.RegisteredBody]:
    rows = queries.list_pilots(session, states=REGISTERED, paging=paging)
    names = accounts.display_names(session, party_ids=[row.party_id for row in rows])
    return paging.page(rows, lambda row: [row.party_id], lambda row: _registered(row, names[row.party_id]))


def _registered(row: ImportPilot, name: str) -> schemas.RegisteredBody:
    return schemas.RegisteredBody(party_id=row.party_id, name=name, kind=row.kind, state=row.state, zone=row.zone)


@router.get("/import-pilots/mine", summary="我的试点资格 The caller's own standing", responses=refusals(PilotNotFound))
def get_own_pilot(principal: Applicant, session: ReadSession) -> schemas.PilotBody:
    return _pilot(session, pilots.get_pilot(session, party_id=principal.party_id))


@router.get("/pilot-assessments", summary="我的年度考核 The caller's assessments")
def list_own_assessments(principal: Applicant, session: ReadSession) -> list[schemas.AssessmentBody]:
    return [_assessment(session, row) for row in queries.list_assessments(session, principal.party_id)]


@router.get("/pilot-assessments/{assessment_id}", summary="一次年度考核 One of them", responses=refusals(AssessmentNotFound))
def get_own_assessment(assessment_id: AssessmentId, principal: Applicant, session: ReadSession) -> schemas.AssessmentBody:
    return _assessment(session, assessments.get_assessment(session, principal=principal, assessment_id=assessment_id))


@router.post(
    "/pilot-assessments/{assessment_id}/statement",
    summary="提交年度考核材料 Hand in the year's statement",
    responses=refusals(AssessmentNotFound, AssessmentNotOpen, CriterionUnknown),
)
def submit_assessment(
    assessment_id: AssessmentId, body: schemas.StatementIn, principal: Applicant, _key: Idempotency, session: WriteSession
) -> schemas.AssessmentBody:
    row = assessments.submit(session, principal=principal, assessment_id=assessment_id, stated=body.stated)
    return _assessment(session, row)


# --- the operators' side


@router.get("/import-pilots/all", summary="全部试点主体(含申请)Every pilot and applicant")
def list_all_pilots(
    _principal: Overseer,
    session: ReadSession,
    paging: Paging,
    state: Annotated[PilotState | None, Query(description="只看此状态 Only these.")] = None,
) -> Page[schemas.PilotBody]:
    states: Sequence[PilotState] = [state] if state else list(PilotState)
    rows = queries.list_pilots(session, states=states, paging=paging)
    return paging.page(rows, lambda row: [row.party_id], lambda row: _pilot(session, row))


@router.get("/import-pilots/{party_id}", summary="一个试点主体 One pilot", responses=refusals(PilotNotFound))
def get_pilot(party_id: PilotId, _principal: Overseer, session: ReadSession) -> schemas.PilotBody:
    return _pilot(session, pilots.get_pilot(session, party_id=party_id))


@router.post(
    "/import-pilots/{party_id}/decision",
    summary="核验试点申请 Verify or reject an applicant",
    responses=refusals(PilotNotFound, PilotStateRefuses, CriteriaUnmet, *_LICENCE),
)
def decide_pilot(
    party_id: PilotId, body: schemas.DecisionIn, principal: Overseer, _key: Idempotency, session: WriteSession
) -> schemas.PilotBody:
    row = pilots.decide(
        session, principal=principal, party_id=party_id, verified=body.verified, waived=frozenset(body.waived), note=body.note
    )
    return _pilot(session, row)


@router.post(
    "/import-pilots/{party_id}/suspension", summary="暂停试点 Suspend a pilot", responses=refusals(PilotNotFound, PilotStateRefuses)
)
def suspend_pilot(
    party_id: PilotId, body: schemas.ReasonIn, principal: Overseer, _key: Idempotency, session: WriteSession
) -> schemas.PilotBody:
    return _pilot(session, pilots.suspend(session, principal=principal, party_id=party_id, reason=body.reason))


@router.post(
    "/import-pilots/{party_id}/reinstatement",
    summary="恢复试点 End a suspension",
    responses=refusals(PilotNotFound, PilotStateRefuses, *_LICENCE),
)
def reinstate_pilot(
    party_id: PilotId, body: schemas.ReasonIn, principal: Overseer, _key: Idempotency, session: WriteSession
) -> schemas.PilotBody:
    return _pilot(session, pilots.reinstate(session, principal=principal, party_id=party_id, reason=body.reason))


@router.post("/import-pilots/{party_id}/removal", summary="试点退出 Remove a pilot", responses=refusals(PilotNotFound, PilotStateRefuses))
def remove_pilot(
    party_id: PilotId, body: schemas.ReasonIn, principal: Overseer, _key: Idempotency, session: WriteSession
) -> schemas.PilotBody:
    return _pilot(session, pilots.remove(session, principal=principal, party_id=party_id, reason=body.reason))


@router.get("/import-pilots/{party_id}/assessments", summary="试点的年度考核 A pilot's assessments", responses=refusals(PilotNotFound))
def list_assessments(party_id: PilotId, _principal: Overseer, session: ReadSession) -> list[schemas.AssessmentBody]:
    pilots.get_pilot(session, party_id=party_id)
    return [_assessment(session, row) for row in queries.list_assessments(session, party_id)]


@router.post(
    "/import-pilots/{party_id}/assessments",
    status_code=201,
    summary="发起考核 Open an assessment now",
    responses=refusals(PilotNotFound, PilotStateRefuses, AssessmentStands),
)
def open_assessment(party_id: PilotId, principal: Overseer, _key: Idempotency, session: WriteSession) -> schemas.AssessmentBody:
    return _assessment(session, assessments.open_by_hand(session, principal=principal, party_id=party_id))


@router.post(
    "/pilot-assessments/{assessment_id}/finding",
    summary="考核结论 Decide an assessment",
    responses=refusals(AssessmentNotFound, AssessmentNotOpen),
)
def decide_assessment(
    assessment_id: AssessmentId, body: schemas.FindingIn, principal: Overseer, _key: Idempotency, session: WriteSession
) -> schemas.AssessmentBody:
    row = assessments.decide(session, principal=principal, assessment_id=assessment_id, passed=body.passed, note=body.note)
    return _assessment(session, row)
