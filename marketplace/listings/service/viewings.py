"""Viewings: the host opens slots, a visitor books one, either moves or cancels it; both sides are told of every step."""

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
from marketplace.listings.domain.leads import LeadNotFound, LeadStage, advance
from marketplace.listings.domain.viewings import (
    OPEN_VIEWINGS,
    NotYoursToConfirm,
    RescheduledTooOften,
    SlotNotFound,
    SlotOffered,
    SlotTaken,
    ViewingAct,
    ViewingBooked,
    ViewingNotFound,
    ViewingNotYetOver,
    ViewingSide,
    ViewingState,
    ViewingStateRefused,
    check_booking,
    check_no_shows,
    check_slot,
)
from marketplace.listings.events import ViewingMoved, viewing_key
from marketplace.listings.models import Lead, Listing, Viewing, ViewingNotice, ViewingSlot
from marketplace.listings.queries import interest
from marketplace.listings.service.leads import host_side, moved, open_lead, require_interested
from marketplace.listings.service.tables import viewing_rules

SLOTS_SHOWN = 200


# --- slots -------------------------------------------------------------------------------------------------------------------


def open_slots(session: Session, *, principal: Principal, listing_id: UUID, starts_at: Sequence[datetime], place: str) -> list[ViewingSlot]:
    """Times at which the host shows the car. Raises ``ListingNotFound``, ``BadSlot``, ``SlotOffered``, ``AnsweringNotAllowed``."""
    listing = _require_host(session, principal, listing_id)
    if listing.state is not ListingState.LIVE:
        raise ListingNotFound
    queries.lock_listing(session, listing_id=listing_id)
    now = clock.now(session)
    rules = viewing_rules(clock.shanghai_day(now))
    made = []
    for start in sorted(set(starts_at)):
        ends_at = check_slot(start, now=now, rules=rules)
        found = interest.find_slot_at(session, vehicle_id=listing.vehicle_id, starts_at=start)
        if found is not None and not (found.is_closed and found.listing_id == listing.id):
            raise SlotOffered(starts_at=start.isoformat())
        slot = found or ViewingSlot(
            listing_id=listing.id, vehicle_id=listing.vehicle_id, starts_at=start, ends_at=ends_at, opened_by=principal.id
        )
        slot.is_closed, slot.place = False, place
        session.add(slot)
        made.append(slot)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="viewing.open_slots",
        object_kind="listing",
        object_id=listing.id,
        facts={"slots": len(made)},
    )
    return made


def close_slot(session: Session, *, principal: Principal, slot_id: UUID) -> ViewingSlot:
    """Take a free slot back. Raises ``SlotNotFound``, ``SlotTaken`` when it is booked: cancel the viewing instead."""
    slot = interest.lock_slot(session, slot_id)
    if slot is None:
        raise SlotNotFound
    try:
        _require_host(session, principal, slot.listing_id)
    except ListingNotFound as error:
        raise SlotNotFound from error
    if interest.find_open_of_slot(session, slot.id) is not None:
        raise SlotTaken
    slot.is_closed = True
    session.add(slot)
    session.flush()
    audit.record(session, principal=principal, act="viewing.close_slot", object_kind="listing", object_id=slot.listing_id)
    return slot


def list_free_slots(session: Session, *, listing_id: UUID) -> list[ViewingSlot]:
    """What may be booked of a live listing now, soonest first. Raises ``ListingNotFound``."""
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None or listing.state is not ListingState.LIVE:
        raise ListingNotFound
    slots = interest.list_slots(session, listing_id=listing_id, after=clock.now(session), limit=SLOTS_SHOWN)
    taken = interest.list_booked(session, [slot.id for slot in slots])
    return [slot for slot in slots if slot.id not in taken]


def _require_host(session: Session, principal: Principal, listing_id: UUID) -> Listing:
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None:
        raise ListingNotFound
    try:
        host_side(principal, listing.seller_id, listing.agent_id)
    except LeadNotFound as error:
        raise ListingNotFound from error
    return listing


# --- a visitor books -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewingView:
    """A viewing as one of its sides sees it. ``place`` is for its two sides."""

    row: Viewing
    slot: ViewingSlot
    side: ViewingSide
    title: str
    visitor_name: str


