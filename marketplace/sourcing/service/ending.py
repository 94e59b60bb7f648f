"""Prices while a consignment runs, and how it ends: sold, withdrawn, expired, cancelled."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.sourcing import queries
from marketplace.sourcing.domain import (
    OPEN_STATES,
    ConsignmentState,
    ConsignmentStateRefused,
    FloorAboveAsk,
    Side,
    check_price_change,
    compute_commission,
)
from marketplace.sourcing.events import ConsignmentEnded
from marketplace.sourcing.models import Consignment, ConsignmentConsent
from marketplace.sourcing.service.charges import bill_end
from marketplace.sourcing.service.offering import lock_as, side_of
from marketplace.sourcing.service.price_drops import close_plan
from marketplace.sourcing.service.records import DOCUMENT_KIND, ConsignmentView, announce, event_fields, record, view
from marketplace.vehicles import api as vehicles

CONSENT_KIND = "consignment_consent"


# --- prices ----------------------------------------------------------------------------------------------------------------


def change_price(session: Session, *, principal: Principal, consignment_id: UUID, ask_minor: int) -> ConsignmentView:
    """Another asking price: the consignor's freely, the agent's between floor and the price the consignor agreed to.

    Raises ``ConsignmentNotFound``, ``ConsignmentStateRefused``, ``BelowFloor``, ``ConsentMissing``, ``PriceOutOfBounds``.
    """
    consignment = _lock_active(session, principal=principal, consignment_id=consignment_id)
    side = side_of(consignment, principal)
    check_price_change(side, ask_minor=ask_minor, agreed_ask_minor=consignment.agreed_ask_minor)
    if ask_minor < consignment.floor_minor:
        raise listings.BelowFloor
    before = consignment.ask_minor
    if consignment.listing_id is not None and _is_open(session, consignment.listing_id):
        listings.change_price(session, principal=principal, listing_id=consignment.listing_id, ask_minor=ask_minor)
    consignment.ask_minor = ask_minor
    if side is Side.CONSIGNOR:
        consignment.agreed_ask_minor = ask_minor
    _count(session, consignment)
    facts = {"side": side.value, "from_minor": before, "to_minor": ask_minor}
    record(session, consignment, act="consignment.change_price", principal=principal, facts=facts)
    return view(session, consignment)


def consent_to_floor(session: Session, *, principal: Principal, consignment_id: UUID, floor_minor: int, passphrase: str) -> ConsignmentView:
    """The consignor signs another floor: without it no sale below the old one (民法典 第九百五十五条).

    Raises ``ConsignmentNotFound`` for anybody else, ``ConsignmentStateRefused``, ``FloorAboveAsk``, ``WrongPassphrase``.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id, side=Side.CONSIGNOR)
    if consignment.state is not ConsignmentState.ACTIVE:
        raise ConsignmentStateRefused(state=consignment.state)
    if floor_minor > consignment.ask_minor:
        raise FloorAboveAsk
    before = consignment.floor_minor
    content_hash = sha256_hex(
        canonical_json(
            {
                "document": CONSENT_KIND,
                "consignment": str(consignment.id),
                "contract_hash": consignment.content_hash,
                "from_floor_minor": before,
                "floor_minor": floor_minor,
            }
        )
    )
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=CONSENT_KIND,
        document_id=consignment.id,
        content_hash=content_hash,
    )
    session.add(
        ConsignmentConsent(
            consignment_id=consignment.id,
            from_floor_minor=before,
            floor_minor=floor_minor,
            content_hash=content_hash,
            signature_id=signature.id,
            at=signature.at,
        )
    )
    if consignment.listing_id is not None and _is_open(session, consignment.listing_id):
        listings.change_price(
            session, principal=principal, listing_id=consignment.listing_id, ask_minor=consignment.ask_minor, floor_minor=floor_minor
        )
    consignment.floor_minor = floor_minor
    _count(session, consignment)
    record(
        session,
        consignment,
        act="consignment.consent_to_floor",
        principal=principal,
        facts={"from_minor": before, "to_minor": floor_minor, "signature_id": str(signature.id)},
    )
    return view(session, consignment)


def _is_open(session: Session, listing_id: UUID) -> bool:
    state = listings.get_listing(session, listing_id=listing_id).state
    return state in {listings.ListingState.LIVE, listings.ListingState.PAUSED}


def _lock_active(session: Session, *, principal: Principal, consignment_id: UUID) -> Consignment:
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    if consignment.state is not ConsignmentState.ACTIVE:
        raise ConsignmentStateRefused(state=consignment.state)
    return consignment


