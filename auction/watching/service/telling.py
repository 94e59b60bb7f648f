"""What people are told of lots. Every call may run twice and late: a notice is written once, and says what holds when it is written."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from auction.lots import queries as lots
from auction.lots.domain import LotPhase
from auction.lots.models import AuctionSession, Lot
from auction.settlement import queries as settlement
from auction.settlement.domain import ResultKind
from auction.settlement.models import AuctionResult
from auction.watching import queries
from marketplace.api import notifications
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.money import format_yuan
from marketplace.core.settings import get_settings

SUBJECT = "lot"
_RUNNING = frozenset({LotPhase.OPEN, LotPhase.SUSPENDED})


def _told(lot: Lot, kind: str, zh: str, en: str, *, seq: int = 0, newest_only: bool = False, **facts: Any) -> notifications.Told:
    common = {"lot_id": str(lot.id), "session_id": str(lot.session_id), "number": lot.number}
    return notifications.Told(f"auction.{kind}", SUBJECT, lot.id, zh[:400], en[:400], seq, {**common, **facts}, newest_only)


def tell_outbid(session: Session, *, lot_id: UUID, from_seq: int, to_seq: int) -> None:
    """Who led when a batch of bids came, or within it, and does not any more. Of a sealed lot nobody knows."""
    lot = lots.get_lot(session, lot_id)
    if lot.state not in _RUNNING or lot.price_minor is None:
        return
    documents = queries.list_documents(session, lot_id=lot_id, from_seq=from_seq, to_seq=to_seq)
    led = {orjson.loads(one).get("leader") for one in documents} - {None, lot.leader_pseudonym}
    if not led:
        return
    parties = queries.list_parties(session, lot_id=lot_id, pseudonyms=sorted(led))
    price = format_yuan(lot.price_minor)
    told = _told(
        lot,
        "outbid",
        f"您在「{lot.title}」上的出价已被超过,现价 {price}",
        f"You were outbid on {lot.title}; the price is {price}.",
        seq=to_seq,
        newest_only=True,
        price_minor=lot.price_minor,
        ends_at=lot.ends_at.isoformat(),
    )
    notifications.notify(session, party_ids=parties.values(), told=told)


def tell_ending(session: Session, *, limit: int) -> int:
    """Watchers and bidders of lots that end soon, once a lot; how many lots."""
    at = clock.now(session)
    until = at + timedelta(minutes=get_settings().auction_ending_soon_minutes)
    found = queries.list_ending(session, now=at, until=until, limit=limit)
    for lot in found:
        involved = queries.list_watchers(session, lot_id=lot.id) | queries.list_involved(session, lot_id=lot.id)
        ends = f"{lot.ends_at.astimezone(clock.SHANGHAI):%H:%M}"
        told = _told(
            lot,
            "ending_soon",
            f"「{lot.title}」将于 {ends} 结束(延时除外)",
            f"{lot.title} ends at {ends}, extensions aside.",
            ends_at=lot.ends_at.isoformat(),
            price_minor=lot.price_minor,
        )
        notifications.notify(session, party_ids=involved, told=told)
    if found:
        queries.insert_told(session, lot_ids=[lot.id for lot in found], at=at)
    return len(found)


def tell_result(session: Session, *, lot_id: UUID) -> None:
    """Winner, other bidders, consignor and watchers of a lot that is over."""
    lot = lots.get_lot(session, lot_id)
    result = settlement.find_result(session, lot_id)
    if result is None:
        return
    bidders = queries.list_bidders(session, lot_id=lot_id)
    if result.kind is ResultKind.SOLD:
        _tell_sold(session, lot, result, bidders)
    else:
        _tell_passed(session, lot, result, bidders)
    others = queries.list_watchers(session, lot_id=lot_id) - bidders - {lot.consignor_id}
    told = _told(
        lot, "watched_ended", f"您关注的「{lot.title}」已结束", f"{lot.title}, which you watch, is over.", result=result.kind.value
    )
    notifications.notify(session, party_ids=others, told=told)


def _tell_sold(session: Session, lot: Lot, result: AuctionResult, bidders: set[UUID]) -> None:
    assert result.winner_id is not None
    assert result.price_minor is not None
    price, fee = format_yuan(result.price_minor), format_yuan(result.buyer_fee_minor)
    by = result.pay_by.astimezone(clock.SHANGHAI) if result.pay_by else None
    until = f",请于 {by:%Y-%m-%d %H:%M} 前付款" if by else ""
    facts: dict[str, Any] = {"price_minor": result.price_minor, "order_id": str(result.order_id) if result.order_id else None}
    won = _told(
        lot,
        "won",
        f"您竞得「{lot.title}」:成交价 {price},佣金 {fee}{until}",
        f"You won {lot.title} at {price}, fee {fee}" + (f"; pay by {by:%Y-%m-%d %H:%M}." if by else "."),
        pay_by=result.pay_by.isoformat() if result.pay_by else None,
        buyer_fee_minor=result.buyer_fee_minor,
        **facts,
    )
    notifications.notify(session, party_ids=[result.winner_id], told=won)
    lost = _told(
        lot,
        "lost",
        f"「{lot.title}」由他人以 {price}竞得,您的保证金自动退还",
        f"{lot.title} went to another bidder at {price}; your deposit comes back by itself.",
        price_minor=result.price_minor,
    )
    notifications.notify(session, party_ids=bidders - {result.winner_id}, told=lost)
    sold = _told(lot, "sold", f"您委托的「{lot.title}」以 {price}成交", f"{lot.title}, which you consigned, was sold at {price}.", **facts)
    notifications.notify(session, party_ids=[lot.consignor_id], told=sold)


def _tell_passed(session: Session, lot: Lot, result: AuctionResult, bidders: set[UUID]) -> None:
    facts: dict[str, Any] = {"result": result.kind.value, "price_minor": result.price_minor}
    passed = _told(
        lot,
        "passed",
        f"「{lot.title}」未成交;保证金自动退还,仍在议价的除外",
        f"{lot.title} was not sold; your deposit comes back by itself unless your bid is being negotiated.",
        **facts,
    )
    notifications.notify(session, party_ids=bidders, told=passed)
    own = _told(lot, "not_sold", f"您委托的「{lot.title}」未成交", f"{lot.title}, which you consigned, was not sold.", **facts)
    notifications.notify(session, party_ids=[lot.consignor_id], told=own)


def tell_withdrawn(session: Session, *, lot_id: UUID) -> None:
    """Those who registered or watched: it will not open."""
    lot = lots.get_lot(session, lot_id)
    row = session.get_one(AuctionSession, lot.session_id)
    parties = queries.list_registered(session, lot_id=lot_id) | queries.list_watchers(session, lot_id=lot_id)
    told = _told(
        lot,
        "withdrawn",
        f"「{lot.title}」已从场次「{row.title}」撤回,保证金自动退还",
        f"{lot.title} was withdrawn from {row.title}; deposits come back by themselves.",
    )
    notifications.notify(session, party_ids=parties, told=told)


def tell_negotiation(session: Session, *, moved: dict[str, Any], seq: int) -> None:
    """Whose answer is awaited; how it ended, to both. ``moved`` is the event's payload, ``seq`` its place within its key."""
    lot = lots.get_lot(session, UUID(moved["lot_id"]))
    sides = {"consignor": UUID(moved["consignor_id"]), "bidder": UUID(moved["bidder_id"])}
    offer = format_yuan(moved["offer_minor"])
    if moved["state"] == "open" and moved["turn"] is not None:
        parties = [sides[moved["turn"]]]
        zh = f"「{lot.title}」议价:对方出价 {offer},等待您答复;逾期未答复视为不同意"
        en = f"{lot.title}: an offer of {offer} awaits your answer; silence is no."
    else:
        parties = [*sides.values()]
        how = {"agreed": ("达成", "agreed"), "declined": ("未达成", "declined"), "lapsed": ("逾期结束", "lapsed")}
        ended, ended_en = how.get(moved["state"], ("结束", "over"))
        zh, en = f"「{lot.title}」议价已{ended}({offer})", f"{lot.title}: the negotiation at {offer} is {ended_en}."
    facts = {name: moved[name] for name in ("kind", "state", "offer_minor", "answer_by", "order_id")} | {"lot_id": str(lot.id)}
    told = notifications.Told(
        "auction.negotiation", "negotiation", UUID(moved["negotiation_id"]), zh[:400], en[:400], seq, facts, newest_only=True
    )
    notifications.notify(session, party_ids=parties, told=told)


def tell_debt(session: Session, *, lot_id: UUID, debt_id: UUID, debtor_id: UUID, due_minor: int) -> None:
    """The re-auction closed: who broke the first sale is told what he owes (拍卖法 39)."""
    lot = lots.get_lot(session, lot_id)
    due = format_yuan(due_minor)
    zh = f"「{lot.title}」再行拍卖已结束:您应补足差额与佣金共 {due}(拍卖法 第三十九条)"
    en = f"The re-auction of {lot.title} is over: you owe {due} for shortfall and commissions."
    told = notifications.Told("auction.debt", "debt", debt_id, zh[:400], en[:400], 0, {"lot_id": str(lot_id), "due_minor": due_minor})
    notifications.notify(session, party_ids=[debtor_id], told=told)
