"""Enquiries: a visitor asks, somebody of the seller's people answers; who looks after it and how long the visitor waited is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.listings import queries
from marketplace.listings.domain import ListingNotFound, ListingState
from marketplace.listings.domain.leads import (
    OPEN_LEADS,
    AnsweringNotAllowed,
    LeadClosed,
    LeadNotFound,
    LeadStage,
    NotOfTheStaff,
    OwnListing,
    advance,
)
from marketplace.listings.domain.viewings import ViewingSide
from marketplace.listings.events import LeadMoved, lead_key
from marketplace.listings.models import Lead, LeadMessage, Listing
from marketplace.listings.queries import interest

ANSWER = "enquiries.answer"
MESSAGES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead as one of its sides sees it; names of people are masked."""

    row: Lead
    side: ViewingSide
    title: str
    visitor_name: str
    assignee_name: str | None
    messages: list[LeadMessage]


def require_interested(session: Session, *, principal: Principal, listing_id: UUID) -> Listing:
    """A live listing somebody else offers. Raises ``ListingNotFound``, ``OwnListing``, ``PartySuspended``."""
    accounts.require_active(session, party_id=principal.party_id)
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None or listing.state is not ListingState.LIVE:
        raise ListingNotFound
    if principal.party_id in {listing.seller_id, listing.agent_id}:
        raise OwnListing
    return listing


def side_of(row: Lead, principal: Principal) -> ViewingSide:
    """Which side the caller is on. Raises ``LeadNotFound``; ``AnsweringNotAllowed`` for staff whose role it is not."""
    if principal.party_id == row.visitor_id:
        return ViewingSide.VISITOR
    return host_side(principal, row.seller_id, row.agent_id)


def host_side(principal: Principal, seller_id: UUID, agent_id: UUID | None) -> ViewingSide:
    if principal.party_id not in {seller_id, agent_id}:
        raise LeadNotFound
    if principal.organization_id is not None and not principal.can(ANSWER):
        raise AnsweringNotAllowed
    return ViewingSide.HOST


def open_lead(session: Session, *, listing: Listing, visitor_id: UUID, at: datetime) -> Lead:
    """The lead of this visitor, locked; a new one when he comes for the first time."""
    found = interest.lock_lead_of(session, listing_id=listing.id, visitor_id=visitor_id)
    if found is None:
        queries.lock_listing(session, listing_id=listing.id)  # two first messages at once are one lead
        found = interest.lock_lead_of(session, listing_id=listing.id, visitor_id=visitor_id)
    if found is not None:
        return found
    row = Lead(
        listing_id=listing.id,
        vehicle_id=listing.vehicle_id,
        seller_id=listing.seller_id,
        agent_id=listing.agent_id,
        visitor_id=visitor_id,
        opened_at=at,
    )
    session.add(row)
    session.flush()
    return row


def ask(session: Session, *, principal: Principal, listing_id: UUID, text: str) -> LeadView:
    """A visitor's question about a car. Raises ``ListingNotFound``, ``OwnListing``, ``LeadClosed``, ``PartySuspended``."""
    listing = require_interested(session, principal=principal, listing_id=listing_id)
    row = open_lead(session, listing=listing, visitor_id=principal.party_id, at=clock.now(session))
    _write(session, row, principal, ViewingSide.VISITOR, text)
    return _view(session, row, ViewingSide.VISITOR)


def say(session: Session, *, principal: Principal, lead_id: UUID, text: str) -> LeadView:
    """Another message of either side; who answers a lead nobody has takes it. Raises ``LeadNotFound``, ``LeadClosed``."""
    row = _lock(session, lead_id)
    side = side_of(row, principal)
    _write(session, row, principal, side, text)
    return _view(session, row, side)


def _write(session: Session, row: Lead, principal: Principal, side: ViewingSide, text: str) -> None:
    if row.stage not in OPEN_LEADS:
        raise LeadClosed(stage=row.stage)
    at, waited_s = clock.now(session), None
    if side is ViewingSide.VISITOR:
        row.waiting_since_at = row.waiting_since_at or at
    else:
        if row.waiting_since_at is not None:
            waited_s = max(int((at - row.waiting_since_at).total_seconds()), 0)
            row.first_reply_s = waited_s if row.first_reply_s is None else row.first_reply_s
            row.waiting_since_at = None
        if row.assigned_to is None and principal.organization_id is not None:
            row.assigned_to, row.assigned_at = principal.id, at
        row.stage = advance(row.stage, LeadStage.ANSWERED)
    session.add(LeadMessage(lead_id=row.id, side=side, person_id=principal.id, text=text, reply_s=waited_s, at=at))
    moved(session, row, act=f"lead.{'ask' if side is ViewingSide.VISITOR else 'answer'}", principal=principal)


def assign(session: Session, *, principal: Principal, lead_id: UUID, person_id: UUID) -> LeadView:
    """Somebody of the staff looks after it from now on. Raises ``LeadNotFound``, ``LeadClosed``, ``NotOfTheStaff``."""
    row = _lock(session, lead_id)
    side = side_of(row, principal)
    if side is not ViewingSide.HOST:
        raise LeadNotFound
    if row.stage not in OPEN_LEADS:
        raise LeadClosed(stage=row.stage)
    if principal.organization_id is None or not accounts.is_member(session, organization_id=principal.organization_id, person_id=person_id):
        raise NotOfTheStaff
    row.assigned_to, row.assigned_at = person_id, clock.now(session)
    moved(session, row, act="lead.assign", principal=principal, facts={"person_id": str(person_id)})
    return _view(session, row, side)


