"""What stands in the window, and may it be ordered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.listings import queries
from marketplace.listings.domain import (
    OPEN_STATES,
    Availability,
    Channel,
    ListingNotFound,
    ListingNotLive,
    ListingState,
    ListingView,
    OwnCar,
    PricePoint,
    Warranty,
    find_comparison_price,
    find_warranty,
)
from marketplace.listings.domain.notices import Notice, Offer, list_notices
from marketplace.listings.models import Listing
from marketplace.listings.queries import StoreFilter
from marketplace.listings.service.claims import view_of
from marketplace.listings.service.records import claim_kind, view
from marketplace.listings.service.tables import listing_rules, notice_lines, warranty_parts, warranty_rules
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import UseType
from valuation.appraisal import api as appraisals


def get_listing(session: Session, *, listing_id: UUID) -> ListingView:
    """Raises ``ListingNotFound``."""
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None:
        raise ListingNotFound
    return view(listing, claim_kind(session, vehicle_id=listing.vehicle_id))


def list_open(session: Session, *, vehicle_id: UUID) -> list[ListingView]:
    """The car's open listings, oldest first."""
    claim = claim_kind(session, vehicle_id=vehicle_id)
    return [view(listing, claim) for listing in queries.list_open_of_vehicle(session, vehicle_id=vehicle_id)]


def list_open_ids(session: Session, *, after: UUID | None = None, limit: int = 500) -> list[UUID]:
    """Ids of open listings behind ``after``, in order: for an index rebuilt from nothing."""
    return queries.list_open_ids(session, after=after, limit=limit)


def list_open_of_seller(session: Session, *, vehicle_ids: Sequence[UUID], seller_id: UUID, channel: Channel) -> dict[UUID, ListingView]:
    """A seller's open listings in one channel, by vehicle; cars without one are left out."""
    rows = queries.list_open_of_seller(session, vehicle_ids=vehicle_ids, seller_id=seller_id)
    claims = queries.list_claims(session, vehicle_ids=[row.vehicle_id for row in rows])
    found = {}
    for row in rows:
        if row.channel is channel:
            claim = view_of(claims.get(row.vehicle_id))
            found[row.vehicle_id] = view(row, claim.kind if claim else None)
    return found


def require_orderable(session: Session, *, listing_id: UUID, buyer_id: UUID, buyer_city: str | None = None) -> ListingView:
    """The listing, its row locked, when this buyer may order from it now. The claim is for the caller to take.

    Lock order is claim, then listing: take the claim first. Raises ``ListingNotFound``, ``ListingNotLive``, ``OwnCar``, ``NotEligible``.
    """
    listing = queries.lock_listing(session, listing_id=listing_id)
    if listing is None:
        raise ListingNotFound
    if listing.state is not ListingState.LIVE:
        raise ListingNotLive(state=listing.state)
    if buyer_id in accounts.linked_parties(session, party_id=listing.seller_id):
        raise OwnCar
    vehicles.require_eligible(session, vehicle_id=listing.vehicle_id, mode=listing.mode, seller_id=listing.seller_id, buyer_city=buyer_city)
    return view(listing, claim_kind(session, vehicle_id=listing.vehicle_id))


def days_in_stock(session: Session, *, vehicle_id: UUID, seller_id: UUID) -> int:
    """Legal days from the day a stock car was acquired, else from its first listing by this seller, to today. 0 when unknown."""
    today = clock.shanghai_day(clock.now(session))
    since = _stock_since(session, vehicle_id=vehicle_id, seller_id=seller_id)
    return max((today - since).days, 0) if since else 0


def _stock_since(session: Session, *, vehicle_id: UUID, seller_id: UUID) -> date | None:
    try:
        holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=seller_id)
    except vehicles.VehicleNotFound:
        holding = None
    if holding is not None and holding.capacity is not vehicles.Capacity.OWNER:
        return holding.acquired_on or clock.shanghai_day(holding.since)
    first = queries.find_first_published_at(session, vehicle_id=vehicle_id, seller_id=seller_id)
    return clock.shanghai_day(first) if first else None


# --- the public window ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """One listing as everybody may see it. ``comparison_minor``: a former price it may truly be compared with."""

    listing: ListingView
    car: vehicles.VehicleView
    seller: accounts.PartyView
    agent: accounts.PartyView | None
    prices: list[PricePoint]
    comparison_minor: int | None
    warranty: Warranty | None
    appraisal: appraisals.AppraisalView | None
    findings: tuple[vehicles.Finding, ...]
    notices: list[Notice]
    days_listed: int


