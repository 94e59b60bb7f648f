"""HTTP of papers: asked for, printed by a job, fetched as PDF."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from auction.lots.domain import LotUnknown
from auction.papers.domain import ConfirmationNotSigned, NotAnnouncedYet, PaperKind, PaperNotPrinted, PaperUnknown, SessionNotOver
from auction.papers.models import AuctionPaper
from auction.papers.schemas import PaperAnswer, PaperBody
from auction.papers.service import printing
from auction.sessions.domain import SessionUnknown
from auction.settlement.domain import ResultUnknown
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.files import FileMissing, Files
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require

router = Router(prefix="/auction/v1", tags=["papers"])
PDF = "application/pdf"


def _pdf(found: tuple[AuctionPaper, bytes], name: str) -> Response:
    paper, content = found
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "ETag": f'"{paper.sha256}"', "Cache-Control": "private, no-cache"}
    return Response(content, media_type=PDF, headers=headers)


@router.post(
    "/sessions/{session_id}/papers",
    status_code=201,
    summary="申请印制公告、目录或笔录 Ask for notice, catalogue or minutes",
    responses=refusals(SessionUnknown, PaperUnknown, NotAnnouncedYet, SessionNotOver),
)
def request_paper(
    session_id: UUID,
    body: PaperBody,
    principal: Annotated[Principal, Depends(require("auctions.read"))],
    _key: Idempotency,
    session: WriteSession,
) -> PaperAnswer:
    """By the house, whose electronic seal the PDF carries. When what it says has changed, a new edition is printed."""
    printing.request_paper(session, principal=principal, session_id=session_id, kind=body.kind)
    return PaperAnswer(kind=body.kind, subject_id=session_id, href=f"/auction/v1/sessions/{session_id}/papers/{body.kind.value}")


@router.get(
    "/sessions/{session_id}/papers/{kind}",
    summary="公告、目录、笔录 PDF A session's sealed PDF",
    response_class=Response,
    responses=refusals(SessionUnknown, PaperUnknown, PaperNotPrinted, FileMissing),
)
def get_session_paper(session_id: UUID, kind: PaperKind, viewer: Viewer, session: ReadSession, files: Files) -> Response:
    """Notice and catalogue for everybody, minutes for the house."""
    found = printing.read_session_paper(session, viewer=viewer, session_id=session_id, kind=kind, files=files)
    return _pdf(found, f"{kind.value}-{session_id}")


@router.post(
    "/lots/{lot_id}/confirmation/paper",
    status_code=201,
    summary="申请印制成交确认书 Ask for the confirmation as PDF",
    responses=refusals(LotUnknown, ResultUnknown, ConfirmationNotSigned),
)
def request_confirmation(lot_id: UUID, principal: SignedIn, _key: Idempotency, session: WriteSession) -> PaperAnswer:
    """Once winner and auctioneer have signed; by either side or the house."""
    printing.request_confirmation(session, principal=principal, lot_id=lot_id)
    return PaperAnswer(kind=PaperKind.CONFIRMATION, subject_id=lot_id, href=f"/auction/v1/lots/{lot_id}/confirmation/paper")


@router.get(
    "/lots/{lot_id}/confirmation/paper",
    summary="成交确认书 PDF The confirmation as sealed PDF",
    response_class=Response,
    responses=refusals(LotUnknown, ResultUnknown, ConfirmationNotSigned, PaperNotPrinted, FileMissing),
)
def get_confirmation_paper(lot_id: UUID, principal: SignedIn, session: ReadSession, files: Files) -> Response:
    """For winner, consignor and house."""
    return _pdf(printing.read_confirmation(session, principal=principal, lot_id=lot_id, files=files), f"confirmation-{lot_id}")