def close(session: Session, *, principal: Principal, lead_id: UUID) -> LeadView:
    """Nothing came of it, says either side. Raises ``LeadNotFound``, ``LeadClosed``."""
    row = _lock(session, lead_id)
    side = side_of(row, principal)
    if row.stage not in OPEN_LEADS:
        raise LeadClosed(stage=row.stage)
    end_lead(session, row, stage=LeadStage.LOST, reason=side.value, principal=principal)
    return _view(session, row, side)


def end_lead(session: Session, row: Lead, *, stage: LeadStage, reason: str, principal: Principal | None = None) -> None:
    row.stage, row.closed_at, row.close_reason, row.waiting_since_at = stage, clock.now(session), reason, None
    moved(session, row, act=f"lead.{stage.value}", principal=principal, facts={"reason": reason})


def follow_order(session: Session, *, listing_id: UUID, buyer_id: UUID, stage: LeadStage) -> None:
    """The visitor has ordered, or his order is complete: his lead knows. Nothing when he never asked. Twice is once."""
    row = interest.lock_lead_of(session, listing_id=listing_id, visitor_id=buyer_id)
    if row is None or row.stage is LeadStage.WON:
        return
    if stage is LeadStage.WON:
        end_lead(session, row, stage=LeadStage.WON, reason="sold")
    elif advance(row.stage, stage) is not row.stage:
        row.stage = stage
        moved(session, row, act=f"lead.{stage.value}", principal=None)


def end_of_listing(session: Session, *, listing_id: UUID, reason: str) -> None:
    """The car is gone: who had only asked is told so by the lead's end. An order under way keeps its lead."""
    for row in interest.list_open_leads_of_listing(session, listing_id):
        if row.stage is not LeadStage.ORDERED:
            end_lead(session, row, stage=LeadStage.LOST, reason=reason)


def moved(session: Session, row: Lead, *, act: str, principal: Principal | None, facts: dict[str, str] | None = None) -> None:
    row.version += 1
    session.add(row)
    session.flush()
    event = LeadMoved(
        lead_id=row.id,
        listing_id=row.listing_id,
        seller_id=row.seller_id,
        agent_id=row.agent_id,
        visitor_id=row.visitor_id,
        stage=row.stage,
        act=act,
    )
    outbox.append(session, event, key=lead_key(row.id))
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="lead",
        object_id=row.id,
        facts={"stage": row.stage.value, "listing_id": str(row.listing_id)} | (facts or {}),
    )


def _lock(session: Session, lead_id: UUID) -> Lead:
    row = interest.lock_lead(session, lead_id)
    if row is None:
        raise LeadNotFound
    return row


# --- reading -----------------------------------------------------------------------------------------------------------------


def get_lead(session: Session, *, principal: Principal, lead_id: UUID) -> LeadView:
    """With its messages, for its two sides. Raises ``LeadNotFound``."""
    row = interest.find_lead(session, lead_id)
    if row is None:
        raise LeadNotFound
    return _view(session, row, side_of(row, principal))


def list_leads(
    session: Session,
    *,
    principal: Principal,
    listing_id: UUID | None,
    stage: LeadStage | None,
    assigned_to: UUID | None,
    waiting: bool,
    paging: PageQuery,
) -> list[LeadView]:
    """Those of the caller's cars, newest first; up to ``limit + 1``. Raises ``AnsweringNotAllowed``."""
    host_side(principal, principal.party_id, None)
    rows = interest.list_leads(
        session,
        host_id=principal.party_id,
        listing_id=listing_id,
        stage=stage,
        assigned_to=assigned_to,
        waiting=waiting,
        paging=paging,
    )
    return _views(session, rows, ViewingSide.HOST)


def list_own(session: Session, *, principal: Principal, paging: PageQuery) -> list[LeadView]:
    """What the caller asked about, newest first; up to ``limit + 1``."""
    return _views(session, interest.list_own_leads(session, visitor_id=principal.party_id, paging=paging), ViewingSide.VISITOR)


def _view(session: Session, row: Lead, side: ViewingSide) -> LeadView:
    shown = _views(session, [row], side)[0]
    return LeadView(
        shown.row, side, shown.title, shown.visitor_name, shown.assignee_name, interest.list_messages(session, row.id, limit=MESSAGES_SHOWN)
    )


def _views(session: Session, rows: Sequence[Lead], side: ViewingSide) -> list[LeadView]:
    people = {row.visitor_id for row in rows} | {row.assigned_to for row in rows if row.assigned_to}
    names = accounts.display_names(session, party_ids=people)
    titles = queries.list_titles(session, listing_ids=[row.listing_id for row in rows])
    return [
        LeadView(
            row,
            side,
            titles.get(row.listing_id, ""),
            names.get(row.visitor_id, ""),
            names.get(row.assigned_to) if row.assigned_to else None,
            [],
        )
        for row in rows
    ]
