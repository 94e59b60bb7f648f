"""End listings: withdrawn by hand, by a contract, by the market, by a changed fact; or sold."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import queries
from marketplace.listings.domain import (
    OPEN_STATES,
    ClaimKind,
    EndReason,
    ListingNotFound,
    ListingNotOpen,
    ListingState,
    ListingView,
    VehicleClaimed,
)
from marketplace.listings.events import ListingChanged, ListingSold, ListingWithdrawn, listing_key
from marketplace.listings.models import Listing
from marketplace.listings.service import leads, viewings
from marketplace.listings.service.claims import free_sold, lock_claims
from marketplace.listings.service.reading import days_in_stock
from marketplace.listings.service.records import claim_kind, event_fields, view
from marketplace.vehicles import api as vehicles


def withdraw(
    session: Session,
    *,
    principal: Principal | None,
    listing_id: UUID,
    reason: EndReason,
    note: str = "",
    codes: Sequence[str] = (),
) -> ListingView:
    """Take an open listing down for good. Raises ``ListingNotFound``, ``ListingNotOpen``.

    A withdrawn listing does not end an order or a lot: those hold the claim.
    """
    listing = queries.lock_listing(session, listing_id=listing_id)
    if listing is None:
        raise ListingNotFound
    if listing.state not in OPEN_STATES:
        raise ListingNotOpen(state=listing.state)
    return _withdraw(session, listing, principal=principal, reason=reason, note=note, codes=codes)


def end_open(session: Session, *, principal: Principal | None, source_kind: str, source_id: UUID, reason: EndReason, note: str = "") -> int:
    """Withdraw what a contract, dossier or lot published; returns how many. Nothing open is no error."""
    found = queries.list_open_of_source(session, source_kind=source_kind, source_id=source_id)
    ended = 0
    for listing_id in found:
        listing = queries.lock_listing(session, listing_id=listing_id)
        if listing is not None and listing.state in OPEN_STATES:
            _withdraw(session, listing, principal=principal, reason=reason, note=note, codes=())
            ended += 1
    return ended


def _withdraw(
    session: Session, listing: Listing, *, principal: Principal | None, reason: EndReason, note: str, codes: Sequence[str]
) -> ListingView:
    listing.state = ListingState.WITHDRAWN
    listing.ended_at = clock.now(session)
    listing.end_reason, listing.end_note, listing.end_codes = reason, note, list(codes)
    listing.version += 1
    session.add(listing)
    session.flush()
    leads.end_of_listing(session, listing_id=listing.id, reason="withdrawn")
    viewings.end_of_listing(session, listing_id=listing.id, reason="withdrawn")
    claim = claim_kind(session, vehicle_id=listing.vehicle_id)
    event = ListingWithdrawn(
        **event_fields(listing, claim),
        reason=reason.value,
        codes=list(codes),
        source_kind=listing.source_kind,
        source_id=listing.source_id,
    )
    outbox.append(session, event, key=listing_key(listing.id))
    audit.record(
        session,
        principal=principal,
        act="listing.withdraw",
        object_kind="listing",
        object_id=listing.id,
        reason=note or None,
        facts={"reason": reason.value, "codes": list(codes)},
    )
    return view(listing, claim)


def mark_sold(session: Session, *, vehicle_id: UUID, holder_id: UUID, price_minor: int, price_kind: str) -> list[ListingView]:
    """The car is sold and transferred: every open listing of it ends as sold, its claim is freed.

    Repeating it changes nothing. Raises ``VehicleClaimed`` when ``holder_id`` does not hold the car.
    """
    held = lock_claims(session, vehicle_ids=[vehicle_id])[vehicle_id]
    if held is None:
        return []
    if held.holder_id != holder_id:
        raise VehicleClaimed(held_by=held.kind)
    sold = [
        _sell(session, listing, held.kind, price_minor=price_minor, price_kind=price_kind)
        for listing in queries.lock_open_of_vehicles(session, vehicle_ids=[vehicle_id])
    ]
    free_sold(session, held)
    return sold


def _sell(session: Session, listing: Listing, claim: ClaimKind, *, price_minor: int, price_kind: str) -> ListingView:
    days = days_in_stock(session, vehicle_id=listing.vehicle_id, seller_id=listing.seller_id)
    listing.state = ListingState.SOLD
    listing.ended_at = clock.now(session)
    listing.sold_price_minor, listing.sold_price_kind = price_minor, price_kind
    listing.version += 1
    session.add(listing)
    session.flush()
    leads.end_of_listing(session, listing_id=listing.id, reason="sold")
    viewings.end_of_listing(session, listing_id=listing.id, reason="sold")
    event = ListingSold(
        **event_fields(listing, claim),
        price_minor=price_minor,
        price_kind=price_kind,
        days_in_stock=days,
        source_kind=listing.source_kind,
        source_id=listing.source_id,
    )
    outbox.append(session, event, key=listing_key(listing.id))
    audit.record(
        session,
        principal=None,
        act="listing.sold",
        object_kind="listing",
        object_id=listing.id,
        facts={"price_minor": price_minor, "price_kind": price_kind, "days_in_stock": days},
    )
    return view(listing, claim)


def review_vehicle(session: Session, *, vehicle_id: UUID) -> list[ListingView]:
    """Look at a car's open listings again after a fact or its holder changed; returns those withdrawn.

    One that may no longer be traded is withdrawn with the findings' codes; one whose seller holds the car no more, too; the others
    take over the new facts.
    """
    withdrawn = []
    for listing in queries.lock_open_of_vehicles(session, vehicle_ids=[vehicle_id]):
        ended = _review(session, listing)
        if ended is not None:
            withdrawn.append(ended)
    return withdrawn


def _review(session: Session, listing: Listing) -> ListingView | None:
    if not _still_holds(session, listing):
        return _withdraw(session, listing, principal=None, reason=EndReason.HOLDING_ENDED, note="", codes=())
    eligibility = vehicles.evaluate(session, vehicle_id=listing.vehicle_id, mode=listing.mode, seller_id=listing.seller_id)
    if not eligibility.tradable:
        codes = [finding.code for finding in eligibility.findings if finding.severity is vehicles.Severity.BARS]
        return _withdraw(session, listing, principal=None, reason=EndReason.NOT_ELIGIBLE, note="", codes=codes)
    _take_over_facts(session, listing)
    return None


def _still_holds(session: Session, listing: Listing) -> bool:
    try:
        vehicles.require_holding(session, vehicle_id=listing.vehicle_id, party_id=listing.seller_id)
    except vehicles.VehicleNotFound:
        return False
    return True


def _take_over_facts(session: Session, listing: Listing) -> None:
    car = vehicles.get_vehicle(session, vehicle_id=listing.vehicle_id)
    if car.facts_version == listing.facts_version:
        return
    listing.title, listing.brand, listing.city, listing.facts_version = car.title, car.brand, car.city, car.facts_version
    listing.version += 1
    session.add(listing)
    session.flush()
    claim = claim_kind(session, vehicle_id=listing.vehicle_id)
    outbox.append(session, ListingChanged(**event_fields(listing, claim)), key=listing_key(listing.id))
