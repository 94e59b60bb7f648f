"""Routes of the market's operators and auditors: the audit trail, dead letters, the queue of cases; and the parties' side of a case."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query

from marketplace.core import audit, outbox
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Forbidden, NotFound, Unauthenticated
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.operations import queries
from marketplace.operations.domain import (
    CaseDecidedElsewhere,
    CaseKind,
    CaseNotFound,
    CaseState,
    CaseStateRefused,
    CaseTakenByAnother,
    OwnCase,
)
from marketplace.operations.models import CaseStatement, OperationCase
from marketplace.operations.schemas import (
    AuditEntryBody,
    CaseBody,
    CaseIn,
    CaseSummary,
    DeadLetterBody,
    DeadLettersBody,
    DecisionIn,
    RetriedBody,
    StatementBody,
    StatementIn,
    TrailBody,
)
from marketplace.operations.service import cases
from marketplace.operations.service import kernel as service

router = Router(prefix="/marketplace/v1/operations", tags=["operations"])

Auditor = Annotated[Principal, Depends(require("audit.read"))]
Opener = Annotated[Principal, Depends(require("cases.open"))]
CaseReader = Annotated[Principal, Depends(require("cases.read"))]
CaseWorker = Annotated[Principal, Depends(require("cases.work"))]
OutboxKeeper = Annotated[Principal, Depends(require("outbox.manage"))]
_GUARDED = refusals(Unauthenticated, Forbidden)
_FOUND = refusals(Unauthenticated, Forbidden, NotFound)


@router.get("/audit", summary="全部审计记录,新的在前 The audit trail, newest first", responses=_GUARDED)
def list_audit_entries(
    session: ReadSession,
    _principal: Auditor,
    page: Paging,
    act: Annotated[str | None, Query(max_length=60, description="Only this act, e.g. `listing.publish`.")] = None,
) -> Page[AuditEntryBody]:
    rows = queries.list_newest_entries(session, page=page, act=act)
    return page.page(rows, lambda entry: [entry.id], AuditEntryBody.of)


@router.get("/audit/{object_kind}/{object_id}", summary="一个对象的审计链 One object's trail, verified", responses=_FOUND)
def get_audit_trail(
    session: ReadSession, _principal: Auditor, object_kind: Annotated[str, Path(max_length=40)], object_id: UUID
) -> TrailBody:
    entries = service.get_trail(session, object_kind=object_kind, object_id=object_id)
    return TrailBody(entries=[AuditEntryBody.of(entry) for entry in entries], is_whole=audit.find_break(entries) is None)


@router.get("/dead-letters", summary="多次失败的投递 Deliveries that failed too often", responses=_GUARDED)
def list_dead_letters(session: ReadSession, _principal: OutboxKeeper, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> DeadLettersBody:
    return DeadLettersBody(items=[DeadLetterBody.of(letter) for letter in outbox.dead_letters(session, limit=limit)])


@router.post("/dead-letters/{delivery_id}/retry", summary="重新投递 Deliver again", responses=_FOUND)
def retry_dead_letter(delivery_id: UUID, session: WriteSession, principal: OutboxKeeper, _key: Idempotency) -> RetriedBody:
    return RetriedBody(reopened=service.retry_dead_letter(session, principal=principal, delivery_id=delivery_id))


# --- cases: the parties' side --------------------------------------------------------------------------------------------

cases_router = Router(prefix="/marketplace/v1/cases", tags=["cases 案件"])


@cases_router.post(
    "", status_code=201, summary="向市场反映问题 Tell the market of something wrong", responses=refusals(Unauthenticated, Forbidden)
)
def open_case(body: CaseIn, principal: Opener, _key: Idempotency, session: WriteSession) -> CaseSummary:
    opened = cases.open_case(
        session,
        principal=principal,
        kind=CaseKind.REPORT,
        subject_kind=body.subject_kind,
        subject_id=body.subject_id,
        opened_by=principal.party_id,
        statement=body.statement,
    )
    return CaseSummary.of(queries.get_case(session, opened.id))


@cases_router.get("", summary="我的案件 Cases the caller opened or has to answer", responses=_GUARDED)
def list_own_cases(principal: Opener, session: ReadSession, page: Paging) -> Page[CaseSummary]:
    rows = cases.list_of_party(session, principal=principal, page=page)
    return page.page(rows, lambda row: [row.id], CaseSummary.of)


@cases_router.get("/{case_id}", summary="案件 A case", responses=refusals(CaseNotFound))
def get_case(case_id: UUID, principal: SignedIn, session: ReadSession) -> CaseBody:
    return _case_body(*cases.get_case(session, principal=principal, case_id=case_id), reader=principal)


@cases_router.post(
    "/{case_id}/statements", status_code=201, summary="补充陈述 Say more", responses=refusals(CaseNotFound, CaseStateRefused)
)
def state_more(case_id: UUID, body: StatementIn, principal: Opener, _key: Idempotency, session: WriteSession) -> StatementBody:
    return _statement_body(cases.state_more(session, principal=principal, case_id=case_id, text=body.text), reader=principal)


@cases_router.post(
    "/{case_id}/withdrawal", summary="撤回 Take a case back", responses=refusals(CaseNotFound, CaseStateRefused, CaseDecidedElsewhere)
)
def withdraw_case(case_id: UUID, principal: Opener, _key: Idempotency, session: WriteSession) -> CaseSummary:
    return CaseSummary.of(cases.withdraw(session, principal=principal, case_id=case_id))


def _statement_body(said: CaseStatement, *, reader: Principal) -> StatementBody:
    by = "market" if said.by_operator else "you" if said.party_id == reader.party_id else "party"
    return StatementBody(id=said.id, by=by, text=said.text, at=said.at)


def _case_body(row: OperationCase, said: Sequence[CaseStatement], *, reader: Principal) -> CaseBody:
    """Parties are named to the market's people only."""
    is_staff = reader.can(cases.READ)
    return CaseBody(
        **CaseSummary.of(row).model_dump(),
        statements=[_statement_body(one, reader=reader) for one in said],
        opened_by=row.opened_by if is_staff else None,
        respondent_id=row.respondent_id if is_staff else None,
        facts=row.facts if is_staff else {},
    )