def get_window(session: Session, *, listing_id: UUID, viewer: Principal | None) -> WindowView:
    """Raises ``ListingNotFound``: also for a paused or withdrawn one, unless it is the viewer's own."""
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None or not _is_visible(listing, viewer):
        raise ListingNotFound
    today = clock.shanghai_day(clock.now(session))
    car = vehicles.get_vehicle(session, vehicle_id=listing.vehicle_id)
    prices = queries.list_prices(session, listing_id=listing.id)
    comparison = find_comparison_price(prices, days=listing_rules(today).comparison_days)
    warranty = _owed_warranty(car, listing.channel, today)
    seller = accounts.get_party(session, party_id=listing.seller_id)
    agent = accounts.get_party(session, party_id=listing.agent_id) if listing.agent_id else None
    last_day = clock.shanghai_day(listing.ended_at) if listing.ended_at else today
    return WindowView(
        listing=view(listing, claim_kind(session, vehicle_id=listing.vehicle_id)),
        car=car,
        seller=seller,
        agent=agent,
        prices=prices,
        comparison_minor=comparison,
        warranty=warranty,
        appraisal=appraisals.find_latest_appraisal(session, vehicle_id=listing.vehicle_id, valid_on=today),
        findings=_findings(session, listing),
        notices=_notices(
            listing.channel, seller, agent, has_comparison=comparison is not None, warranty_owed=warranty is not None, on=today
        ),
        days_listed=(last_day - clock.shanghai_day(listing.published_at)).days,
    )


def _notices(
    channel: Channel,
    seller: accounts.PartyView,
    agent: accounts.PartyView | None,
    *,
    has_comparison: bool,
    warranty_owed: bool,
    on: date,
) -> list[Notice]:
    """The lines the law wants beside this offer."""
    offer = Offer(
        channel=channel,
        seller_is_business=seller.organization_kind is not None or agent is not None,
        is_market_own=accounts.OrganizationKind.MARKET_OPERATOR in {seller.organization_kind, agent.organization_kind if agent else None},
        has_comparison=has_comparison,
        warranty_owed=warranty_owed,
    )
    return list_notices(offer, notice_lines(on))


def _owed_warranty(car: vehicles.VehicleView, channel: Channel, today: date) -> Warranty | None:
    return find_warranty(
        channel=channel,
        is_commercial=car.use_type is not UseType.NON_COMMERCIAL,
        first_registration_on=car.first_registration_on,
        odometer_km=car.odometer_km,
        today=today,
        rules=warranty_rules(today),
    )


def warranty_clause(session: Session, *, vehicle_id: UUID, channel: Channel) -> dict[str, int | list[str]] | None:
    """What a contract says of the dealer's warranty (二手车交易规范 第十六条): months, km, and the systems; None when none is owed."""
    today = clock.shanghai_day(clock.now(session))
    owed = _owed_warranty(vehicles.get_vehicle(session, vehicle_id=vehicle_id), channel, today)
    return {"months": owed.months, "km": owed.km, "parts": warranty_parts(today)} if owed is not None else None


def _is_visible(listing: Listing, viewer: Principal | None) -> bool:
    if listing.state in {ListingState.LIVE, ListingState.SOLD}:
        return True
    return viewer is not None and (viewer.party_id in {listing.seller_id, listing.agent_id} or viewer.can("listings.moderate"))


def _findings(session: Session, listing: Listing) -> tuple[vehicles.Finding, ...]:
    """What a buyer is to be told; an ended listing tells nothing any more."""
    if listing.state not in OPEN_STATES:
        return ()
    return vehicles.evaluate(session, vehicle_id=listing.vehicle_id, mode=listing.mode, seller_id=listing.seller_id).findings


@dataclass(frozen=True, slots=True)
class CardView:
    """One car on a page of the store."""

    listing: ListingView
    car: vehicles.VehicleView
    seller_name: str

    @property
    def is_orderable(self) -> bool:
        return self.listing.availability is Availability.AVAILABLE


def list_store(session: Session, *, paging: PageQuery, wanted: StoreFilter) -> list[CardView]:
    """Live listings, newest first; up to ``limit + 1``."""
    return _cards(session, queries.list_store(session, paging=paging, wanted=wanted))


def list_own(session: Session, *, principal: Principal, state: ListingState | None, paging: PageQuery) -> list[CardView]:
    """The caller's own listings, newest first; up to ``limit + 1``."""
    return _cards(session, queries.list_of_seller(session, seller_id=principal.party_id, state=state, paging=paging))


def _cards(session: Session, rows: Sequence[Listing]) -> list[CardView]:
    cars = vehicles.get_vehicles(session, vehicle_ids=[row.vehicle_id for row in rows])
    claims = queries.list_claims(session, vehicle_ids=[row.vehicle_id for row in rows])
    names = accounts.display_names(session, party_ids=[row.seller_id for row in rows])
    cards = []
    for row in rows:
        claim = view_of(claims.get(row.vehicle_id))
        cards.append(CardView(view(row, claim.kind if claim else None), cars[row.vehicle_id], names[row.seller_id]))
    return cards
