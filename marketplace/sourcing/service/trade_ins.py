"""Old car against new: the owner asks, the dealer names his price, and both orders are made in one transaction, or neither."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.listings import api as listings
from marketplace.orders import api as orders
from marketplace.sourcing.domain.acquisitions import Standing, check_offer_period, check_raise
from marketplace.sourcing.domain.subsidies import ProofKind
from marketplace.sourcing.domain.trade_ins import (
    AlreadyTradedIn,
    Difference,
    NewCarUnclear,
    NewPriceMissing,
    NotTradedHere,
    TradeInNotFound,
    TradeInOfferLapsed,
    TradeInState,
    TradeInStateRefused,
    compute_difference,
)
from marketplace.sourcing.events import TradeInMoved, trade_in_key
from marketplace.sourcing.models.trade_ins import TradeIn, TradeInProof
from marketplace.sourcing.queries import trade_ins as queries
from marketplace.sourcing.service.acquiring import Disclosure
from marketplace.sourcing.service.acquisitions import require_acquirer, rules_now
from marketplace.sourcing.service.reinspecting import CHANNEL
from marketplace.vehicles import api as vehicles

WAITING = frozenset({TradeInState.ASKED, TradeInState.OFFERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the owner gives and wants: a listed car, or ``new_car`` (its facts) of ``dealer_id`` outside the market."""

    vehicle_id: UUID
    listing_id: UUID | None = None
    dealer_id: UUID | None = None
    new_car: Mapping[str, Any] | None = None
    buyer_city: str | None = None
    description: str = ""
    disclosures: Sequence[Disclosure] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    kind: ProofKind
    number: str
    issued_on: date | None = None


@dataclass(frozen=True, slots=True)
class TradeInView:
    row: TradeIn
    old_car: vehicles.VehicleView
    new_price_minor: int | None
    difference: Difference | None
    proofs: list[TradeInProof]


def view(session: Session, row: TradeIn) -> TradeInView:
    new_price = row.new_price_minor
    if new_price is None and row.listing_id is not None:
        new_price = listings.get_listing(session, listing_id=row.listing_id).ask_minor
    has_both = new_price is not None and row.old_price_minor is not None
    return TradeInView(
        row=row,
        old_car=vehicles.get_vehicle(session, vehicle_id=row.vehicle_id),
        new_price_minor=new_price,
        difference=compute_difference(new_price or 0, row.old_price_minor or 0) if has_both else None,
        proofs=queries.list_proofs(session, row.id),
    )


def ask(session: Session, *, principal: Principal, wish: Wish) -> TradeInView:
    """Raises ``VehicleNotFound``, ``WrongHolding``, ``NotEligible``, ``NewCarUnclear``, ``NotTradedHere``, ``ListingNotFound``,
    ``ListingNotLive``, ``AlreadyTradedIn``, ``NotAnAcquirer``, ``RealNameMissing``."""
    rules, _, at = rules_now(session)
    accounts.require_active(session, party_id=principal.party_id)
    accounts.require_real_name(session, party_id=principal.party_id)
    holding = vehicles.require_holding(session, vehicle_id=wish.vehicle_id, party_id=principal.party_id)
    if holding.capacity is not vehicles.Capacity.OWNER:
        raise listings.WrongHolding(needed=vehicles.Capacity.OWNER)
    mode = vehicles.TradeMode.ACQUISITION
    vehicles.require_eligible(session, vehicle_id=wish.vehicle_id, mode=mode, seller_id=principal.party_id)
    dealer_id = _dealer(session, wish)
    if dealer_id == principal.party_id:
        raise NotTradedHere
    require_acquirer(session, party_id=dealer_id)
    if queries.find_open_of_vehicle(session, wish.vehicle_id) is not None:
        raise AlreadyTradedIn
    row = TradeIn(
        vehicle_id=wish.vehicle_id,
        owner_id=principal.party_id,
        dealer_id=dealer_id,
        listing_id=wish.listing_id,
        new_car=dict(wish.new_car) if wish.new_car is not None else None,
        description=wish.description,
        disclosures=[{"reason": one.reason.value, "text": one.text} for one in wish.disclosures],
        buyer_city=wish.buyer_city,
        asked_at=at,
        valid_until=at + timedelta(days=rules.offer_max_days),
    )
    _announce(session, row, act="trade_in.ask", principal=principal)
    return view(session, row)


