"""Put a car into a window, change its price and text, pause and resume it."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import queries
from marketplace.listings.domain import (
    OPEN_STATES,
    AlreadyListed,
    Channel,
    ClaimKind,
    ListingNotFound,
    ListingNotOpen,
    ListingOfContract,
    ListingState,
    ListingView,
    SellerKindNotAllowed,
    VehicleClaimed,
    WrongHolding,
    check_ask,
)
from marketplace.listings.events import ListingChanged, ListingPublished, listing_key
from marketplace.listings.models import Listing, ListingPrice
from marketplace.listings.service.claims import lock_claims
from marketplace.listings.service.records import claim_kind, event_fields, view
from marketplace.listings.service.tables import listing_rules
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import Capacity, TradeMode


@dataclass(frozen=True, slots=True)
class _ChannelRules:
    """Who sells in a channel: kind of organization and its licence, in what capacity he holds the car, and the mode of trade."""

    capacity: Capacity | None
    mode: TradeMode
    organization_kind: accounts.OrganizationKind | None = None
    licence: accounts.LicenceKind | None = None


_CHANNELS = {
    Channel.B2C_STORE: _ChannelRules(
        Capacity.DEALER_STOCK, TradeMode.B2C_STORE, accounts.OrganizationKind.DEALER, accounts.LicenceKind.DEALER_FILING
    ),
    Channel.C2C_CONSIGNMENT: _ChannelRules(Capacity.OWNER, TradeMode.C2C_CONSIGNMENT),
    Channel.C2C_VIRTUAL: _ChannelRules(Capacity.OWNER, TradeMode.C2C_VIRTUAL),
    Channel.AUCTION: _ChannelRules(None, TradeMode.C2B_AUCTION),
    Channel.PARALLEL_IMPORT: _ChannelRules(
        Capacity.PILOT,
        TradeMode.PARALLEL_IMPORT,
        accounts.OrganizationKind.IMPORT_PILOT,
        accounts.LicenceKind.IMPORT_PILOT_APPROVAL,
    ),
}


def publish(
    session: Session,
    *,
    principal: Principal | None,
    vehicle_id: UUID,
    seller_id: UUID,
    channel: Channel,
    ask_minor: int,
    description: str = "",
    source_kind: str | None = None,
    source_id: UUID | None = None,
    floor_minor: int | None = None,
    seller_fee_bps: int = 0,
    agent_id: UUID | None = None,
    mode: TradeMode | None = None,
) -> ListingView:
    """Open a listing. ``floor_minor`` and ``seller_fee_bps`` are a consignment's; ``mode`` only narrows the channel auction.

    Raises ``NotEligible``, ``VehicleClaimed`` (an order or acquisition holds the car), ``AlreadyListed``, ``PriceOutOfBounds``,
    ``BelowFloor``, ``LicenceMissing``, ``LicenceLapsed``, ``PartySuspended``, ``SellerKindNotAllowed``, ``WrongHolding``,
    ``VehicleNotFound`` (not the seller's).
    """
    rules = _CHANNELS[channel]
    vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=seller_id)  # before any row of the claim is made
    held = lock_claims(session, vehicle_ids=[vehicle_id])[vehicle_id]
    at = clock.now(session)
    today = clock.shanghai_day(at)
    _require_seller(session, seller_id=seller_id, channel=channel, rules=rules, today=today)
    _require_capacity(session, vehicle_id=vehicle_id, seller_id=seller_id, rules=rules)
    vehicles.require_eligible(session, vehicle_id=vehicle_id, mode=mode or rules.mode, seller_id=seller_id)
    if held is not None and held.kind is not ClaimKind.LOT:
        raise VehicleClaimed(held_by=held.kind)
    check_ask(ask_minor, floor_minor=floor_minor, rules=listing_rules(today))
    _refuse_twice(session, vehicle_id=vehicle_id, seller_id=seller_id, channel=channel)
    car = vehicles.get_vehicle(session, vehicle_id=vehicle_id)
    listing = Listing(
        vehicle_id=vehicle_id,
        channel=channel,
        mode=mode or rules.mode,
        seller_id=seller_id,
        agent_id=agent_id,
        ask_minor=ask_minor,
        floor_minor=floor_minor,
        seller_fee_bps=seller_fee_bps,
        title=car.title,
        description=description,
        brand=car.brand,
        city=car.city,
        source_kind=source_kind,
        source_id=source_id,
        facts_version=car.facts_version,
        published_at=at,
    )
    return _open(session, listing, principal=principal, claim=held.kind if held else None)


def _open(session: Session, listing: Listing, *, principal: Principal | None, claim: ClaimKind | None) -> ListingView:
    session.add(listing)
    session.flush()
    _mark_price(session, listing, at=listing.published_at, principal=principal)
    outbox.append(session, ListingPublished(**event_fields(listing, claim)), key=listing_key(listing.id))
    audit.record(
        session,
        principal=principal,
        act="listing.publish",
        object_kind="listing",
        object_id=listing.id,
        facts={"vehicle_id": str(listing.vehicle_id), "channel": listing.channel.value, "ask_minor": listing.ask_minor},
    )
    return view(listing, claim)


def _require_seller(session: Session, *, seller_id: UUID, channel: Channel, rules: _ChannelRules, today: date) -> None:
    party = accounts.require_active(session, party_id=seller_id)
    if rules.organization_kind is not None and party.organization_kind is not rules.organization_kind:
        raise SellerKindNotAllowed(channel=channel)
    if rules.licence is not None:
        accounts.require_licence(session, party_id=seller_id, kind=rules.licence, on=today)


def _require_capacity(session: Session, *, vehicle_id: UUID, seller_id: UUID, rules: _ChannelRules) -> None:
    holding = vehicles.require_holding(session, vehicle_id=vehicle_id, party_id=seller_id)
    if rules.capacity is not None and holding.capacity is not rules.capacity:
        raise WrongHolding(needed=rules.capacity)


def _refuse_twice(session: Session, *, vehicle_id: UUID, seller_id: UUID, channel: Channel) -> None:
    for listing in queries.list_open_of_vehicle(session, vehicle_id=vehicle_id):
        if listing.channel is channel and listing.seller_id == seller_id:
            raise AlreadyListed(listing_id=str(listing.id))


def _mark_price(session: Session, listing: Listing, *, at: datetime, principal: Principal | None) -> None:
    seq = queries.count_prices(session, listing_id=listing.id) + 1
    session.add(
        ListingPrice(
            listing_id=listing.id, seq=seq, ask_minor=listing.ask_minor, at=at, changed_by=principal.party_id if principal else None
        )
    )
    session.flush()


def change_price(
    session: Session,
    *,
    principal: Principal | None,
    listing_id: UUID,
    ask_minor: int,
    floor_minor: int | None = None,
) -> ListingView:
    """Mark an open listing with another price; with ``floor_minor`` the floor moves too (the consignor consented).

    Raises ``ListingNotOpen``, ``PriceOutOfBounds``, ``BelowFloor``.
    """
    listing = _lock_open(session, listing_id=listing_id)
    at = clock.now(session)
    floor = listing.floor_minor if floor_minor is None else floor_minor
    check_ask(ask_minor, floor_minor=floor, rules=listing_rules(clock.shanghai_day(at)))
    before = listing.ask_minor
    if (ask_minor, floor) == (before, listing.floor_minor):
        return view(listing, claim_kind(session, vehicle_id=listing.vehicle_id))
    listing.ask_minor, listing.floor_minor = ask_minor, floor
    shown = _changed(session, listing)
    if ask_minor != before:
        _mark_price(session, listing, at=at, principal=principal)
    audit.record(
        session,
        principal=principal,
        act="listing.change_price",
        object_kind="listing",
        object_id=listing.id,
        facts={"from_minor": before, "to_minor": ask_minor},
    )
    return shown


def describe(session: Session, *, principal: Principal, listing_id: UUID, description: str) -> ListingView:
    """Change the text of an open listing."""
    listing = _lock_open(session, listing_id=listing_id)
    listing.description = description
    audit.record(session, principal=principal, act="listing.describe", object_kind="listing", object_id=listing.id)
    return _changed(session, listing)


def set_paused(session: Session, *, principal: Principal | None, listing_id: UUID, paused: bool) -> ListingView:
    """Take an open listing out of the window or put it back; back only while the car is still eligible."""
    listing = _lock_open(session, listing_id=listing_id)
    wanted = ListingState.PAUSED if paused else ListingState.LIVE
    if listing.state is wanted:
        return view(listing, claim_kind(session, vehicle_id=listing.vehicle_id))
    if not paused:
        vehicles.require_eligible(session, vehicle_id=listing.vehicle_id, mode=listing.mode, seller_id=listing.seller_id)
    listing.state = wanted
    audit.record(
        session,
        principal=principal,
        act="listing.pause" if paused else "listing.resume",
        object_kind="listing",
        object_id=listing.id,
    )
    return _changed(session, listing)


def _changed(session: Session, listing: Listing) -> ListingView:
    """Count the change and announce it."""
    listing.version += 1
    session.add(listing)
    session.flush()
    claim = claim_kind(session, vehicle_id=listing.vehicle_id)
    outbox.append(session, ListingChanged(**event_fields(listing, claim)), key=listing_key(listing.id))
    return view(listing, claim)


def _lock_open(session: Session, *, listing_id: UUID) -> Listing:
    listing = queries.lock_listing(session, listing_id=listing_id)
    if listing is None:
        raise ListingNotFound
    if listing.state not in OPEN_STATES:
        raise ListingNotOpen(state=listing.state)
    return listing


def require_own(session: Session, *, principal: Principal, listing_id: UUID) -> Listing:
    """The caller's own listing, which no contract governs. Raises ``ListingNotFound``, ``ListingOfContract``."""
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None or listing.seller_id != principal.party_id:
        raise ListingNotFound
    if listing.source_kind == "consignment":
        raise ListingOfContract
    return listing
