"""After the hammer: the result, the order, the deposits, the confirmation; and a winner who does not pay."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from auction.bidding.domain import LotState, RegistrationState
from auction.bidding.models import Registration
from auction.lots import service as lots
from auction.lots.models import AuctionSession, Lot
from auction.sessions.domain import LegalMode
from auction.settlement import queries
from auction.settlement.domain import FeeBands, ResultKind, SaleFees, compute_fees, decide_result
from auction.settlement.events import LotClosed, LotSold
from auction.settlement.models import AuctionResult, Confirmation
from auction.settlement.service import registrations
from auction.settlement.service.fees import fee_table
from marketplace.api import accounts, listings, orders, vehicles
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.core.errors import Refusal
from marketplace.core.money import in_words

CONFIRMATION = "auction_confirmation"


def settle_lot(
    session: Session, *, lot: Lot, row: AuctionSession, state: LotState, at: datetime, bids: int, bound: UUID | None = None
) -> AuctionResult:
    """Write a locked, ended lot's result with all that follows from it, in the caller's transaction.

    ``bound``: the registration whose bid stands on to be negotiated: its deposit and the lot's claim stay.
    """
    kind = decide_result(state)
    result = AuctionResult(lot_id=lot.id, kind=kind, price_minor=state.price_minor, bids=bids, ended_at=state.ends_at, closed_at=at)
    if kind is ResultKind.SOLD:
        _sell(session, lot=lot, row=row, result=result, at=at)
    else:
        if bound is None:
            listings.release_claim(session, vehicle_id=lot.vehicle_id, holder_id=lot.id)
        lots.take_down(session, lot_id=lot.id, reason=listings.EndReason.CONTRACT_ENDED)
    session.add(result)
    session.flush()
    registrations.release_all(session, lot_id=lot.id, reason="lot_closed", but=result.winner_registration_id or bound)
    _announce(session, lot=lot, result=result)
    return result


def _sell(session: Session, *, lot: Lot, row: AuctionSession, result: AuctionResult, at: datetime) -> None:
    winner = session.get_one(Registration, lot.leader_id)
    assert result.price_minor is not None
    table = fee_table(clock.shanghai_day(at))
    bands = FeeBands.from_values(table.values, row.legal_mode.value, row.mode.value)
    fees = compute_fees(result.price_minor, bands, buyer_bps=row.buyer_fee_bps, seller_bps=lot.seller_fee_bps)
    result.winner_id, result.winner_registration_id = winner.party_id, winner.id
    result.buyer_fee_minor, result.seller_fee_minor, result.fee_table_number = fees.buyer_minor, fees.seller_minor, table.number
    result.pay_by = clock.end_of_day(clock.shanghai_day(at) + timedelta(days=row.payment_days))
    winner.state = RegistrationState.APPLIED
    session.add(winner)
    session.flush()
    try:
        with session.begin_nested():
            result.order_id = _open_order(session, lot=lot, row=row, result=result, winner=winner)
    except Refusal as refusal:  # the hammer has fallen all the same
        result.order_refusal = refusal.code
    if row.legal_mode is LegalMode.STATUTORY_AUCTION:
        _draw_up_confirmation(session, lot=lot, row=row, result=result, winner=winner)


def _open_order(session: Session, *, lot: Lot, row: AuctionSession, result: AuctionResult, winner: Registration) -> UUID:
    """Claim and deposit go over to the order: deposit counts to the price."""
    assert result.price_minor is not None
    assert result.pay_by is not None
    fees = SaleFees(result.buyer_fee_minor, result.seller_fee_minor)
    kind = orders.PriceKind.HAMMER
    return _order(
        session, lot=lot, row=row, buyer=winner, price_minor=result.price_minor, price_kind=kind, fees=fees, pay_by=result.pay_by
    ).id


def open_negotiated_order(
    session: Session, *, lot: Lot, row: AuctionSession, buyer: Registration, price_minor: int, at: datetime
) -> orders.OrderView:
    """A contract of its own after the hammer, at the session's fees. Raises ``VehicleClaimed``, ``BuyerIsSeller``, ``PartySuspended``."""
    bands = FeeBands.from_values(fee_table(clock.shanghai_day(at)).values, row.legal_mode.value, row.mode.value)
    fees = compute_fees(price_minor, bands, buyer_bps=row.buyer_fee_bps, seller_bps=lot.seller_fee_bps)
    pay_by = clock.end_of_day(clock.shanghai_day(at) + timedelta(days=row.payment_days))
    order = _order(
        session,
        lot=lot,
        row=row,
        buyer=buyer,
        price_minor=price_minor,
        price_kind=orders.PriceKind.NEGOTIATED,
        fees=fees,
        pay_by=pay_by,
    )
    if buyer.state is RegistrationState.REGISTERED:
        buyer.state = RegistrationState.APPLIED
        session.add(buyer)
        session.flush()
    return order