# --- cases: the operators' queue -----------------------------------------------------------------------------------------

_TAKING = refusals(CaseNotFound, CaseStateRefused, CaseTakenByAnother, OwnCase)
_WORKED = refusals(CaseNotFound, CaseStateRefused, CaseTakenByAnother)
_DECIDED = refusals(CaseNotFound, CaseStateRefused, CaseTakenByAnother, CaseDecidedElsewhere)


@router.get("/cases", summary="案件队列,旧的在前 The queue of cases, oldest first", responses=_GUARDED)
def list_cases(
    session: ReadSession,
    _principal: CaseReader,
    page: Paging,
    state: Annotated[list[CaseState], Query(max_length=4, description="Left out: open and taken.")] = [],  # noqa: B006  # FastAPI copies it
    kind: Annotated[CaseKind | None, Query()] = None,
) -> Page[CaseSummary]:
    rows = cases.list_queue(session, states=state or [CaseState.OPEN, CaseState.TAKEN], kind=kind, page=page)
    return page.page(rows, lambda row: [row.id], CaseSummary.of)


@router.post("/cases/{case_id}/taking", summary="受理 Take a case", responses=_TAKING)
def take_case(case_id: UUID, principal: CaseWorker, _key: Idempotency, session: WriteSession) -> CaseSummary:
    return CaseSummary.of(cases.take(session, principal=principal, case_id=case_id))


@router.post("/cases/{case_id}/return", summary="退回队列 Give a case back", responses=_WORKED)
def give_case_back(case_id: UUID, principal: CaseWorker, _key: Idempotency, session: WriteSession) -> CaseSummary:
    return CaseSummary.of(cases.give_back(session, principal=principal, case_id=case_id))


@router.post("/cases/{case_id}/decision", summary="决定 Decide a case", responses=_DECIDED)
def decide_case(case_id: UUID, body: DecisionIn, principal: CaseWorker, _key: Idempotency, session: WriteSession) -> CaseSummary:
    row = cases.decide(session, principal=principal, case_id=case_id, is_granted=body.granted, note=body.note)
    return CaseSummary.of(row)


@router.post("/cases/{case_id}/closing", summary="结案 Close a decided case", responses=refusals(CaseNotFound, CaseStateRefused))
def close_case(case_id: UUID, principal: CaseWorker, _key: Idempotency, session: WriteSession) -> CaseSummary:
    return CaseSummary.of(cases.close(session, principal=principal, case_id=case_id))


ROUTERS = [router, cases_router]
