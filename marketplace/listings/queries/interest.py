"""Every SELECT of leads, viewings and views."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.listings.domain.leads import OPEN_LEADS, LeadStage
from marketplace.listings.domain.viewings import OPEN_VIEWINGS, ViewingSide, ViewingState
from marketplace.listings.models import Lead, LeadMessage, ListingViews, Viewing, ViewingNotice, ViewingSlot, VisitorSalt

# --- leads -------------------------------------------------------------------------------------------------------------------


def find_lead(session: Session, lead_id: UUID) -> Lead | None:
    return session.get(Lead, lead_id)


def lock_lead(session: Session, lead_id: UUID) -> Lead | None:
    return session.exec(select(Lead).where(Lead.id == lead_id).with_for_update().execution_options(populate_existing=True)).first()


def lock_lead_of(session: Session, *, listing_id: UUID, visitor_id: UUID) -> Lead | None:
    return session.exec(
        select(Lead)
        .where(Lead.listing_id == listing_id, Lead.visitor_id == visitor_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def list_open_leads_of_listing(session: Session, listing_id: UUID) -> list[Lead]:
    """Locked in the order of ids."""
    return list(
        session.exec(
            select(Lead)
            .where(Lead.listing_id == listing_id, col(Lead.stage).in_(OPEN_LEADS))
            .order_by(col(Lead.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_leads(
    session: Session,
    *,
    host_id: UUID,
    listing_id: UUID | None,
    stage: LeadStage | None,
    assigned_to: UUID | None,
    waiting: bool,
    paging: PageQuery,
) -> list[Lead]:
    """Those a seller or agent looks after, newest first; up to ``limit + 1``."""
    conditions: list[Any] = [sa.or_(col(Lead.seller_id) == host_id, col(Lead.agent_id) == host_id)]
    if listing_id is not None:
        conditions.append(Lead.listing_id == listing_id)
    if stage is not None:
        conditions.append(Lead.stage == stage)
    if assigned_to is not None:
        conditions.append(Lead.assigned_to == assigned_to)
    if waiting:
        conditions.append(col(Lead.waiting_since_at).is_not(None))
    return _page_of_leads(session, conditions, paging)


def list_own_leads(session: Session, *, visitor_id: UUID, paging: PageQuery) -> list[Lead]:
    return _page_of_leads(session, [Lead.visitor_id == visitor_id], paging)


def _page_of_leads(session: Session, conditions: list[Any], paging: PageQuery) -> list[Lead]:
    return list(
        session.exec(
            select(Lead)
            .where(*conditions, paging.where_after(col(Lead.id), descending=True))
            .order_by(col(Lead.id).desc())
            .limit(paging.limit + 1)
        )
    )


def list_messages(session: Session, lead_id: UUID, *, limit: int) -> list[LeadMessage]:
    """The newest ones, oldest first."""
    rows = session.exec(select(LeadMessage).where(LeadMessage.lead_id == lead_id).order_by(col(LeadMessage.id).desc()).limit(limit))
    return list(reversed(list(rows)))


def list_leads_of_visitor(session: Session, visitor_id: UUID) -> list[Lead]:
    return list(session.exec(select(Lead).where(Lead.visitor_id == visitor_id).order_by(col(Lead.id))))


def list_messages_of_leads(session: Session, lead_ids: Sequence[UUID]) -> list[LeadMessage]:
    return list(session.exec(select(LeadMessage).where(col(LeadMessage.lead_id).in_(lead_ids)).order_by(col(LeadMessage.id))))


# --- viewings ----------------------------------------------------------------------------------------------------------------


def find_slot(session: Session, slot_id: UUID) -> ViewingSlot | None:
    return session.get(ViewingSlot, slot_id)


def lock_slot(session: Session, slot_id: UUID) -> ViewingSlot | None:
    """Who books a slot waits here for whoever does so now."""
    return session.exec(
        select(ViewingSlot).where(ViewingSlot.id == slot_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_slot_at(session: Session, *, vehicle_id: UUID, starts_at: datetime) -> ViewingSlot | None:
    return session.exec(select(ViewingSlot).where(ViewingSlot.vehicle_id == vehicle_id, ViewingSlot.starts_at == starts_at)).first()


def list_slots(session: Session, *, listing_id: UUID, after: datetime, limit: int) -> list[ViewingSlot]:
    """Open slots that begin after an instant, soonest first."""
    return list(
        session.exec(
            select(ViewingSlot)
            .where(ViewingSlot.listing_id == listing_id, col(ViewingSlot.starts_at) > after, col(ViewingSlot.is_closed).is_(False))
            .order_by(col(ViewingSlot.starts_at))
            .limit(limit)
        )
    )


def list_booked(session: Session, slot_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these slots have an open viewing."""
    return set(session.exec(select(Viewing.slot_id).where(col(Viewing.slot_id).in_(slot_ids), col(Viewing.state).in_(OPEN_VIEWINGS))))


