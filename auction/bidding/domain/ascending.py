"""Open ascending bidding with proxy maxima: pure. The live lane and buy-now lots are this, with more acts.

The price is the second maximum plus one increment, at most the first maximum, never below the start price. A first maximum
at or above the reserve lifts the price to the reserve. Of equal maxima the earlier leads. Raising one's own maximum moves no
price, except to the reserve. A bid at or after ``ends_at`` is late: intervals are half-open.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from auction.bidding.domain.refusals import AlreadyLeading, BidTooLow, BuyNowGone, MaximumNotRaised, NoBuyNow, NotOnTheFloor
from auction.bidding.domain.states import Accepted, Act, BidCommand, Bidder, Decision, LotState, Refused
from auction.sessions.domain import ExtendOn, Format
from marketplace.core.errors import Refusal

_PLAIN = Act.BID
"""Bids that are not are rare: told apart by one comparison."""


def decide_ascending(state: LotState, command: BidCommand, bidder: Bidder, now: datetime) -> Decision:
    """A bid whose time and bidder are good."""
    act = command.act
    if act is not _PLAIN:
        if act is Act.BUY_NOW:
            return _buy_now(state, command.maximum_minor, bidder, now)
        if state.rules.format is not Format.LIVE_LANE:
            return Refused(NotOnTheFloor())
    refusal = _amount_refusal(state, command.maximum_minor, bidder)
    return Refused(refusal) if refusal is not None else _accept(state, command.maximum_minor, bidder, now, act)


def _buy_now(state: LotState, maximum_minor: int, bidder: Bidder, now: datetime) -> Decision:
    """The lot at its fixed price, at once: nothing comes after it."""
    price = state.buy_now_minor
    if price is None:
        return Refused(NoBuyNow())
    if not state.buy_now_stands:
        return Refused(BuyNowGone())
    if maximum_minor < price:
        return Refused(BidTooLow(next_minimum_minor=price, price_minor=state.price_minor))
    taken = replace(
        state,
        ends_at=now,
        seq=state.seq + 1,
        price_minor=price,
        leader_id=bidder.registration_id,
        leader_pseudonym=bidder.pseudonym,
        maximum_minor=maximum_minor,
        warned_at=None,
    )
    return Accepted(taken, leading=True, extended=False, act=Act.BUY_NOW)


def _amount_refusal(state: LotState, maximum_minor: int, bidder: Bidder) -> Refusal | None:
    if state.leader_id == bidder.registration_id:
        if not state.rules.self_raise:
            return AlreadyLeading()
        if maximum_minor <= state.maximum_minor:
            return MaximumNotRaised(maximum_minor=state.maximum_minor)
        return None
    least = state.next_minimum_minor
    return BidTooLow(next_minimum_minor=least, price_minor=state.price_minor) if maximum_minor < least else None


def _accept(state: LotState, maximum_minor: int, bidder: Bidder, now: datetime, act: Act) -> Accepted:
    price, leads, changed = _compute_price(state, maximum_minor, bidder)
    best = maximum_minor if leads else state.maximum_minor
    if act is not _PLAIN and leads:
        price = max(price, maximum_minor)
    if state.reserve_minor is not None and best >= state.reserve_minor > price:
        price = state.reserve_minor
    ends_at, extensions = compute_end(state, now, changed)
    after = LotState(
        state.phase,
        state.rules,
        state.start_minor,
        state.reserve_minor,
        state.opens_at,
        ends_at,
        state.hard_end_at,
        state.seq + 1,
        price,
        bidder.registration_id if leads else state.leader_id,
        bidder.pseudonym if leads else state.leader_pseudonym,
        best,
        extensions,
        state.buy_now_minor,
        state.floor_minor,
        state.estimate_minor,
        state.on_approval,
    )
    return Accepted(after, leads, extensions != state.extensions, act)


def _compute_price(state: LotState, maximum_minor: int, bidder: Bidder) -> tuple[int, bool, bool]:
    """(price before the reserve, whether the bidder leads, whether the lead changes)."""
    if state.price_minor is None:
        return state.start_minor, True, True
    if state.leader_id == bidder.registration_id:
        return state.price_minor, True, False
    if maximum_minor > state.maximum_minor:
        second = state.maximum_minor
        return min(maximum_minor, second + state.rules.ladder.increment(second)), True, True
    return min(state.maximum_minor, maximum_minor + state.rules.ladder.increment(maximum_minor)), False, False


def compute_end(state: LotState, now: datetime, lead_changes: bool) -> tuple[datetime, int]:
    """Where the end stands after an accepted bid, and the number of extensions. The end never moves back."""
    rules = state.rules
    late = now >= state.ends_at - timedelta(seconds=rules.window_s)
    asked = lead_changes or rules.extend_on is ExtendOn.ACCEPTED_BID
    capped = rules.max_extensions is not None and state.extensions >= rules.max_extensions
    if not late or not asked or capped:
        return state.ends_at, state.extensions
    ends_at = now + timedelta(seconds=rules.extension_s)
    if state.hard_end_at is not None and ends_at > state.hard_end_at:
        ends_at = state.hard_end_at
    return (ends_at, state.extensions + 1) if ends_at > state.ends_at else (state.ends_at, state.extensions)
