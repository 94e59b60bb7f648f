"""HTTP of notifications: webhook endpoints, their letters and everything told so far; notices to people."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.http import UrlRefused
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.notifications.domain import (
    EndpointUnknown,
    KindUnknown,
    LetterNotDead,
    LetterState,
    LetterUnknown,
    NoticeUnknown,
    TooManyEndpoints,
)
from marketplace.notifications.models import Notice, WebhookEndpoint, WebhookLetter
from marketplace.notifications.schemas import (
    EndpointAnswer,
    EndpointBody,
    LetterAnswer,
    MessageAnswer,
    MessagesAnswer,
    NoticeAnswer,
    ReadingBody,
    StateBody,
    UnreadAnswer,
)
from marketplace.notifications.service import endpoints, notices

router = Router(prefix="/marketplace/v1", tags=["webhooks"])
notice_router = Router(prefix="/marketplace/v1", tags=["notices"])
Manager = Annotated[Principal, Depends(require("webhooks.manage"))]


def _endpoint(found: WebhookEndpoint, *, secret: bool = False) -> EndpointAnswer:
    plain = ("id", "host", "kinds", "subjects", "state", "reason", "created_at")
    return EndpointAnswer(**{name: getattr(found, name) for name in plain}, secret=found.secret if secret else None)


def _letter(row: WebhookLetter) -> LetterAnswer:
    plain = ("id", "number", "kind", "subject_id", "state", "attempts", "last_status", "last_failure", "done_at")
    due = row.next_try_at if row.state is LetterState.OPEN else None
    return LetterAnswer(**{name: getattr(row, name) for name in plain}, next_try_at=due)


@router.post(
    "/webhook-endpoints",
    status_code=201,
    summary="登记回调地址 Register a webhook endpoint",
    responses=refusals(UrlRefused, KindUnknown, TooManyEndpoints),
)
def register_endpoint(body: EndpointBody, principal: Manager, _key: Idempotency, session: WriteSession) -> EndpointAnswer:
    """Signed after the Standard Webhooks specification; the secret is shown this once."""
    wanted = endpoints.Wanted(body.url, body.kinds, body.subjects)
    return _endpoint(endpoints.register(session, principal=principal, wanted=wanted), secret=True)


@router.get("/webhook-endpoints", summary="我的回调地址 My webhook endpoints")
def list_endpoints(principal: SignedIn, session: ReadSession) -> list[EndpointAnswer]:
    return [_endpoint(one) for one in endpoints.list_own(session, principal=principal)]


@router.post(
    "/webhook-endpoints/{endpoint_id}/rotation",
    status_code=201,
    summary="更换签名密钥 Rotate the secret",
    responses=refusals(EndpointUnknown),
)
def rotate(endpoint_id: UUID, principal: Manager, _key: Idempotency, session: WriteSession) -> EndpointAnswer:
    """The former secret signs beside the new one for a day."""
    return _endpoint(endpoints.rotate(session, principal=principal, endpoint_id=endpoint_id), secret=True)


@router.put(
    "/webhook-endpoints/{endpoint_id}/state", summary="启用或停用 Switch an endpoint on or off", responses=refusals(EndpointUnknown)
)
def set_state(endpoint_id: UUID, body: StateBody, principal: Manager, _key: Idempotency, session: WriteSession) -> EndpointAnswer:
    return _endpoint(endpoints.set_state(session, principal=principal, endpoint_id=endpoint_id, state=body.state))


@router.get("/webhook-endpoints/{endpoint_id}/letters", summary="投递记录 An endpoint's letters", responses=refusals(EndpointUnknown))
def list_letters(
    endpoint_id: UUID,
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    state: Annotated[LetterState | None, Query(description="`dead` are those given up.")] = None,
) -> Page[LetterAnswer]:
    rows = endpoints.list_letters(session, principal=principal, endpoint_id=endpoint_id, state=state, page=page)
    return page.page(rows, lambda row: [row.id], _letter)


@router.post(
    "/webhook-letters/{letter_id}/attempts",
    status_code=201,
    summary="重新投递 Send a dead letter again",
    responses=refusals(LetterUnknown, LetterNotDead),
)
def send_again(letter_id: UUID, principal: Manager, _key: Idempotency, session: WriteSession) -> LetterAnswer:
    return _letter(endpoints.send_again(session, principal=principal, letter_id=letter_id))


@router.get("/webhook-messages", summary="已发布的通知 Everything told so far", responses=refusals(KindUnknown))
def list_messages(
    principal: SignedIn,
    session: ReadSession,
    after: Annotated[int, Query(ge=0, le=2**62, description="The number last seen.")] = 0,
    kind: Annotated[list[str] | None, Query(max_length=20, description="Only these kinds.")] = None,
    subject: Annotated[UUID | None, Query(description="Only about this lot or session.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MessagesAnswer:
    """What a machine missed, in the order of publication: numbers only rise, and none comes later behind a higher one."""
    rows = endpoints.list_messages(session, after=after, kinds=kind or [], subject_id=subject, limit=limit)
    return MessagesAnswer(items=[MessageAnswer(number=row.number, body=row.body) for row in rows], last=rows[-1].number if rows else after)


# --- notices to people -----------------------------------------------------------------------------------------------------


def _notice(row: Notice) -> NoticeAnswer:
    return NoticeAnswer(**{name: getattr(row, name) for name in NoticeAnswer.model_fields})


@notice_router.get("/notices", summary="我的通知 My notices")
def list_notices(
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    unread: Annotated[bool, Query(description="Only what nobody has read.")] = False,
) -> Page[NoticeAnswer]:
    """Newest first; of the party one acts for."""
    rows = notices.list_own(session, principal=principal, unread=unread, page=page)
    return page.page(rows, lambda row: [row.id], _notice)


@notice_router.get("/notices/unread", summary="未读通知数 How many are unread")
def count_unread(principal: SignedIn, session: ReadSession) -> UnreadAnswer:
    return UnreadAnswer(unread=notices.count_unread(session, principal=principal))


@notice_router.post("/notices/reading", summary="全部标为已读 Mark all up to one as read", responses=refusals(NoticeUnknown))
def read_up_to(body: ReadingBody, principal: SignedIn, _key: Idempotency, session: WriteSession) -> UnreadAnswer:
    notices.read_up_to(session, principal=principal, notice_id=body.up_to)
    return UnreadAnswer(unread=notices.count_unread(session, principal=principal))


@notice_router.post("/notices/{notice_id}/reading", summary="标为已读 Mark a notice as read", responses=refusals(NoticeUnknown))
def read_notice(notice_id: UUID, principal: SignedIn, _key: Idempotency, session: WriteSession) -> NoticeAnswer:
    return _notice(notices.read(session, principal=principal, notice_id=notice_id))
