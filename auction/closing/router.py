"""HTTP of the operator's suspensions, and what is told to the live channel once a request is committed."""

from collections.abc import Iterator
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Depends, Request

from auction.bidding.domain import NotUp
from auction.bidding.log import Entry
from auction.closing.schemas import ReasonBody, StandingAnswer
from auction.closing.service import suspensions
from auction.lots.domain import LotNotRunning, LotNotSuspended, LotUnknown
from auction.lots.models import Lot
from auction.sessions import service as sessions
from auction.sessions.domain import SessionNotSuspended, SessionOver, SessionSuspended, SessionUnknown
from auction.sessions.router import answer as session_answer
from auction.sessions.schemas import SessionAnswer
from marketplace.api import vehicles
from marketplace.core.db import WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require

router = Router(prefix="/auction/v1", tags=["suspension"])


def _told_after_commit(request: Request) -> Iterator[list[Entry]]:
    """Named before the session, so that it ends after it: what stands in the list by then is committed."""
    entries: list[Entry] = []
    yield entries
    if entries:
        request.app.state.live.publish(entries)


Told: TypeAlias = Annotated[list[Entry], Depends(_told_after_commit, scope="function")]
"""Entries a handler wants published. Must be a handler's first parameter."""


def standing(lot: Lot) -> StandingAnswer:
    """As everybody may see it."""
    return StandingAnswer(
        lot_id=lot.id,
        state=lot.state,
        lane=lot.lane,
        seq=lot.seq,
        price_minor=lot.price_minor,
        leader=lot.leader_pseudonym,
        ends_at=lot.ends_at,
        reason=lot.reason,
    )


@router.post(
    "/lots/{lot_id}/suspension",
    status_code=201,
    summary="暂停标的 Suspend a lot",
    responses=refusals(LotUnknown, LotNotRunning, NotUp),
)
def suspend_lot(
    told: Told,
    lot_id: UUID,
    body: ReasonBody,
    principal: Annotated[Principal, Depends(require("sessions.suspend"))],
    _key: Idempotency,
    session: WriteSession,
) -> StandingAnswer:
    """No more bids until it is resumed; those made stand. The reason is in the lot's log and shown with it."""
    lot, entries = suspensions.suspend_lot(session, principal=principal, lot_id=lot_id, reason=body.reason)
    told += entries
    return standing(lot)


@router.post(
    "/lots/{lot_id}/resumption",
    status_code=201,
    summary="恢复标的 Resume a lot",
    responses=refusals(LotUnknown, LotNotSuspended, SessionSuspended, vehicles.NotEligible),
)
def resume_lot(
    told: Told,
    lot_id: UUID,
    body: ReasonBody,
    principal: Annotated[Principal, Depends(require("sessions.suspend"))],
    _key: Idempotency,
    session: WriteSession,
) -> StandingAnswer:
    """Bidders have the time that was left when it was suspended. A car that may not be traded stays where it is."""
    lot, entries = suspensions.resume_lot(session, principal=principal, lot_id=lot_id, reason=body.reason)
    told += entries
    return standing(lot)


@router.post(
    "/sessions/{session_id}/suspension",
    status_code=201,
    summary="暂停场次 Suspend a session",
    responses=refusals(SessionUnknown, SessionOver, SessionSuspended),
)
def suspend_session(
    told: Told,
    session_id: UUID,
    body: ReasonBody,
    principal: Annotated[Principal, Depends(require("sessions.suspend"))],
    _key: Idempotency,
    session: WriteSession,
) -> SessionAnswer:
    """Its open lots stand still and none opens; the reason is shown with the session and in every lot's log."""
    row, entries = suspensions.suspend_session(session, principal=principal, session_id=session_id, reason=body.reason)
    told += entries
    return session_answer(row, sessions.house_names(session, rows=[row]).get(row.house_id, ""))


@router.post(
    "/sessions/{session_id}/resumption",
    status_code=201,
    summary="恢复场次 Resume a session",
    responses=refusals(SessionUnknown, SessionNotSuspended),
)
def resume_session(
    told: Told,
    session_id: UUID,
    body: ReasonBody,
    principal: Annotated[Principal, Depends(require("sessions.suspend"))],
    _key: Idempotency,
    session: WriteSession,
) -> SessionAnswer:
    """Every lot's times move by as long as it stood still."""
    row, entries = suspensions.resume_session(session, principal=principal, session_id=session_id, reason=body.reason)
    told += entries
    return session_answer(row, sessions.house_names(session, rows=[row]).get(row.house_id, ""))
