"""HTTP of arbitration: what may be claimed, claims, evidence, answers, decisions."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, File, UploadFile
from fastapi.responses import StreamingResponse

from auction.arbitration import domain, queries, schemas
from auction.arbitration.models import ClaimEvidence, DefectClaim
from auction.arbitration.service import claims, deciding, evidence
from auction.arbitration.service.records import DECIDE, reader_part
from auction.arbitration.service.terms import exclude_flaws, excluded_of, terms_of
from auction.lots import queries as lots
from auction.lots.domain import LotUnknown
from auction.lots.service import get_visible_lot
from marketplace.api import operations, orders, payments
from marketplace.core import clock
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.files import FileMissing, Files, FileTooLarge
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require

router = Router(prefix="/auction/v1", tags=["arbitration"])
EVIDENCE_BODY_BYTES = domain.EVIDENCE_LIMIT_BYTES + 65_536


def _evidence(found: ClaimEvidence) -> schemas.EvidenceAnswer:
    names = ("id", "part", "media_type", "sha256", "size_bytes", "at")
    return schemas.EvidenceAnswer(**{name: getattr(found, name) for name in names})


def _claim(session: Session, found: DefectClaim, principal: Principal) -> schemas.ClaimAnswer:
    part = reader_part(found, principal)
    owes = part is domain.Part.SELLER and found.payment_id is not None and found.paid_at is None
    payment = payments.get_payment(session, payment_id=found.payment_id) if owes and found.payment_id is not None else None
    plain = (
        "id", "order_id", "lot_id", "case_id", "defect", "wants", "loss_minor", "conceals", "state", "text", "filed_at", "answer_by",
        "ended_at", "reasons", "awarded_minor", "paid_at",
    )  # fmt: skip
    return schemas.ClaimAnswer(
        **{name: getattr(found, name) for name in plain},
        you_are=part,
        statutory=found.is_statutory,
        window_last_day=found.window_ends_on,
        answers=[schemas.SaidAnswer(part=one.part, text=one.text, at=one.at) for one in queries.list_answers(session, found.id)],
        evidence=[_evidence(one) for one in queries.list_evidence(session, found.id)],
        reference=payment.reference if payment is not None else None,
        server_time=clock.now(session),
    )


# --- what may be claimed ---------------------------------------------------------------------------------------------------


def _lot_terms(session: Session, lot_id: UUID) -> schemas.LotTermsAnswer:
    terms = terms_of(session, lot=lots.get_lot(session, lot_id), at=clock.now(session))
    excluded = excluded_of(session, lot_id=lot_id)
    declared = queries.find_exclusion(session, lot_id=lot_id)
    return schemas.LotTermsAnswer(
        lot_id=lot_id,
        light=domain.light_of(excluded, terms),
        statutory=terms.is_statutory,
        exclusion=declared.text if declared is not None else None,
        answer_hours=terms.answer_hours,
        classes=[
            schemas.ClassAnswer(
                defect=one,
                days=line.days,
                years=line.years,
                min_minor=line.min_minor,
                may_unwind=line.may_unwind,
                excluded=one in excluded,
            )
            for one, line in terms.classes.items()
        ],
    )


@router.post(
    "/lots/{lot_id}/flaw-exclusion",
    status_code=201,
    summary="声明不保证的瑕疵 Declare what is not guaranteed",
    responses=refusals(LotUnknown, domain.LotAnnounced, domain.NotExcludable),
)
def declare_exclusion(
    lot_id: UUID,
    body: schemas.ExclusionBody,
    principal: Annotated[Principal, Depends(require("lots.catalogue"))],
    _key: Idempotency,
    session: WriteSession,
) -> schemas.LotTermsAnswer:
    """By the house, before the notice, once. It does not hold against a seller who hid the flaw."""
    exclude_flaws(session, principal=principal, lot_id=lot_id, classes=body.classes, text=body.text)
    return _lot_terms(session, lot_id)


@router.get("/lots/{lot_id}/arbitration-terms", summary="可申请仲裁的瑕疵 What may be claimed", responses=refusals(LotUnknown))
def get_terms(lot_id: UUID, viewer: Viewer, session: ReadSession) -> schemas.LotTermsAnswer:
    """For who may see the lot. A contract negotiated after the hammer has the terms of agreed bidding."""
    get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    return _lot_terms(session, lot_id)


# --- claims ----------------------------------------------------------------------------------------------------------------


@router.post(
    "/claims",
    status_code=201,
    summary="申请瑕疵仲裁 Claim a defect",
    responses=refusals(
        orders.OrderNotFound, domain.NotYetHandedOver, domain.ClassClaimed, orders.OrderNotDisputable, domain.WindowClosed,
        domain.FlawPeriodOver, domain.FlawExcluded, domain.LossTooSmall, domain.LossAbovePrice, domain.UnwindingNotOffered,
    ),
)  # fmt: skip
def file_claim(body: schemas.ClaimBody, principal: SignedIn, _key: Idempotency, session: WriteSession) -> schemas.ClaimAnswer:
    """By the buyer of an auctioned car that was handed over. Transfer and payout wait until it is decided."""
    filing = domain.Filing(body.defect, body.wants, body.loss_minor, body.conceals)
    return _claim(
        session, claims.file_claim(session, principal=principal, order_id=body.order_id, filing=filing, text=body.text), principal
    )


@router.get("/claims", summary="我的瑕疵仲裁 My claims")
def list_claims(principal: SignedIn, session: ReadSession, page: Paging) -> Page[schemas.ClaimAnswer]:
    """As buyer, seller or house, newest first."""
    rows = queries.list_claims(session, party_id=principal.party_id, page=page)
    return page.page(rows, lambda row: [row.id], lambda row: _claim(session, row, principal))


@router.get("/claims/{claim_id}", summary="瑕疵仲裁详情 A claim", responses=refusals(domain.ClaimUnknown))
def get_claim(claim_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.ClaimAnswer:
    """For its sides and the market's people."""
    return _claim(session, queries.get_claim(session, claim_id), principal)


