"""Routes of the market's operators and auditors: the audit trail, dead letters."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query

from marketplace.core import audit, outbox
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Forbidden, NotFound, Unauthenticated
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require
from marketplace.operations import queries, service
from marketplace.operations.schemas import AuditEntryBody, DeadLetterBody, DeadLettersBody, RetriedBody, TrailBody

router = Router(prefix="/marketplace/v1/operations", tags=["operations"])

Auditor = Annotated[Principal, Depends(require("audit.read"))]
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
