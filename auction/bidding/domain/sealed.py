"""Sealed bids: taken without a word about amounts, changed until the end, revealed at the close. Pure.

Of every bidder the last bid counts. The highest wins, of equal ones the earlier. First price: the winner pays what he bid. Second
price: the second bid, at least the start price, and the reserve where his own bid meets it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from auction.bidding.domain.refusals import BidTooLow, NoBuyNow, NotOnTheFloor
from auction.bidding.domain.states import Accepted, Act, BidCommand, Bidder, Decision, LotState, Refused
from auction.sessions.domain import Format


@dataclass(frozen=True, slots=True)
class SealedBid:
    """A bidder's last bid, as it comes out of its envelope; fen."""

    seq: int
    bidder_id: UUID
    pseudonym: str
    amount_minor: int


def decide_sealed(state: LotState, command: BidCommand, bidder: Bidder, now: datetime) -> Decision:
    """A bid whose time and bidder are good: any amount from the start price up. Neither price nor leader nor end moves."""
    if command.act is not Act.BID:
        return Refused(NoBuyNow() if command.act is Act.BUY_NOW else NotOnTheFloor())
    if command.maximum_minor < state.start_minor:
        return Refused(BidTooLow(next_minimum_minor=state.start_minor, price_minor=None))
    return Accepted(replace(state, seq=state.seq + 1), leading=False, extended=False)


def rank(bids: Iterable[SealedBid]) -> list[SealedBid]:
    """The last bid of every bidder, the highest first, of equal ones the earlier."""
    last: dict[UUID, SealedBid] = {}
    for bid in bids:
        if bid.bidder_id not in last or last[bid.bidder_id].seq < bid.seq:
            last[bid.bidder_id] = bid
    return sorted(last.values(), key=lambda bid: (-bid.amount_minor, bid.seq))


def reveal(state: LotState, bids: Iterable[SealedBid]) -> LotState:
    """The lot with its price and leader told; unchanged where nobody bid."""
    ranked = rank(bids)
    if not ranked:
        return state
    best = ranked[0]
    price = best.amount_minor
    if state.rules.format is Format.SEALED_SECOND_PRICE:
        price = ranked[1].amount_minor if len(ranked) > 1 else state.start_minor
        if state.reserve_minor is not None and best.amount_minor >= state.reserve_minor:
            price = max(price, state.reserve_minor)
    return replace(state, price_minor=price, leader_id=best.bidder_id, leader_pseudonym=best.pseudonym, maximum_minor=best.amount_minor)