def _dealer(session: Session, wish: Wish) -> UUID:
    if (wish.listing_id is None) == (wish.new_car is None or wish.dealer_id is None):
        raise NewCarUnclear
    if wish.listing_id is None:
        assert wish.dealer_id is not None
        return wish.dealer_id
    listing = listings.get_listing(session, listing_id=wish.listing_id)
    if listing.state is not listings.ListingState.LIVE:
        raise listings.ListingNotLive(state=listing.state)
    if listing.channel is not listings.Channel.B2C_STORE or listing.agent_id is not None:
        raise NotTradedHere
    return listing.seller_id


def offer(
    session: Session,
    *,
    principal: Principal,
    trade_in_id: UUID,
    old_price_minor: int,
    valid_until: datetime,
    new_price_minor: int | None = None,
) -> TradeInView:
    """The dealer's price for the old car, binding until ``valid_until``; for a car outside the market, also that one's.

    Raises ``TradeInNotFound``, ``TradeInStateRefused``, ``PeriodOutOfBounds``, ``OfferBinding``, ``NewPriceMissing``.
    """
    row = _lock(session, trade_in_id)
    if row.dealer_id != principal.party_id:
        raise TradeInNotFound
    rules, _, at = rules_now(session)
    _require_waiting(row)
    require_acquirer(session, party_id=principal.party_id)
    check_offer_period(valid_until, now=at, rules=rules)
    if row.state is TradeInState.OFFERED and row.old_price_minor is not None and at < row.valid_until:
        check_raise(Standing(row.old_price_minor, row.valid_until), price_minor=old_price_minor, valid_until=valid_until)
    if (row.new_car is None) != (new_price_minor is None):
        raise NewPriceMissing
    row.state, row.old_price_minor, row.new_price_minor = TradeInState.OFFERED, old_price_minor, new_price_minor
    row.valid_until, row.offered_by = valid_until, principal.id
    facts = {"old_price_minor": old_price_minor, "new_price_minor": new_price_minor}
    _announce(session, row, act="trade_in.offer", principal=principal, facts=facts)
    return view(session, row)


def accept(session: Session, *, principal: Principal, trade_in_id: UUID, confirmations: Collection[orders.Confirmation]) -> TradeInView:
    """The owner takes the offer: his car is sold and the new one ordered, in this one transaction.

    Raises ``TradeInNotFound``, ``TradeInStateRefused``, ``TradeInOfferLapsed`` and what placing an order raises (``VehicleClaimed``,
    ``ListingNotLive``, ``NotEligible``, ``ConfirmationMissing`` …); nothing has happened then.
    """
    row = _lock(session, trade_in_id)
    if row.owner_id != principal.party_id:
        raise TradeInNotFound
    now = clock.now(session)
    if row.state is not TradeInState.OFFERED:
        raise TradeInStateRefused(state=row.state.value)
    if now >= row.valid_until:
        raise TradeInOfferLapsed
    require_acquirer(session, party_id=row.dealer_id)
    mode = vehicles.TradeMode.ACQUISITION
    vehicles.require_eligible(session, vehicle_id=row.vehicle_id, mode=mode, seller_id=row.owner_id)
    if row.listing_id is not None:
        _order_both(session, row, principal=principal, confirmations=confirmations)
    else:
        _order_old(session, row, principal=principal)
    row.state = TradeInState.ORDERED
    _announce(session, row, act="trade_in.accept", principal=principal)
    return view(session, row)