def book(session: Session, *, principal: Principal, listing_id: UUID, slot_id: UUID) -> ViewingView:
    """Book a slot; the host confirms it. Of several visitors one gets it.

    Raises ``ListingNotFound``, ``OwnListing``, ``SlotNotFound``, ``SlotTaken``, ``ViewingBooked``, ``TooManyNoShows``,
    ``PartySuspended``.
    """
    listing = require_interested(session, principal=principal, listing_id=listing_id)
    now = clock.now(session)
    check_no_shows(interest.list_no_shows(session, principal.party_id), now=now, rules=viewing_rules(clock.shanghai_day(now)))
    lead = open_lead(session, listing=listing, visitor_id=principal.party_id, at=now)
    slot = _lock_free(session, slot_id, listing_id)
    if interest.find_open_of_visitor(session, listing_id=listing_id, visitor_id=principal.party_id) is not None:
        raise ViewingBooked
    if lead.closed_at is not None:  # he had lost interest and comes back
        lead.stage, lead.closed_at, lead.close_reason = LeadStage.NEW, None, None
    lead.stage = advance(lead.stage, LeadStage.VIEWING)
    moved(session, lead, act="lead.viewing", principal=principal)
    row = Viewing(
        slot_id=slot.id,
        lead_id=lead.id,
        listing_id=listing.id,
        seller_id=listing.seller_id,
        agent_id=listing.agent_id,
        visitor_id=principal.party_id,
        requested_at=clock.now(session),
    )
    session.add(row)
    return _tell(session, row, slot, ViewingAct.REQUESTED, ViewingSide.VISITOR, principal)


def _lock_free(session: Session, slot_id: UUID, listing_id: UUID) -> ViewingSlot:
    slot = interest.lock_slot(session, slot_id)
    if slot is None or slot.listing_id != listing_id or slot.is_closed:
        raise SlotNotFound
    check_booking(slot.starts_at, now=clock.now(session))
    if interest.find_open_of_slot(session, slot.id) is not None:
        raise SlotTaken
    return slot


def confirm(session: Session, *, principal: Principal, viewing_id: UUID) -> ViewingView:
    """By the side that did not propose the time. Raises ``ViewingNotFound``, ``ViewingStateRefused``, ``NotYoursToConfirm``."""
    row, side, _ = _lock(session, principal, viewing_id)
    if row.state is not ViewingState.REQUESTED:
        raise ViewingStateRefused(state=row.state)
    if side is row.proposed_by:
        raise NotYoursToConfirm
    slot = _slot(session, row)
    check_booking(slot.starts_at, now=clock.now(session))
    row.state, row.confirmed_at = ViewingState.CONFIRMED, clock.now(session)
    return _tell(session, row, slot, ViewingAct.CONFIRMED, side, principal)


def reschedule(session: Session, *, principal: Principal, viewing_id: UUID, slot_id: UUID) -> ViewingView:
    """Another slot of the same car; the other side confirms it anew.

    Raises ``ViewingNotFound``, ``ViewingStateRefused``, ``RescheduledTooOften``, ``SlotNotFound``, ``SlotTaken``.
    """
    row, side, _ = _lock(session, principal, viewing_id)
    if row.state not in OPEN_VIEWINGS:
        raise ViewingStateRefused(state=row.state)
    limit = viewing_rules(clock.shanghai_day(clock.now(session))).reschedules_max
    if row.reschedules >= limit:
        raise RescheduledTooOften(limit=limit)
    slot = _lock_free(session, slot_id, row.listing_id)
    row.slot_id, row.proposed_by, row.state, row.confirmed_at = slot.id, side, ViewingState.REQUESTED, None
    row.reschedules += 1
    return _tell(session, row, slot, ViewingAct.RESCHEDULED, side, principal)


def cancel(session: Session, *, principal: Principal, viewing_id: UUID) -> ViewingView:
    """By either side; the slot is free again. Raises ``ViewingNotFound``, ``ViewingStateRefused``."""
    row, side, _ = _lock(session, principal, viewing_id)
    if row.state not in OPEN_VIEWINGS:
        raise ViewingStateRefused(state=row.state)
    row.state, row.ended_at, row.end_reason = ViewingState.CANCELLED, clock.now(session), side.value
    return _tell(session, row, _slot(session, row), ViewingAct.CANCELLED, side, principal)


def record_outcome(session: Session, *, principal: Principal, viewing_id: UUID, kept: bool) -> ViewingView:
    """Once its time has come: it took place, or the other side did not come.

    Raises ``ViewingNotFound``, ``ViewingStateRefused`` unless it was confirmed, ``ViewingNotYetOver``.
    """
    row, side, _ = _lock(session, principal, viewing_id)
    if row.state is not ViewingState.CONFIRMED:
        raise ViewingStateRefused(state=row.state)
    slot, now = _slot(session, row), clock.now(session)
    if now < (slot.starts_at if kept else slot.ends_at):
        raise ViewingNotYetOver
    row.state, row.ended_at = (ViewingState.KEPT if kept else ViewingState.NO_SHOW), now
    row.no_show_side = None if kept else side.other
    return _tell(session, row, slot, ViewingAct.KEPT if kept else ViewingAct.NO_SHOW, side, principal)


