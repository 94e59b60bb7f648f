"""HTTP of transfers: papers, checks, invoice, to the office; and the sandbox office's drill."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from marketplace.aftercare import queries, schemas
from marketplace.aftercare.domain import (
    PAPER_NAMES,
    CaseNotFound,
    CaseState,
    CaseStateRefused,
    InvoiceMissing,
    NotTheIssuer,
    Paper,
    PaperNotWanted,
    PapersNotChecked,
    compute_steps,
)
from marketplace.aftercare.gateway import OFFICE
from marketplace.aftercare.models import SaleInvoice, ServiceCase
from marketplace.aftercare.service import cases, invoices, office
from marketplace.core import clock
from marketplace.core.crypto import mask_card
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.orders.api import OrderDisputed
from marketplace.vehicles.api import NotEligible, VehicleNotFound

router = Router(prefix="/marketplace/v1/transfers", tags=["transfers 过户"])
Staff = Annotated[Principal, Depends(require("transfers.manage"))]


def _body(session: Session, case: ServiceCase) -> schemas.TransferBody:
    session.flush()
    rows = queries.list_papers(session, case.id)
    invoice = queries.find_invoice(session, case.order_id)
    papers = [Paper(row.kind, row.state) for row in rows]
    is_open = case.state in {CaseState.COLLECTING, CaseState.REFUSED}
    return schemas.TransferBody(
        id=case.id,
        kind=case.kind,
        state=case.state,
        order_id=case.order_id,
        vehicle_id=case.vehicle_id,
        buyer_city=case.buyer_city,
        apply_by=case.apply_by,
        is_overdue=is_open and clock.now(session) >= case.apply_by,
        papers=[
            schemas.PaperBody(
                kind=row.kind,
                name=PAPER_NAMES[row.kind],
                state=row.state,
                number_masked=mask_card(row.number) if row.number else None,
                valid_until=row.valid_until,
                note=row.note,
            )
            for row in rows
        ],
        steps=[
            schemas.StepBody.model_validate({"name": name, "state": state})
            for name, state in compute_steps(case.state, papers=papers, has_invoice=invoice is not None)
        ],
        invoice_issuer=case.issuer_kind,
        invoice_id=invoice.id if invoice else None,
        attempt=case.attempt,
        refusal_reasons=case.refusal_reasons,
        certificate_no_masked=mask_card(case.certificate_no) if case.certificate_no else None,
        opened_at=case.opened_at,
        submitted_at=case.submitted_at,
        completed_at=case.completed_at,
    )


def _line(case: ServiceCase) -> schemas.TransferLine:
    return schemas.TransferLine.model_validate(case, from_attributes=True)


def _invoice(invoice: SaleInvoice) -> schemas.InvoiceBody:
    return schemas.InvoiceBody(
        id=invoice.id,
        order_id=invoice.order_id,
        code=invoice.code,
        number=invoice.number,
        issuer=invoice.issuer_kind,
        amount_minor=invoice.amount_minor,
        content=json.loads(invoice.content),
        content_hash=invoice.content_hash,
        issued_at=invoice.issued_at,
    )


@router.get("", summary="过户业务列表 Transfers")
def list_transfers(
    session: ReadSession,
    principal: SignedIn,
    paging: Paging,
    state: Annotated[CaseState | None, Query(description="Only those in this state.")] = None,
    order_id: Annotated[UUID | None, Query(description="The transfer of one order.")] = None,
) -> Page[schemas.TransferLine]:
    party_id = None if principal.can(cases.STAFF) else principal.party_id
    rows = queries.list_cases(session, party_id=party_id, state=state, order_id=order_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], _line)


@router.get("/{transfer_id}", summary="一件过户业务 One transfer", responses=refusals(CaseNotFound))
def get_transfer(transfer_id: UUID, session: ReadSession, principal: SignedIn) -> schemas.TransferBody:
    case = queries.get_case(session, transfer_id)
    cases.require_party(case, principal)
    return _body(session, case)


@router.post(
    "/{transfer_id}/documents",
    status_code=201,
    summary="提交材料 Hand papers in",
    responses=refusals(CaseNotFound, CaseStateRefused, PaperNotWanted),
)
def provide_papers(
    transfer_id: UUID, body: schemas.PapersRequest, session: WriteSession, principal: SignedIn, _key: Idempotency
) -> schemas.TransferBody:
    papers = [cases.GivenPaper(one.kind, one.number, one.valid_until) for one in body.documents]
    return _body(session, cases.provide(session, principal=principal, case_id=transfer_id, papers=papers))


@router.post(
    "/{transfer_id}/checks",
    status_code=201,
    summary="核验材料 Check papers",
    responses=refusals(CaseNotFound, CaseStateRefused, PaperNotWanted),
)
def check_papers(
    transfer_id: UUID, body: schemas.ChecksRequest, session: WriteSession, principal: Staff, _key: Idempotency
) -> schemas.TransferBody:
    case = cases.check(session, principal=principal, case_id=transfer_id, approved=body.approved, rejected=body.rejected)
    return _body(session, case)


@router.post(
    "/{transfer_id}/invoice",
    status_code=201,
    summary="开具二手车销售统一发票 Issue the unified invoice",
    responses=refusals(CaseNotFound, CaseStateRefused, NotTheIssuer, NotEligible),
)
def issue_invoice(transfer_id: UUID, session: WriteSession, principal: SignedIn, _key: Idempotency) -> schemas.InvoiceBody:
    return _invoice(invoices.issue(session, principal=principal, case_id=transfer_id))


@router.get("/{transfer_id}/invoice", summary="发票 The invoice", responses=refusals(CaseNotFound))
def get_invoice(transfer_id: UUID, session: ReadSession, principal: SignedIn) -> schemas.InvoiceBody:
    case = queries.get_case(session, transfer_id)
    cases.require_party(case, principal)
    invoice = queries.find_invoice(session, case.order_id)
    if invoice is None:
        raise CaseNotFound
    return _invoice(invoice)


@router.post(
    "/{transfer_id}/submit",
    status_code=201,
    summary="递交车管所 Hand in at the registration office",
    responses=refusals(CaseNotFound, CaseStateRefused, PapersNotChecked, InvoiceMissing, NotEligible, OrderDisputed),
)
def submit_transfer(transfer_id: UUID, session: WriteSession, principal: Staff, _key: Idempotency) -> schemas.TransferBody:
    return _body(session, cases.submit(session, principal=principal, case_id=transfer_id))


office_router = Router(prefix="/marketplace/v1/sandbox-registration-office", tags=["sandbox office 沙盒车管所"])


@office_router.post(
    "/marks",
    status_code=201,
    summary="演练:登记抵押、查封 Drill: have the office know of a lien or seal",
    responses=refusals(office.DemoOnly, VehicleNotFound),
)
def set_mark(body: schemas.MarkRequest, session: WriteSession, principal: Staff, _key: Idempotency) -> schemas.MarksBody:
    marks = office.set_mark(session, principal=principal, vehicle_id=body.vehicle_id, kind=body.kind, present=body.present)
    return schemas.MarksBody(office=OFFICE, marks=sorted(marks))