def _order_both(session: Session, row: TradeIn, *, principal: Principal, confirmations: Collection[orders.Confirmation]) -> None:
    assert row.listing_id is not None
    assert row.old_price_minor is not None
    old = orders.OldCar(
        vehicle_id=row.vehicle_id,
        price_minor=row.old_price_minor,
        channel=CHANNEL,
        source_id=row.id,
        annex={"disclosures": _disclosures(row)},
    )
    pair = orders.open_pair(
        session, principal=principal, listing_id=row.listing_id, buyer_city=row.buyer_city, confirmations=confirmations, old=old
    )
    row.new_order_id, row.old_order_id, row.new_price_minor = pair.new.id, pair.old.id, pair.new.price_minor


def _order_old(session: Session, row: TradeIn, *, principal: Principal) -> None:
    """The new car is sold outside this market: the contract of the old one says which, and for how much."""
    rules, _, at = rules_now(session)
    assert row.old_price_minor is not None
    assert row.new_price_minor is not None
    sign_by = at + timedelta(hours=rules.sign_within_hours)
    order = orders.open_order(
        session,
        principal=principal,
        vehicle_id=row.vehicle_id,
        seller_id=row.owner_id,
        buyer_id=row.dealer_id,
        price_minor=row.old_price_minor,
        price_kind=orders.PriceKind.NEGOTIATED,
        channel=CHANNEL,
        source_kind=orders.SourceKind.ACQUISITION,
        source_id=row.id,
        buyer_fee_minor=rules.buyer_fee_minor,
        seller_fee_minor=0,
        sign_by=sign_by,
        pay_by=sign_by + timedelta(hours=rules.pay_within_hours),
        mode=vehicles.TradeMode.ACQUISITION,
        annex={
            "kind": "trade_in",
            "id": str(row.id),
            "new_car": dict(row.new_car or {}),
            "new_price_minor": row.new_price_minor,
            "old_price_minor": row.old_price_minor,
            "difference_minor": row.new_price_minor - row.old_price_minor,
            "disclosures": _disclosures(row),
        },
    )
    row.old_order_id = order.id


def _disclosures(row: TradeIn) -> list[dict[str, str]]:
    return [{"reason": str(one["reason"]), "text": str(one["text"])} for one in row.disclosures]


def call_off(session: Session, *, principal: Principal, trade_in_id: UUID, reason: str) -> TradeInView:
    """The owner until there are orders; the dealer while no offer of his binds. Raises ``TradeInNotFound``, ``TradeInStateRefused``."""
    row = _lock(session, trade_in_id)
    if principal.party_id not in {row.owner_id, row.dealer_id}:
        raise TradeInNotFound
    _require_waiting(row)
    if principal.party_id == row.dealer_id and row.state is TradeInState.OFFERED:
        raise TradeInStateRefused(state=row.state.value)
    _end(session, row, TradeInState.CANCELLED, reason="owner" if principal.party_id == row.owner_id else "dealer", note=reason)
    return view(session, row)


def add_proofs(session: Session, *, principal: Principal, trade_in_id: UUID, proofs: Sequence[Proof]) -> TradeInView:
    """The owner's proofs for the subsidy; one given again takes the former's place. Raises ``TradeInNotFound``."""
    row = _lock(session, trade_in_id)
    if row.owner_id != principal.party_id:
        raise TradeInNotFound
    at = clock.now(session)
    for proof in proofs:
        given = TradeInProof(trade_in_id=row.id, kind=proof.kind, number=proof.number, issued_on=proof.issued_on, provided_at=at)
        session.merge(given)
    session.flush()
    kinds = sorted(one.kind.value for one in proofs)
    audit.record(session, principal=principal, act="trade_in.proofs", object_kind="trade_in", object_id=row.id, facts={"kinds": kinds})
    return view(session, row)


# --- time and orders -----------------------------------------------------------------------------------------------------


