"""Offers after the hammer: opened by the close or by the consignor, answered by the other side, ended by the clock.

Locks: the lot, then the negotiation; the same order as bids, closing and deposits.
"""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from auction.bidding.domain import RegistrationState
from auction.bidding.models import Registration
from auction.lines import service as lines
from auction.lots import queries as lots
from auction.lots.domain import LotPhase, LotUnknown
from auction.lots.models import AuctionSession, Lot
from auction.negotiation import domain, queries
from auction.negotiation.domain import (
    Act,
    AlreadyNegotiating,
    Clocks,
    LotNotNegotiable,
    NegotiationState,
    NegotiationUnknown,
    Side,
    Standing,
    UnderBidderUnknown,
)
from auction.negotiation.events import NegotiationMoved
from auction.negotiation.models import Negotiation, NegotiationMove
from auction.sessions.domain import LegalMode
from auction.settlement.domain import ResultKind
from auction.settlement.models import AuctionResult
from auction.settlement.service import registrations, sales
from marketplace.api import listings, vehicles
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.rules import load
from marketplace.core.security import Principal

_TABLES = Path(__file__).parent / "tables"


def clocks(at: datetime) -> Clocks:
    return Clocks.from_values(load(_TABLES / "negotiation.toml", on=clock.shanghai_day(at)).values)


# --- opening ---------------------------------------------------------------------------------------------------------------


def bound_leader(lot: Lot, row: AuctionSession, kind: ResultKind) -> UUID | None:
    """The registration whose bid stands on as an if-bid: the highest below the reserve or on approval, in agreed bidding only."""
    if kind in (ResultKind.PASSED_BELOW_RESERVE, ResultKind.ON_APPROVAL) and row.legal_mode is LegalMode.AGREED_BIDDING:
        return lot.leader_id
    return None


def open_if_bid(session: Session, *, lot: Lot, at: datetime) -> Negotiation:
    """In the transaction that closed the lot: claim and leader's deposit stay until the answer."""
    leader = session.get_one(Registration, lot.leader_id)
    assert lot.price_minor is not None
    opened = domain.open_if_bid(
        bid_minor=lot.price_minor,
        ceiling_minor=lot.reserve_minor,
        at=at,
        end_of_day=clock.end_of_day(clock.shanghai_day(at)),
        clocks=clocks(at),
    )
    return _open(session, lot=lot, bidder=leader, opened=opened, at=at, principal=None)


def offer(session: Session, *, principal: Principal, lot_id: UUID, pseudonym: str, ask_minor: int) -> Negotiation:
    """The consignor turns to a bidder of a lot that brought no sale: a private offer, or a second chance for one who was outbid.

    Raises ``LotUnknown``, ``LotNotNegotiable``, ``AlreadyNegotiating``, ``UnderBidderUnknown``, ``AboveOwnBid``, ``AboveReserve``.
    """
    lot = lots.lock_lot(session, lot_id)
    if principal.party_id != lot.consignor_id:
        raise LotUnknown
    _require_unsold(session, lot)
    bidder = queries.find_bidder(session, lot_id=lot_id, pseudonym=pseudonym)
    own = queries.find_own_bid(session, registration_id=bidder.id) if bidder is not None else None
    if bidder is None or own is None or bidder.state is RegistrationState.FORFEITED:
        raise UnderBidderUnknown
    at = clock.now(session)
    if bidder.id == lot.leader_id:
        opened = domain.open_private_offer(ask_minor=ask_minor, ceiling_minor=lot.reserve_minor, at=at, clocks=clocks(at))
    else:
        opened = domain.open_second_chance(ask_minor=ask_minor, own_bid_minor=own, at=at, clocks=clocks(at))
    return _open(session, lot=lot, bidder=bidder, opened=opened, at=at, principal=principal)


def _require_unsold(session: Session, lot: Lot) -> None:
    result = session.get(AuctionResult, lot.id)
    if result is None or (lot.state is not LotPhase.PASSED and result.defaulted_at is None):
        raise LotNotNegotiable
    if queries.find_open(session, lot_id=lot.id) is not None:
        raise AlreadyNegotiating
    if queries.find_agreed(session, lot_id=lot.id) is not None:
        raise LotNotNegotiable


