"""The nine steps over HTTP: request, letter, inspection, value, signatures."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended, Reentered, WrongPassphrase
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Forbidden, Malformed, NotFound, Unauthenticated
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from valuation.appraisal import queries, service
from valuation.appraisal.domain import (
    AccidentNeedsMarketMethod,
    AlreadySigned,
    AppraisalOpen,
    AppraiserNotIndependent,
    BadRecord,
    CauseMissing,
    FactorMissing,
    InspectionIncomplete,
    NotAnAppraisalInstitution,
    TooFewComparables,
    WrongStep,
)
from valuation.appraisal.schemas import (
    AcceptRequest,
    AppraisalBody,
    AppraisalRequest,
    EndRequest,
    InspectionRequest,
    MarketComparisonRequest,
    ReplacementCostRequest,
    SignRequest,
    ValueRequest,
    appraisal_body,
)

router = Router(prefix="/valuation/v1", tags=["鉴定评估 appraisal"])
_APPRAISER = (Unauthenticated, Forbidden, NotFound, Malformed, LicenceMissing, LicenceLapsed, PartySuspended, AppraiserNotIndependent)
Performer = Annotated[Principal, Depends(require("appraisals.perform"))]


@router.post(
    "/appraisals",
    status_code=201,
    summary="申请鉴定评估 Ask an institution for an appraisal",
    responses=refusals(*_APPRAISER, NotAnAppraisalInstitution, AppraisalOpen),
)
def request_appraisal(
    body: AppraisalRequest,
    principal: Annotated[Principal, Depends(require("appraisals.request"))],
    session: WriteSession,
    response: Response,
    _key: Idempotency,
) -> AppraisalBody:
    appraisal = service.request_appraisal(
        session,
        principal=principal,
        vehicle_id=body.vehicle_id,
        institution_id=body.institution_id,
        purpose=body.purpose,
        note=body.note,
    )
    response.headers["Location"] = f"/valuation/v1/appraisals/{appraisal.id}"
    return appraisal_body(appraisal)


@router.get("/appraisals", summary="我的鉴定评估 One's appraisals", responses=refusals(Unauthenticated, Malformed))
def list_appraisals(principal: SignedIn, session: ReadSession, paging: Paging) -> Page[AppraisalBody]:
    """As client or as institution, newest first."""
    rows = queries.list_appraisals(session, party_id=principal.party_id, page=paging)
    return paging.page(rows, lambda row: [row.id], appraisal_body)


@router.get("/appraisals/{appraisal_id}", summary="鉴定评估详情 One appraisal", responses=refusals(Unauthenticated, NotFound, Malformed))
def get_appraisal(appraisal_id: UUID, principal: SignedIn, session: ReadSession) -> AppraisalBody:
    return appraisal_body(service.get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id))


@router.post(
    "/appraisals/{appraisal_id}/accept",
    summary="受理并查验可交易性 Accept and check tradability",
    responses=refusals(*_APPRAISER, WrongStep),
)
def accept_appraisal(
    appraisal_id: UUID, body: AcceptRequest, principal: Performer, session: WriteSession, _key: Idempotency
) -> AppraisalBody:
    """Steps 1-2; offers the client the engagement letter. A car that may not be traded ends here as `not_tradable`, with the findings."""
    return appraisal_body(
        service.accept_appraisal(session, principal=principal, appraisal_id=appraisal_id, base_on=body.base_on, fee_minor=body.fee_minor)
    )


@router.post(
    "/appraisals/{appraisal_id}/engagement-letter/signatures",
    status_code=201,
    summary="委托方签署委托书 Sign the engagement letter",
    responses=refusals(Unauthenticated, Forbidden, NotFound, Malformed, WrongStep, WrongPassphrase),
)
def sign_letter(
    appraisal_id: UUID,
    body: SignRequest,
    principal: Annotated[Principal, Depends(require("appraisals.request"))],
    _proof: Reentered,
    session: WriteSession,
    _key: Idempotency,
) -> AppraisalBody:
    """Steps 3-4, by the client: after it the car may be inspected. A car that was barred meanwhile ends here as `not_tradable`."""
    return appraisal_body(service.sign_letter(session, principal=principal, appraisal_id=appraisal_id, passphrase=body.passphrase))


@router.post(
    "/appraisals/{appraisal_id}/end",
    summary="谢绝或撤回 Decline or withdraw",
    responses=refusals(Unauthenticated, NotFound, Malformed, WrongStep),
)
def end_appraisal(appraisal_id: UUID, body: EndRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> AppraisalBody:
    return appraisal_body(service.end_appraisal(session, principal=principal, appraisal_id=appraisal_id, reason=body.reason))


@router.put(
    "/appraisals/{appraisal_id}/inspection",
    summary="登记技术鉴定作业表 Record the technical inspection",
    responses=refusals(*_APPRAISER, WrongStep, BadRecord, InspectionIncomplete, CauseMissing),
)
def record_inspection(
    appraisal_id: UUID, body: InspectionRequest, principal: Performer, session: WriteSession, _key: Idempotency
) -> AppraisalBody:
    """Steps 5-6: gives score and grade at once. May be sent again until the first signature."""
    return appraisal_body(
        service.record_inspection(
            session,
            principal=principal,
            appraisal_id=appraisal_id,
            lines=[(line.code, line.note) for line in body.records],
            remaining_sound=body.remaining_sound,
            flood=[(line.part, line.trace) for line in body.flood],
            fire=[(line.part, line.trace) for line in body.fire],
            special_notes=body.special_notes,
        )
    )


@router.put(
    "/appraisals/{appraisal_id}/value",
    summary="评估车辆价值 State the value",
    responses=refusals(*_APPRAISER, WrongStep, AccidentNeedsMarketMethod, TooFewComparables, FactorMissing),
)
def record_value(appraisal_id: UUID, body: ValueRequest, principal: Performer, session: WriteSession, _key: Idempotency) -> AppraisalBody:
    """Step 7, optional: without it the report is the technical status table."""
    if isinstance(body, ReplacementCostRequest):
        appraisal = service.record_replacement_value(
            session,
            principal=principal,
            appraisal_id=appraisal_id,
            new_price_minor=body.new_price_minor,
            new_price_source=body.new_price_source,
            alpha_bps=body.alpha_bps,
            plate_fee_minor=body.plate_fee_minor,
        )
    elif isinstance(body, MarketComparisonRequest):
        references = [one.reference() for one in body.comparables]
        appraisal = service.record_market_value(session, principal=principal, appraisal_id=appraisal_id, references=references)
    else:
        appraisal = service.record_stated_value(
            session, principal=principal, appraisal_id=appraisal_id, value_minor=body.value_minor, reason=body.reason
        )
    return appraisal_body(appraisal)


@router.post(
    "/appraisals/{appraisal_id}/signatures",
    status_code=201,
    summary="评估师签名 Sign the report",
    responses=refusals(*_APPRAISER, WrongStep, AlreadySigned, WrongPassphrase),
)
def sign_report(
    appraisal_id: UUID,
    body: SignRequest,
    principal: Annotated[Principal, Depends(require("appraisals.sign"))],
    _proof: Reentered,
    session: WriteSession,
    _key: Idempotency,
) -> AppraisalBody:
    """Two different appraisers of the institution; the second signature issues the report (资产评估法 第二十七条)."""
    return appraisal_body(service.sign_report(session, principal=principal, appraisal_id=appraisal_id, passphrase=body.passphrase))