def lapse(session: Session, *, trade_in_id: UUID) -> None:
    """What the sweep does with one nobody answered."""
    row = queries.lock_trade_in(session, trade_in_id)
    if row is not None and row.state in WAITING and row.valid_until <= clock.now(session):
        _end(session, row, TradeInState.LAPSED, reason="lapsed")


def hear_order_ended(session: Session, *, order_id: UUID, reason: str) -> None:
    """One of the orders was undone, and with it the other: the trade-in is over."""
    found = queries.find_of_order(session, order_id)
    row = queries.lock_trade_in(session, found.id) if found else None
    if row is not None and row.state is TradeInState.ORDERED:
        _end(session, row, TradeInState.FALLEN_THROUGH, reason=reason)


def hear_order_completed(session: Session, *, order_id: UUID) -> None:
    """One of the cars was transferred; with the last one the trade-in is complete. Twice is once."""
    found = queries.find_of_order(session, order_id)
    row = queries.lock_trade_in(session, found.id) if found else None
    if row is None or row.state is not TradeInState.ORDERED:
        return
    today = clock.shanghai_day(clock.now(session))
    if order_id == row.old_order_id:
        row.old_gone_on = today
    else:
        row.new_bought_on = today
    session.add(row)
    if row.old_gone_on is not None and (row.new_order_id is None or row.new_bought_on is not None):
        _end(session, row, TradeInState.COMPLETED, reason="completed")
    session.flush()


def note_purchase(session: Session, *, principal: Principal, trade_in_id: UUID, bought_on: date) -> TradeInView:
    """The dealer says when the new car outside the market was invoiced. Raises ``TradeInNotFound``, ``TradeInStateRefused``."""
    row = _lock(session, trade_in_id)
    if row.dealer_id != principal.party_id:
        raise TradeInNotFound
    if row.new_car is None or row.state not in {TradeInState.ORDERED, TradeInState.COMPLETED}:
        raise TradeInStateRefused(state=row.state.value)
    row.new_bought_on = bought_on
    _announce(session, row, act="trade_in.note_purchase", principal=principal, facts={"bought_on": bought_on.isoformat()})
    return view(session, row)


def _end(session: Session, row: TradeIn, state: TradeInState, *, reason: str, note: str = "") -> None:
    row.state, row.ended_at, row.end_reason, row.end_note = state, clock.now(session), reason[:40], note[:500]
    _announce(session, row, act=f"trade_in.{state.value}", principal=None, facts={"reason": reason})


def _announce(session: Session, row: TradeIn, *, act: str, principal: Principal | None, facts: dict[str, Any] | None = None) -> None:
    session.add(row)
    session.flush()
    event = TradeInMoved(trade_in_id=row.id, vehicle_id=row.vehicle_id, owner_id=row.owner_id, dealer_id=row.dealer_id, state=row.state)
    outbox.append(session, event, key=trade_in_key(row.id))
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="trade_in",
        object_id=row.id,
        facts={"state": row.state.value} | (facts or {}),
    )


def _lock(session: Session, trade_in_id: UUID) -> TradeIn:
    row = queries.lock_trade_in(session, trade_in_id)
    if row is None:
        raise TradeInNotFound
    return row


def _require_waiting(row: TradeIn) -> None:
    if row.state not in WAITING:
        raise TradeInStateRefused(state=row.state.value)


# --- looking -----------------------------------------------------------------------------------------------------------


def get_trade_in(session: Session, *, principal: Principal, trade_in_id: UUID) -> TradeInView:
    """Raises ``TradeInNotFound``."""
    row = queries.find_trade_in(session, trade_in_id)
    if row is None or principal.party_id not in {row.owner_id, row.dealer_id}:
        raise TradeInNotFound
    return view(session, row)


def list_trade_ins(session: Session, *, principal: Principal, paging: PageQuery) -> list[TradeInView]:
    return [view(session, row) for row in queries.list_of_party(session, party_id=principal.party_id, paging=paging)]