def find_open_of_slot(session: Session, slot_id: UUID) -> Viewing | None:
    return session.exec(select(Viewing).where(Viewing.slot_id == slot_id, col(Viewing.state).in_(OPEN_VIEWINGS))).first()


def find_open_of_visitor(session: Session, *, listing_id: UUID, visitor_id: UUID) -> Viewing | None:
    return session.exec(
        select(Viewing).where(Viewing.listing_id == listing_id, Viewing.visitor_id == visitor_id, col(Viewing.state).in_(OPEN_VIEWINGS))
    ).first()


def lock_viewing(session: Session, viewing_id: UUID) -> Viewing | None:
    return session.exec(select(Viewing).where(Viewing.id == viewing_id).with_for_update().execution_options(populate_existing=True)).first()


def find_viewing(session: Session, viewing_id: UUID) -> Viewing | None:
    return session.get(Viewing, viewing_id)


def list_open_viewings_of_listing(session: Session, listing_id: UUID) -> list[Viewing]:
    """Locked in the order of ids."""
    return list(
        session.exec(
            select(Viewing)
            .where(Viewing.listing_id == listing_id, col(Viewing.state).in_(OPEN_VIEWINGS))
            .order_by(col(Viewing.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_viewings(session: Session, *, party_id: UUID, state: ViewingState | None, paging: PageQuery) -> list[Viewing]:
    """A party's as visitor or as host, newest first; up to ``limit + 1``."""
    conditions: list[Any] = [
        sa.or_(col(Viewing.visitor_id) == party_id, col(Viewing.seller_id) == party_id, col(Viewing.agent_id) == party_id)
    ]
    if state is not None:
        conditions.append(Viewing.state == state)
    return list(
        session.exec(
            select(Viewing)
            .where(*conditions, paging.where_after(col(Viewing.id), descending=True))
            .order_by(col(Viewing.id).desc())
            .limit(paging.limit + 1)
        )
    )


def list_slots_by_id(session: Session, slot_ids: Sequence[UUID]) -> dict[UUID, ViewingSlot]:
    return {row.id: row for row in session.exec(select(ViewingSlot).where(col(ViewingSlot.id).in_(slot_ids)))}


def list_no_shows(session: Session, visitor_id: UUID) -> list[datetime]:
    """When a visitor did not come."""
    found = session.exec(select(Viewing.ended_at).where(Viewing.visitor_id == visitor_id, col(Viewing.no_show_side) == ViewingSide.VISITOR))
    return [at for at in found if at is not None]


def list_notices(session: Session, *, party_id: UUID, paging: PageQuery) -> list[ViewingNotice]:
    """What a party was told, newest first; up to ``limit + 1``."""
    return list(
        session.exec(
            select(ViewingNotice)
            .where(ViewingNotice.party_id == party_id, paging.where_after(col(ViewingNotice.id), descending=True))
            .order_by(col(ViewingNotice.id).desc())
            .limit(paging.limit + 1)
        )
    )


# --- views and numbers -------------------------------------------------------------------------------------------------------


def find_salt(session: Session, on: date) -> VisitorSalt | None:
    return session.get(VisitorSalt, on)


def list_views(session: Session, *, listing_id: UUID, since: date) -> list[ListingViews]:
    """By day, oldest first."""
    return list(
        session.exec(
            select(ListingViews)
            .where(ListingViews.listing_id == listing_id, col(ListingViews.seen_on) >= since)
            .order_by(col(ListingViews.seen_on))
        )
    )


def sum_views(session: Session, *, listing_ids: Sequence[UUID], since: date | None = None) -> dict[UUID, int]:
    """Visitors by listing; since a day when one is given."""
    conditions: list[Any] = [col(ListingViews.listing_id).in_(listing_ids)]
    if since is not None:
        conditions.append(col(ListingViews.seen_on) >= since)
    rows = session.exec(
        select(ListingViews.listing_id, sa.func.sum(ListingViews.visitors)).where(*conditions).group_by(col(ListingViews.listing_id))
    )
    return {listing_id: int(total) for listing_id, total in rows}


def list_leads_of_listings(session: Session, listing_ids: Sequence[UUID]) -> list[Lead]:
    return list(session.exec(select(Lead).where(col(Lead.listing_id).in_(listing_ids))))


def count_viewings(session: Session, *, listing_ids: Sequence[UUID]) -> dict[tuple[UUID, ViewingState], int]:
    """By listing and state."""
    rows = session.exec(
        select(Viewing.listing_id, Viewing.state, sa.func.count())
        .where(col(Viewing.listing_id).in_(listing_ids))
        .group_by(col(Viewing.listing_id), col(Viewing.state))
    )
    return {(listing_id, ViewingState(state)): int(count) for listing_id, state, count in rows}
