"""HTTP of viewings: slots, bookings, confirmations, outcomes."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from marketplace.accounts.api import PartySuspended
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import SignedIn, Viewer
from marketplace.listings.domain import ListingNotFound
from marketplace.listings.domain.leads import AnsweringNotAllowed, OwnListing
from marketplace.listings.domain.viewings import (
    BadSlot,
    NotYoursToConfirm,
    RescheduledTooOften,
    SlotNotFound,
    SlotOffered,
    SlotTaken,
    TooManyNoShows,
    ViewingBooked,
    ViewingNotFound,
    ViewingNotYetOver,
    ViewingState,
    ViewingStateRefused,
)
from marketplace.listings.schemas.viewings import BookingRequest, OutcomeRequest, SlotBody, SlotsRequest, ViewingBody, ViewingNoticeBody
from marketplace.listings.service import viewings

router = Router(prefix="/marketplace/v1", tags=["viewings 看车"])


@router.post(
    "/listings/{listing_id}/viewing-slots",
    status_code=201,
    summary="开放看车时段 Open viewing slots",
    responses=refusals(ListingNotFound, BadSlot, SlotOffered, AnsweringNotAllowed),
)
def open_viewing_slots(
    listing_id: UUID, body: SlotsRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> list[SlotBody]:
    """By whoever shows the car: its seller, the owner of a virtual consignment, or the agent."""
    made = viewings.open_slots(session, principal=principal, listing_id=listing_id, starts_at=body.starts_at, place=body.place)
    return [SlotBody.model_validate(one) for one in made]


@router.get("/listings/{listing_id}/viewing-slots", summary="可预约时段 Free viewing slots", responses=refusals(ListingNotFound))
def list_viewing_slots(listing_id: UUID, _viewer: Viewer, session: ReadSession) -> list[SlotBody]:
    """Public; soonest first."""
    return [SlotBody.model_validate(one) for one in viewings.list_free_slots(session, listing_id=listing_id)]


@router.post(
    "/viewing-slots/{slot_id}/closing",
    summary="关闭时段 Take a free slot back",
    responses=refusals(SlotNotFound, SlotTaken, AnsweringNotAllowed),
)
def close_viewing_slot(slot_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> SlotBody:
    return SlotBody.model_validate(viewings.close_slot(session, principal=principal, slot_id=slot_id))


@router.post(
    "/listings/{listing_id}/viewings",
    status_code=201,
    summary="预约看车 Book a viewing",
    responses=refusals(ListingNotFound, OwnListing, SlotNotFound, SlotTaken, ViewingBooked, TooManyNoShows, PartySuspended),
)
def book_viewing(listing_id: UUID, body: BookingRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ViewingBody:
    """One slot, one visitor; the host confirms."""
    return _viewing(viewings.book(session, principal=principal, listing_id=listing_id, slot_id=body.slot_id))


@router.get("/viewings", summary="看车预约 My viewings, as visitor or host")
def list_viewings(
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    state: Annotated[ViewingState | None, Query(description="Only these.")] = None,
) -> Page[ViewingBody]:
    found = viewings.list_viewings(session, principal=principal, state=state, paging=page)
    return page.page(found, lambda one: [one.row.id], _viewing)


@router.get("/viewing-notices", summary="看车通知 What I was told of viewings")
def list_viewing_notices(principal: SignedIn, session: ReadSession, page: Paging) -> Page[ViewingNoticeBody]:
    """Each step of each viewing, told to visitor, seller and agent; newest first."""
    found = viewings.list_notices(session, principal=principal, paging=page)
    return page.page(found, lambda one: [one.id], ViewingNoticeBody.model_validate)


@router.get("/viewings/{viewing_id}", summary="一次预约 One viewing", responses=refusals(ViewingNotFound, AnsweringNotAllowed))
def get_viewing(viewing_id: UUID, principal: SignedIn, session: ReadSession) -> ViewingBody:
    return _viewing(viewings.get_viewing(session, principal=principal, viewing_id=viewing_id))


@router.post(
    "/viewings/{viewing_id}/confirmation",
    summary="确认预约 Confirm the time",
    responses=refusals(ViewingNotFound, ViewingStateRefused, NotYoursToConfirm, SlotNotFound, AnsweringNotAllowed),
)
def confirm_viewing(viewing_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ViewingBody:
    """By the side that did not propose it."""
    return _viewing(viewings.confirm(session, principal=principal, viewing_id=viewing_id))


@router.post(
    "/viewings/{viewing_id}/rescheduling",
    summary="改期 Move to another slot",
    responses=refusals(ViewingNotFound, ViewingStateRefused, RescheduledTooOften, SlotNotFound, SlotTaken, AnsweringNotAllowed),
)
def reschedule_viewing(
    viewing_id: UUID, body: BookingRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> ViewingBody:
    """By either side; the other one confirms anew."""
    return _viewing(viewings.reschedule(session, principal=principal, viewing_id=viewing_id, slot_id=body.slot_id))


@router.post(
    "/viewings/{viewing_id}/cancellation",
    summary="取消预约 Cancel",
    responses=refusals(ViewingNotFound, ViewingStateRefused, AnsweringNotAllowed),
)
def cancel_viewing(viewing_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> ViewingBody:
    return _viewing(viewings.cancel(session, principal=principal, viewing_id=viewing_id))


@router.post(
    "/viewings/{viewing_id}/outcome",
    summary="到场或爽约 It took place, or the other side did not come",
    responses=refusals(ViewingNotFound, ViewingStateRefused, ViewingNotYetOver, AnsweringNotAllowed),
)
def record_viewing_outcome(
    viewing_id: UUID, body: OutcomeRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> ViewingBody:
    return _viewing(viewings.record_outcome(session, principal=principal, viewing_id=viewing_id, kept=body.kept))


def _viewing(found: viewings.ViewingView) -> ViewingBody:
    row, slot = found.row, found.slot
    return ViewingBody(
        id=row.id,
        listing_id=row.listing_id,
        lead_id=row.lead_id,
        title=found.title,
        side=found.side,
        state=row.state,
        visitor_name=found.visitor_name,
        slot_id=slot.id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        place=slot.place,
        proposed_by=row.proposed_by,
        reschedules=row.reschedules,
        no_show_side=row.no_show_side,
        end_reason=row.end_reason,
        requested_at=row.requested_at,
        confirmed_at=row.confirmed_at,
        ended_at=row.ended_at,
        version=row.version,
    )
