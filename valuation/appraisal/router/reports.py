"""Issued reports over HTTP: anybody checks them; client and institution take their copies; owners appraise themselves."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Malformed, NotFound, Unauthenticated
from marketplace.core.files import Files
from marketplace.core.idempotency import Router
from marketplace.core.problem import refusals
from marketplace.core.security import SignedIn, Viewer
from valuation.appraisal import service
from valuation.appraisal.domain import AnswersIncomplete, PaperKind, PaperNotReady
from valuation.appraisal.schemas import ReportBody, RevealPaperRequest, StandardBody, report_body, standard_body
from valuation.appraisal.schemas.self_check import (
    SelfAppraisalAnswers,
    SelfAppraisalBody,
    SelfCheckBody,
    self_appraisal_body,
    self_check_body,
)

router = Router(prefix="/valuation/v1", tags=["鉴定评估 appraisal"])
ReportHash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", examples=["0" * 64])]
PDF = "application/pdf"


@router.get("/reports/{report_hash}", summary="查验报告 Verify a report", responses=refusals(NotFound, Malformed))
def verify_report(report_hash: ReportHash, _viewer: Viewer, session: ReadSession) -> ReportBody:
    """Open to everybody: whether a report is intact, sealed and still current."""
    found = service.verify_report(session, report_hash=report_hash)
    return report_body(found, service.list_papers(session, report_hash=report_hash))


@router.get(
    "/reports/{report_hash}/papers/{kind}",
    summary="公开副本 PDF The masked PDF",
    response_class=Response,
    responses=refusals(NotFound, Malformed, PaperNotReady),
)
def get_public_paper(report_hash: ReportHash, kind: PaperKind, _viewer: Viewer, session: ReadSession, files: Files) -> Response:
    """Sealed by the institution; VIN and plate masked, no photos. 409 for the seconds until the job has printed it."""
    content = service.read_public_paper(session, report_hash=report_hash, kind=kind, files=files)
    return Response(content, media_type=PDF, headers=_named(f"{kind.value}-{report_hash[:12]}.pdf"))


@router.post(
    "/appraisals/{appraisal_id}/paper-reveals",
    summary="领取委托方文本 PDF(留痕)The client's copy, on record",
    response_class=Response,
    responses=refusals(Unauthenticated, NotFound, Malformed, PaperNotReady),
)
def reveal_paper(appraisal_id: UUID, body: RevealPaperRequest, principal: SignedIn, session: WriteSession, files: Files) -> Response:
    """Full VIN, plate, names and photos, for client and institution. A stored answer would be a copy nobody logs, so it takes no
    idempotency key: asked twice, logged twice."""
    content = service.reveal_paper(session, principal=principal, appraisal_id=appraisal_id, kind=body.kind, reason=body.reason, files=files)
    return Response(content, media_type=PDF, headers={**_named(f"{body.kind.value}-{appraisal_id}.pdf"), "Cache-Control": "no-store"})


@router.get(
    "/appraisals/{appraisal_id}/report",
    summary="报告规范文本 The report's canonical text",
    response_class=Response,
    responses=refusals(Unauthenticated, NotFound, Malformed),
)
def get_report_text(appraisal_id: UUID, principal: SignedIn, session: ReadSession) -> Response:
    """For client and institution: the SHA-256 of these bytes is the report's hash."""
    return Response(service.read_report_text(session, principal=principal, appraisal_id=appraisal_id), media_type="application/json")


@router.get("/standards/gbt30323", summary="国标项目表 The national standard's items", responses=refusals(Malformed))
def get_standard(_viewer: Viewer, session: ReadSession) -> StandardBody:
    """GB/T 30323: items 1-113, deductions, caps, grades, each with its source and certainty."""
    standard, _ = service.get_standard(clock.shanghai_day(clock.now(session)))
    return standard_body(standard)


@router.get("/self-appraisals/questions", summary="车主自评问卷 Questions of the self-appraisal", responses=refusals(Malformed))
def get_self_check(_viewer: Viewer, session: ReadSession) -> SelfCheckBody:
    return self_check_body(service.get_self_check(clock.shanghai_day(clock.now(session))))


@router.get("/self-appraisals", summary="车主快速自评 Quick self-appraisal", responses=refusals(Malformed, AnswersIncomplete))
def appraise_oneself(answers: Annotated[SelfAppraisalAnswers, Query()], _viewer: Viewer, session: ReadSession) -> SelfAppraisalBody:
    """A provisional grade with its range, from the owner's answers. Nothing is stored; a question left out counts as not known."""
    return self_appraisal_body(service.appraise_oneself(session, answers=answers.answered()))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'inline; filename="{name}"'}