def _order(
    session: Session,
    *,
    lot: Lot,
    row: AuctionSession,
    buyer: Registration,
    price_minor: int,
    price_kind: orders.PriceKind,
    fees: SaleFees,
    pay_by: datetime,
) -> orders.OrderView:
    earner = _earner(session, row)
    held = buyer.hold_id is not None and buyer.state in (RegistrationState.REGISTERED, RegistrationState.APPLIED)
    return orders.open_order(
        session,
        vehicle_id=lot.vehicle_id,
        seller_id=lot.consignor_id,
        buyer_id=buyer.party_id,
        price_minor=price_minor,
        price_kind=price_kind,
        channel=listings.Channel.AUCTION.value,
        source_kind=orders.SourceKind.LOT,
        source_id=lot.id,
        buyer_fee_minor=fees.buyer_minor,
        seller_fee_minor=fees.seller_minor,
        buyer_fee_to=earner,
        seller_fee_to=earner,
        pay_by=pay_by,
        deposit_hold_ids=[buyer.hold_id] if held and buyer.hold_id is not None else [],
        mode=vehicles.TradeMode(row.mode.value),
    )


def _earner(session: Session, row: AuctionSession) -> UUID | None:
    """Commission is the auction house's; what the market runs itself, the market earns (None)."""
    house = accounts.get_party(session, party_id=row.house_id)
    return house.id if house.organization_kind is accounts.OrganizationKind.AUCTION_HOUSE else None


def _draw_up_confirmation(session: Session, *, lot: Lot, row: AuctionSession, result: AuctionResult, winner: Registration) -> None:
    document = canonical_json(confirmation_content(lot, row, result, winner))
    session.add(Confirmation(lot_id=lot.id, document=document.decode(), content_hash=sha256_hex(document)))


def confirmation_content(lot: Lot, row: AuctionSession, result: AuctionResult, winner: Registration) -> dict[str, Any]:
    """成交确认书 (拍卖法 52; 二手车交易规范 34): hammer price, fees, and the head of the log that proves them."""
    assert result.price_minor is not None
    return {
        "kind": CONFIRMATION,
        "lot_id": str(lot.id),
        "number": lot.number,
        "session_id": str(row.id),
        "house_id": str(row.house_id),
        "auctioneer_id": str(row.auctioneer_id),
        "winner_id": str(winner.party_id),
        "bidder": winner.pseudonym,
        "vehicle_id": str(lot.vehicle_id),
        "title": lot.title,
        "price_minor": result.price_minor,
        "price_in_words": in_words(result.price_minor),
        "buyer_fee_minor": result.buyer_fee_minor,
        "ended_at": result.ended_at.isoformat(),
        "pay_by": result.pay_by.isoformat() if result.pay_by else None,
        "order_id": str(result.order_id) if result.order_id else None,
        "head_hash": lot.head_hash,
    }


def _announce(session: Session, *, lot: Lot, result: AuctionResult) -> None:
    key = f"lot:{lot.id}"
    closed = LotClosed(
        lot_id=lot.id,
        session_id=lot.session_id,
        vehicle_id=lot.vehicle_id,
        result=result.kind,
        price_minor=result.price_minor,
        bids=result.bids,
        ended_at=result.ended_at,
    )
    outbox.append(session, closed, key=key)
    if result.winner_id is not None and result.price_minor is not None and result.pay_by is not None:
        sold = LotSold(
            lot_id=lot.id,
            session_id=lot.session_id,
            vehicle_id=lot.vehicle_id,
            consignor_id=lot.consignor_id,
            winner_id=result.winner_id,
            price_minor=result.price_minor,
            order_id=result.order_id,
            pay_by=result.pay_by,
        )
        outbox.append(session, sold, key=key)
    facts: dict[str, Any] = {"result": result.kind.value, "price_minor": result.price_minor, "bids": result.bids}
    facts |= {"order_id": str(result.order_id) if result.order_id else None, "order_refusal": result.order_refusal}
    audit.record(session, principal=None, act="lot.close", object_kind="lot", object_id=lot.id, facts=facts)


def hear_default(session: Session, *, order_id: UUID, defaulter_id: UUID) -> None:
    """The order of a won lot was broken (悔拍 when by the winner: orders has forfeited his deposit). Runs twice without harm."""
    result = queries.lock_result_of_order(session, order_id=order_id)
    if result is None or result.defaulted_at is not None:
        return
    result.defaulted_at = clock.now(session)
    session.add(result)
    if defaulter_id == result.winner_id and result.winner_registration_id is not None:
        winner = session.get_one(Registration, result.winner_registration_id)
        winner.state = RegistrationState.FORFEITED
        session.add(winner)
    session.flush()
    facts = {"order_id": str(order_id), "by_winner": defaulter_id == result.winner_id}
    audit.record(session, principal=None, act="lot.default", object_kind="lot", object_id=result.lot_id, facts=facts)