@router.post(
    "/claims/{claim_id}/answers",
    status_code=201,
    summary="答辩 Answer a claim",
    responses=refusals(domain.ClaimUnknown, domain.ClaimOver, domain.AnswerLate, domain.AlreadyAnswered),
)
def answer_claim(
    claim_id: UUID, body: schemas.ClaimAnswerBody, principal: SignedIn, _key: Idempotency, session: WriteSession
) -> schemas.ClaimAnswer:
    """By the seller or the house, once each, within the clock."""
    return _claim(session, claims.answer(session, principal=principal, claim_id=claim_id, text=body.text), principal)


@router.post(
    "/claims/{claim_id}/withdrawal", summary="撤回仲裁申请 Take a claim back", responses=refusals(domain.ClaimUnknown, domain.ClaimOver)
)
def withdraw_claim(claim_id: UUID, principal: SignedIn, _key: Idempotency, session: WriteSession) -> schemas.ClaimAnswer:
    """By the buyer; the order goes on."""
    return _claim(session, claims.withdraw(session, principal=principal, claim_id=claim_id), principal)


@router.post(
    "/claims/{claim_id}/decision",
    status_code=201,
    summary="裁决 Decide a claim",
    responses=refusals(
        domain.ClaimUnknown, domain.ClaimOver, domain.ClaimNotReady, domain.DecisionMismatch, domain.UnwindingNotOffered,
        orders.AdjustmentAboveProceeds, operations.OwnCase, operations.CaseTakenByAnother,
    ),
)  # fmt: skip
def decide_claim(
    claim_id: UUID,
    body: schemas.DecisionBody,
    principal: Annotated[Principal, Depends(require(DECIDE))],
    _key: Idempotency,
    session: WriteSession,
) -> schemas.ClaimAnswer:
    """By the market's operator, when the seller answered or was silent. The money follows in the same transaction."""
    found = deciding.decide(
        session, principal=principal, claim_id=claim_id, verdict=body.verdict, amount_minor=body.amount_minor, reasons=body.reasons
    )
    return _claim(session, found, principal)


# --- evidence --------------------------------------------------------------------------------------------------------------


def _uploaded(file: Annotated[UploadFile, File(description="JPEG, PNG, WebP or PDF.", examples=["@beam.jpg"])]) -> tuple[bytes, str]:
    """Looked at before the transaction begins."""
    content = file.file.read(domain.EVIDENCE_LIMIT_BYTES + 1)
    return content, evidence.check(content)


@router.post(
    "/claims/{claim_id}/evidence",
    status_code=201,
    max_body_size=EVIDENCE_BODY_BYTES,
    summary="提交证据 Hand in evidence",
    responses=refusals(domain.ClaimUnknown, domain.ClaimOver, domain.EvidenceFull, domain.EvidenceNotUsable, FileTooLarge),
)
def add_evidence(
    claim_id: UUID,
    principal: SignedIn,
    sent: Annotated[tuple[bytes, str], Depends(_uploaded)],
    _key: Idempotency,
    session: WriteSession,
    files: Files,
) -> schemas.EvidenceAnswer:
    """By any side while the claim is undecided; stored encrypted. The same file twice is once."""
    found = evidence.add_evidence(session, files, principal=principal, claim_id=claim_id, content=sent[0], media_type=sent[1])
    return _evidence(found)


@router.get(
    "/claims/{claim_id}/evidence/{evidence_id}",
    summary="查看证据 A piece of evidence",
    response_class=StreamingResponse,
    responses=refusals(domain.ClaimUnknown, domain.EvidenceUnknown, FileMissing)
    | {200: {"content": {"application/octet-stream": {}}, "description": "The file as it was handed in."}},
)
def read_evidence(claim_id: UUID, evidence_id: UUID, principal: SignedIn, session: ReadSession, files: Files) -> StreamingResponse:
    """For all sides and the market's people; always as an attachment."""
    found, content = evidence.open_evidence(session, files, principal=principal, claim_id=claim_id, evidence_id=evidence_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.id}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "ETag": f'"{found.sha256}"',
    }
    return StreamingResponse(content, media_type=found.media_type, headers=headers)