def _count(session: Session, consignment: Consignment) -> None:
    consignment.version += 1
    session.add(consignment)
    session.flush()


# --- ends ------------------------------------------------------------------------------------------------------------------


def withdraw(session: Session, *, principal: Principal, consignment_id: UUID, reason: str) -> ConsignmentView:
    """Before both have signed either side may call it off; later only the consignor ends it early, for the agreed fee.

    Raises ``ConsignmentNotFound``, ``ConsignmentStateRefused``, ``VehicleClaimed`` while an order or a lot holds the car.
    """
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id)
    if consignment.state is ConsignmentState.OFFERED:
        _end(session, consignment, ConsignmentState.CANCELLED, principal=principal, reason=side_of(consignment, principal), note=reason)
        return view(session, consignment)
    if consignment.state is not ConsignmentState.ACTIVE or side_of(consignment, principal) is not Side.CONSIGNOR:
        raise ConsignmentStateRefused(state=consignment.state)
    claim = listings.lock_claim(session, vehicle_id=consignment.vehicle_id)  # an order under way is waited for
    if claim is not None:
        raise listings.VehicleClaimed(held_by=claim.kind)
    _end(session, consignment, ConsignmentState.WITHDRAWN, principal=principal, reason="consignor", note=reason)
    return view(session, consignment)


def expire_due(session: Session, *, limit: int = 50) -> int:
    """End consignments whose term is over; one whose car an order or lot holds waits for that. Returns how many ended."""
    now = clock.now(session)
    ended = 0
    for consignment_id in queries.list_due(session, now=now, limit=limit):
        consignment = queries.lock_consignment(session, consignment_id)
        if consignment is None or consignment.state is not ConsignmentState.ACTIVE:
            continue
        if listings.lock_claim(session, vehicle_id=consignment.vehicle_id) is not None:
            continue
        _end(session, consignment, ConsignmentState.EXPIRED, principal=None, reason="term")
        ended += 1
    return ended


def close_sold(session: Session, *, vehicle_id: UUID, order_id: UUID, channel: str, price_minor: int) -> None:
    """The car was sold and transferred. In the consignment's own channel the agent earns his commission; elsewhere it just ends."""
    found = queries.find_open_of_vehicle(session, vehicle_id)
    consignment = queries.lock_consignment(session, found.id) if found else None
    if consignment is None or consignment.state not in OPEN_STATES:
        return
    consignment.order_id = order_id
    if consignment.state is ConsignmentState.ACTIVE and channel in {"c2c_consignment", "c2c_virtual"}:
        consignment.price_minor = price_minor
        consignment.commission_minor = compute_commission(price_minor, consignment.commission_bps)
        _end(session, consignment, ConsignmentState.SOLD, principal=None, reason="sold")
    else:
        _end(session, consignment, ConsignmentState.CANCELLED, principal=None, reason="sold_elsewhere")


def _end(
    session: Session, consignment: Consignment, state: ConsignmentState, *, principal: Principal | None, reason: str, note: str = ""
) -> None:
    was_active = consignment.state is ConsignmentState.ACTIVE
    consignment.state = state
    consignment.ended_at = clock.now(session)
    consignment.end_reason, consignment.end_note = reason, note
    _count(session, consignment)
    if was_active:
        listings.end_open(
            session,
            principal=principal,
            source_kind=DOCUMENT_KIND,
            source_id=consignment.id,
            reason=listings.EndReason.CONTRACT_ENDED,
            note=note,
        )
        _end_authority(session, consignment, principal=principal, reason=reason)
    close_plan(session, consignment, at=consignment.ended_at)
    bill_end(session, consignment, principal=principal)
    is_early = state is ConsignmentState.WITHDRAWN
    event = ConsignmentEnded(
        **event_fields(consignment),
        reason=reason,
        order_id=consignment.order_id,
        price_minor=consignment.price_minor,
        commission_minor=consignment.commission_minor,
        withdrawal_fee_minor=consignment.withdrawal_fee_minor if is_early else None,
    )
    announce(session, consignment, event)
    record(session, consignment, act=f"consignment.{state.value}", principal=principal, facts={"reason": reason}, reason=note or None)


def _end_authority(session: Session, consignment: Consignment, *, principal: Principal | None, reason: str) -> None:
    """The agent's holding ends; a sale has ended it already."""
    try:
        vehicles.end_holding(
            session,
            principal=principal,
            vehicle_id=consignment.vehicle_id,
            party_id=consignment.agent_id,
            reason=f"consignment_{reason}"[:60],
        )
    except NotFound:
        return