def end_of_listing(session: Session, *, listing_id: UUID, reason: str) -> None:
    """The car is gone: open viewings are cancelled, both sides are told."""
    for row in interest.list_open_viewings_of_listing(session, listing_id):
        row.state, row.ended_at, row.end_reason = ViewingState.CANCELLED, clock.now(session), reason
        _tell(session, row, _slot(session, row), ViewingAct.CANCELLED, None, None)


# --- parts -------------------------------------------------------------------------------------------------------------------


def _lock(session: Session, principal: Principal, viewing_id: UUID) -> tuple[Viewing, ViewingSide, Lead]:
    """The lead first, then the viewing: as the end of a listing locks them."""
    seen = interest.find_viewing(session, viewing_id)
    if seen is None:
        raise ViewingNotFound
    side = _side(seen, principal)
    lead = interest.lock_lead(session, seen.lead_id)
    row = interest.lock_viewing(session, viewing_id)
    assert row is not None
    assert lead is not None
    return row, side, lead


def _side(row: Viewing, principal: Principal) -> ViewingSide:
    if principal.party_id == row.visitor_id:
        return ViewingSide.VISITOR
    try:
        return host_side(principal, row.seller_id, row.agent_id)
    except LeadNotFound as error:
        raise ViewingNotFound from error


def _slot(session: Session, row: Viewing) -> ViewingSlot:
    slot = interest.find_slot(session, row.slot_id)
    assert slot is not None
    return slot


def _tell(
    session: Session, row: Viewing, slot: ViewingSlot, act: ViewingAct, by: ViewingSide | None, principal: Principal | None
) -> ViewingView:
    """Keep the change, tell visitor, seller and agent, and leave a trace."""
    row.version += 1
    session.add(row)
    session.flush()
    at = clock.now(session)
    told = sorted({one for one in (row.visitor_id, row.seller_id, row.agent_id) if one is not None})
    session.add_all(
        ViewingNotice(party_id=party_id, viewing_id=row.id, act=act, by=by, starts_at=slot.starts_at, at=at) for party_id in told
    )
    session.flush()
    event = ViewingMoved(
        viewing_id=row.id,
        listing_id=row.listing_id,
        vehicle_id=slot.vehicle_id,
        act=act,
        by=by,
        state=row.state,
        starts_at=slot.starts_at,
        told=told,
    )
    outbox.append(session, event, key=viewing_key(row.id))
    facts = {"state": row.state.value, "listing_id": str(row.listing_id), "starts_at": slot.starts_at.isoformat()}
    audit.record(session, principal=principal, act=f"viewing.{act.value}", object_kind="viewing", object_id=row.id, facts=facts)
    side = by or ViewingSide.HOST
    return _views(session, [(row, slot, side)])[0]


def _views(session: Session, found: Sequence[tuple[Viewing, ViewingSlot, ViewingSide]]) -> list[ViewingView]:
    names = accounts.display_names(session, party_ids={row.visitor_id for row, _, _ in found})
    titles = queries.list_titles(session, listing_ids=[row.listing_id for row, _, _ in found])
    return [ViewingView(row, slot, side, titles.get(row.listing_id, ""), names.get(row.visitor_id, "")) for row, slot, side in found]


def get_viewing(session: Session, *, principal: Principal, viewing_id: UUID) -> ViewingView:
    """For its sides. Raises ``ViewingNotFound``."""
    row = interest.find_viewing(session, viewing_id)
    if row is None:
        raise ViewingNotFound
    return _views(session, [(row, _slot(session, row), _side(row, principal))])[0]


def find_booked(session: Session, *, visitor_id: UUID, listing_id: UUID) -> ViewingView | None:
    """A visitor's open viewing of a listing."""
    row = interest.find_open_of_visitor(session, listing_id=listing_id, visitor_id=visitor_id)
    return _views(session, [(row, _slot(session, row), ViewingSide.VISITOR)])[0] if row else None


def list_viewings(session: Session, *, principal: Principal, state: ViewingState | None, paging: PageQuery) -> list[ViewingView]:
    """The caller's as visitor or host, newest first; up to ``limit + 1``."""
    rows = interest.list_viewings(session, party_id=principal.party_id, state=state, paging=paging)
    slots = interest.list_slots_by_id(session, [row.slot_id for row in rows])
    mine = ViewingSide.VISITOR
    return _views(session, [(row, slots[row.slot_id], mine if row.visitor_id == principal.party_id else ViewingSide.HOST) for row in rows])


def list_notices(session: Session, *, principal: Principal, paging: PageQuery) -> list[ViewingNotice]:
    """What the caller was told of viewings, newest first; up to ``limit + 1``."""
    return interest.list_notices(session, party_id=principal.party_id, paging=paging)
