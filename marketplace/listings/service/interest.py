"""How a listing fares: views, leads, viewings, reply times, price changes. For its seller and his agent alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import queries
from marketplace.listings.domain import ListingNotFound, PricePoint
from marketplace.listings.domain.leads import OPEN_LEADS, LeadNotFound, LeadStage, median
from marketplace.listings.domain.viewings import OPEN_VIEWINGS, ViewingState
from marketplace.listings.queries import interest
from marketplace.listings.service.leads import host_side
from marketplace.listings.service.reading import days_in_stock

RECENT_DAYS = 7
HISTORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class InterestView:
    """Numbers of one listing. ``reply_s``: middle of the first answers' waits."""

    views_recent: int
    views_total: int
    leads: int
    leads_open: int
    leads_waiting: int
    viewings_open: int
    viewings_kept: int
    no_shows: int
    reply_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsView:
    """Everything a seller sees of one listing's run."""

    numbers: InterestView
    views_by_day: list[tuple[date, int]]
    leads_by_stage: dict[LeadStage, int]
    prices: list[PricePoint]
    days_in_stock: int


def interest_of(session: Session, *, listing_ids: Sequence[UUID]) -> dict[UUID, InterestView]:
    """Of many listings in a handful of statements."""
    if not listing_ids:
        return {}
    today = clock.shanghai_day(clock.now(session))
    total = interest.sum_views(session, listing_ids=listing_ids)
    recent = interest.sum_views(session, listing_ids=listing_ids, since=today - timedelta(days=RECENT_DAYS - 1))
    viewings = interest.count_viewings(session, listing_ids=listing_ids)
    leads: dict[UUID, list[tuple[LeadStage, bool, int | None]]] = {listing_id: [] for listing_id in listing_ids}
    for one in interest.list_leads_of_listings(session, listing_ids):
        leads[one.listing_id].append((one.stage, one.waiting_since_at is not None, one.first_reply_s))
    return {
        listing_id: InterestView(
            views_recent=recent.get(listing_id, 0),
            views_total=total.get(listing_id, 0),
            leads=len(leads[listing_id]),
            leads_open=sum(stage in OPEN_LEADS for stage, _, _ in leads[listing_id]),
            leads_waiting=sum(waits for _, waits, _ in leads[listing_id]),
            viewings_open=sum(viewings.get((listing_id, state), 0) for state in OPEN_VIEWINGS),
            viewings_kept=viewings.get((listing_id, ViewingState.KEPT), 0),
            no_shows=viewings.get((listing_id, ViewingState.NO_SHOW), 0),
            reply_s=median([reply for _, _, reply in leads[listing_id] if reply is not None]),
        )
        for listing_id in listing_ids
    }


def show_statistics(session: Session, *, principal: Principal, listing_id: UUID) -> StatisticsView:
    """Raises ``ListingNotFound`` for anybody but its seller and agent."""
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None:
        raise ListingNotFound
    try:
        host_side(principal, listing.seller_id, listing.agent_id)
    except LeadNotFound as error:
        raise ListingNotFound from error
    today = clock.shanghai_day(clock.now(session))
    stages = [one.stage for one in interest.list_leads_of_listings(session, [listing_id])]
    return StatisticsView(
        numbers=interest_of(session, listing_ids=[listing_id])[listing_id],
        views_by_day=[
            (one.seen_on, one.visitors)
            for one in interest.list_views(session, listing_id=listing_id, since=today - timedelta(days=HISTORY_DAYS))
        ],
        leads_by_stage={stage: stages.count(stage) for stage in LeadStage if stage in stages},
        prices=queries.list_prices(session, listing_id=listing_id),
        days_in_stock=days_in_stock(session, vehicle_id=listing.vehicle_id, seller_id=listing.seller_id),
    )