def _open(session: Session, *, lot: Lot, bidder: Registration, opened: Standing, at: datetime, principal: Principal | None) -> Negotiation:
    found = Negotiation(
        lot_id=lot.id,
        kind=opened.kind,
        consignor_id=lot.consignor_id,
        bidder_id=bidder.party_id,
        registration_id=bidder.id,
        pseudonym=bidder.pseudonym,
        offered_by=opened.offered_by,
        ceiling_minor=opened.ceiling_minor,
        answer_by=opened.answer_by,
        last_at=opened.last_at,
        opened_at=at,
    )
    _apply(found, opened)
    session.add(found)
    session.flush()
    _record(session, found, act=Act.OFFER, by=opened.offered_by, amount_minor=opened.offer_minor, at=at, principal=principal)
    return found


# --- answering -------------------------------------------------------------------------------------------------------------


def answer(session: Session, *, principal: Principal, negotiation_id: UUID, act: Act, amount_minor: int | None = None) -> Negotiation:
    """Accept, decline or counter what stands.

    Raises ``NegotiationUnknown`` and what ``domain.accept``, ``decline`` and ``counter`` raise. Accepting raises also what opening the
    order does: ``NotEligible``, ``VehicleClaimed``, ``PartySuspended``; then nothing has changed.
    """
    lot, found, by = _lock_own(session, principal=principal, negotiation_id=negotiation_id)
    at = clock.now(session)
    before = standing(found)
    if act is Act.COUNTER:
        assert amount_minor is not None
        moved = domain.counter(before, by=by, amount_minor=amount_minor, at=at, clocks=clocks(at))
    elif act is Act.ACCEPT:
        assert amount_minor is not None
        moved = domain.accept(before, by=by, amount_minor=amount_minor, at=at)
        found.order_id = _sell(session, lot=lot, found=found, price_minor=moved.offer_minor, at=at)
    else:
        moved = domain.decline(before, by=by, at=at)
    _apply(found, moved)
    if moved.state is not NegotiationState.OPEN:
        _end(session, lot=lot, found=found, at=at)
    session.add(found)
    session.flush()
    _record(session, found, act=act, by=by, amount_minor=moved.offer_minor, at=at, principal=principal)
    return found


def _lock_own(session: Session, *, principal: Principal, negotiation_id: UUID) -> tuple[Lot, Negotiation, Side]:
    seen = get_negotiation(session, principal=principal, negotiation_id=negotiation_id)
    lot = lots.lock_lot(session, seen.lot_id)
    found = queries.lock_negotiation(session, negotiation_id)
    assert found is not None
    return lot, found, Side.CONSIGNOR if principal.party_id == found.consignor_id else Side.BIDDER


def _sell(session: Session, *, lot: Lot, found: Negotiation, price_minor: int, at: datetime) -> UUID:
    """The contract: an order at the agreed price. What of the auction is still held of the bidder counts to it."""
    row = session.get_one(AuctionSession, lot.session_id)
    bidder = session.get_one(Registration, found.registration_id)
    vehicles.require_eligible(session, vehicle_id=lot.vehicle_id, mode=vehicles.TradeMode(row.mode.value), seller_id=lot.consignor_id)
    order = sales.open_negotiated_order(session, lot=lot, row=row, buyer=bidder, price_minor=price_minor, at=at)
    owed = order.price_minor + order.buyer_fee_minor
    lines.settle_lot(session, lot_id=lot.id, keep=bidder.id, owed_minor=owed, order_id=order.id)
    return order.id


def _end(session: Session, *, lot: Lot, found: Negotiation, at: datetime) -> None:
    """Without a sale the lot lets go of the car and of the bidder's deposit."""
    found.ended_at = at
    if found.state is NegotiationState.AGREED:
        return
    listings.release_claim(session, vehicle_id=lot.vehicle_id, holder_id=lot.id)
    lines.settle_lot(session, lot_id=lot.id, keep=None)
    if lot.state is LotPhase.PASSED:
        registrations.release_all(session, lot_id=lot.id, reason="negotiation_over")


