"""HTTP of what the public takes an interest in: views, enquiries and who answers them, a listing's statistics."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response

from marketplace.accounts.api import PartySuspended
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.limits import RateLimit
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import SignedIn, Viewer, client_address
from marketplace.listings.domain import ListingNotFound
from marketplace.listings.domain.leads import AnsweringNotAllowed, LeadClosed, LeadNotFound, LeadStage, NotOfTheStaff, OwnListing
from marketplace.listings.domain.viewings import ViewingSide
from marketplace.listings.router.listings import price_bodies
from marketplace.listings.schemas.interest import (
    AssignmentRequest,
    DayViews,
    EnquiryRequest,
    InterestBody,
    LeadBody,
    MessageBody,
    StatisticsBody,
)
from marketplace.listings.service import interest, leads, views

router = Router(prefix="/marketplace/v1", tags=["enquiries 咨询"])


@router.post(
    "/listings/{listing_id}/views",
    status_code=204,
    summary="记录浏览 Count a visitor",
    responses=refusals(ListingNotFound),
    response_class=Response,
)
def count_view(
    listing_id: UUID,
    request: Request,
    viewer: Viewer,
    _limit: Annotated[None, Depends(RateLimit("views", setting="limit_views", by="address"))],
    session: WriteSession,
    _key: Idempotency,
    user_agent: Annotated[str, Header(max_length=1_000)] = "",
) -> None:
    """Told by the page that shows a listing. A visitor counts once a legal day; robots and the seller's own people do not.

    Neither address nor device is kept: a digest under a secret of the day, deleted with the day.
    """
    views.count_view(session, listing_id=listing_id, viewer=viewer, address=client_address(request), user_agent=user_agent)


@router.get(
    "/listings/{listing_id}/statistics",
    summary="浏览、线索与价格记录 How my listing fares",
    responses=refusals(ListingNotFound, AnsweringNotAllowed),
)
def get_listing_statistics(listing_id: UUID, principal: SignedIn, session: ReadSession) -> StatisticsBody:
    """For its seller and the agent who stands between."""
    found = interest.show_statistics(session, principal=principal, listing_id=listing_id)
    return StatisticsBody(
        listing_id=listing_id,
        numbers=InterestBody.model_validate(found.numbers),
        views_by_day=[DayViews(on=on, visitors=visitors) for on, visitors in found.views_by_day],
        leads_by_stage={stage.value: count for stage, count in found.leads_by_stage.items()},
        prices=price_bodies(found.prices),
        days_in_stock=found.days_in_stock,
    )


@router.post(
    "/listings/{listing_id}/enquiries",
    status_code=201,
    summary="咨询车辆 Ask about a car",
    responses=refusals(ListingNotFound, OwnListing, LeadClosed, PartySuspended),
)
def ask_about_car(listing_id: UUID, body: EnquiryRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> LeadBody:
    """The seller's people answer; their wait for an answer is measured."""
    return _lead(leads.ask(session, principal=principal, listing_id=listing_id, text=body.text))


@router.get("/enquiries", summary="我的咨询 What I asked about")
def list_my_enquiries(principal: SignedIn, session: ReadSession, page: Paging) -> Page[LeadBody]:
    return page.page(leads.list_own(session, principal=principal, paging=page), lambda one: [one.row.id], _lead)


@router.get("/leads", summary="客户线索 Leads of my cars", responses=refusals(AnsweringNotAllowed))
def list_leads(
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    listing_id: UUID | None = None,
    stage: LeadStage | None = None,
    assigned_to: UUID | None = None,
    waiting: Annotated[bool, Query(description="Only those whose visitor waits for an answer.")] = False,
) -> Page[LeadBody]:
    found = leads.list_leads(
        session,
        principal=principal,
        listing_id=listing_id,
        stage=stage,
        assigned_to=assigned_to,
        waiting=waiting,
        paging=page,
    )
    return page.page(found, lambda one: [one.row.id], _lead)


@router.get("/leads/{lead_id}", summary="一条线索 One lead", responses=refusals(LeadNotFound, AnsweringNotAllowed))
def get_lead(lead_id: UUID, principal: SignedIn, session: ReadSession) -> LeadBody:
    """With its messages, for its two sides."""
    return _lead(leads.get_lead(session, principal=principal, lead_id=lead_id))


@router.post(
    "/leads/{lead_id}/messages",
    status_code=201,
    summary="回复 Answer or ask again",
    responses=refusals(LeadNotFound, LeadClosed, AnsweringNotAllowed),
)
def answer_lead(lead_id: UUID, body: EnquiryRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> LeadBody:
    return _lead(leads.say(session, principal=principal, lead_id=lead_id, text=body.text))


@router.post(
    "/leads/{lead_id}/assignment",
    summary="分配给员工 Give it to one of the staff",
    responses=refusals(LeadNotFound, LeadClosed, NotOfTheStaff, AnsweringNotAllowed),
)
def assign_lead(lead_id: UUID, body: AssignmentRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> LeadBody:
    return _lead(leads.assign(session, principal=principal, lead_id=lead_id, person_id=body.person_id))


@router.post(
    "/leads/{lead_id}/closing", summary="关闭线索 Nothing came of it", responses=refusals(LeadNotFound, LeadClosed, AnsweringNotAllowed)
)
def close_lead(lead_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> LeadBody:
    return _lead(leads.close(session, principal=principal, lead_id=lead_id))


def _lead(found: leads.LeadView) -> LeadBody:
    row, is_host = found.row, found.side is ViewingSide.HOST
    return LeadBody(
        id=row.id,
        listing_id=row.listing_id,
        vehicle_id=row.vehicle_id,
        title=found.title,
        side=found.side,
        stage=row.stage,
        visitor_id=row.visitor_id,
        visitor_name=found.visitor_name,
        assigned_to=row.assigned_to if is_host else None,
        assignee_name=found.assignee_name,
        assigned_at=row.assigned_at if is_host else None,
        opened_at=row.opened_at,
        waiting_since_at=row.waiting_since_at,
        first_reply_s=row.first_reply_s,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        messages=[MessageBody.model_validate(one) for one in found.messages],
        version=row.version,
    )