def end_overdue(session: Session, *, negotiation_id: UUID, lot_id: UUID) -> bool:
    """Silence is no. Whether it ended now."""
    lot = lots.lock_lot(session, lot_id)
    found = queries.lock_negotiation(session, negotiation_id)
    at = clock.now(session)
    lapsed = domain.lapse(standing(found), at=at) if found is not None else None
    if found is None or lapsed is None:
        return False
    _apply(found, lapsed)
    _end(session, lot=lot, found=found, at=at)
    session.add(found)
    session.flush()
    _record(session, found, act=Act.LAPSE, by=None, amount_minor=lapsed.offer_minor, at=at, principal=None)
    return True


def list_overdue(session: Session, *, limit: int = 200) -> list[tuple[UUID, UUID]]:
    """(negotiation, lot) pairs the sweep must look at."""
    return [*queries.list_due(session, now=clock.now(session), limit=limit)]


# --- reading ---------------------------------------------------------------------------------------------------------------


def get_negotiation(session: Session, *, principal: Principal, negotiation_id: UUID) -> Negotiation:
    """For its two parties. Raises ``NegotiationUnknown``."""
    found = queries.find_negotiation(session, negotiation_id)
    if found is None or principal.party_id not in (found.consignor_id, found.bidder_id):
        raise NegotiationUnknown
    return found


def list_own(session: Session, *, principal: Principal, page: PageQuery) -> list[Negotiation]:
    return [*queries.list_of_party(session, party_id=principal.party_id, page=page)]


def list_moves(session: Session, *, negotiation_id: UUID) -> list[NegotiationMove]:
    return [*queries.list_moves(session, negotiation_id)]


# --- rows and rules --------------------------------------------------------------------------------------------------------


def standing(found: Negotiation) -> Standing:
    """A row as the rules see it."""
    return Standing(
        kind=found.kind,
        state=found.state,
        offered_by=found.offered_by,
        bid_minor=found.bid_minor,
        ask_minor=found.ask_minor,
        ceiling_minor=found.ceiling_minor,
        answer_by=found.answer_by,
        last_at=found.last_at,
        consignor_counters=found.consignor_counters,
        bidder_counters=found.bidder_counters,
    )


def _apply(found: Negotiation, moved: Standing) -> None:
    found.state, found.offered_by, found.answer_by = moved.state, moved.offered_by, moved.answer_by
    found.bid_minor, found.ask_minor = moved.bid_minor, moved.ask_minor
    found.consignor_counters, found.bidder_counters = moved.consignor_counters, moved.bidder_counters


def _record(
    session: Session, found: Negotiation, *, act: Act, by: Side | None, amount_minor: int, at: datetime, principal: Principal | None
) -> None:
    is_open = found.state is NegotiationState.OPEN
    move = NegotiationMove(
        negotiation_id=found.id,
        seq=len(queries.list_moves(session, found.id)) + 1,
        act=act,
        by=by,
        person_id=principal.id if principal is not None else None,
        amount_minor=amount_minor,
        answer_by=found.answer_by if is_open else None,
        at=at,
    )
    session.add(move)
    event = NegotiationMoved(
        negotiation_id=found.id,
        lot_id=found.lot_id,
        kind=found.kind,
        state=found.state,
        consignor_id=found.consignor_id,
        bidder_id=found.bidder_id,
        turn=found.offered_by.other if is_open else None,
        offer_minor=amount_minor,
        answer_by=found.answer_by if is_open else None,
        order_id=found.order_id,
    )
    outbox.append(session, event, key=f"negotiation:{found.id}")
    facts = {"lot_id": str(found.lot_id), "kind": found.kind.value, "state": found.state.value, "amount_minor": amount_minor}
    audit.record(session, principal=principal, act=f"negotiation.{act.value}", object_kind="negotiation", object_id=found.id, facts=facts)
