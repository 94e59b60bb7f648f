"""A falling price: computed from the clock, taken by the first who takes it. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from auction.bidding.domain.refusals import BidTooLow, NoBuyNow, NotOnTheFloor
from auction.bidding.domain.states import Accepted, Act, BidCommand, Bidder, Decision, LotState, Refused


def falling_price(state: LotState, now: datetime) -> int:
    """Fen asked at ``now``: the start price less one step for every whole interval since the opening, never below the floor."""
    floor = state.floor_minor if state.floor_minor is not None else state.start_minor
    elapsed = max(now - state.opens_at, timedelta())
    steps = elapsed // timedelta(seconds=state.rules.fall_interval_s)
    return max(state.start_minor - steps * state.rules.fall_step_minor, floor)


def next_fall_at(state: LotState, now: datetime) -> datetime | None:
    """When the price falls next; None at the floor."""
    floor = state.floor_minor if state.floor_minor is not None else state.start_minor
    if falling_price(state, now) <= floor:
        return None
    interval = timedelta(seconds=state.rules.fall_interval_s)
    return state.opens_at + (max(now - state.opens_at, timedelta()) // interval + 1) * interval


def decide_dutch(state: LotState, command: BidCommand, bidder: Bidder, now: datetime) -> Decision:
    """A taker whose time and registration are good: he pays the price of the moment, however much more he would have paid."""
    if command.act is not Act.BID:
        return Refused(NoBuyNow() if command.act is Act.BUY_NOW else NotOnTheFloor())
    price = falling_price(state, now)
    if command.maximum_minor < price:
        return Refused(BidTooLow(next_minimum_minor=price, price_minor=None))
    taken = replace(
        state,
        ends_at=now,
        seq=state.seq + 1,
        price_minor=price,
        leader_id=bidder.registration_id,
        leader_pseudonym=bidder.pseudonym,
        maximum_minor=command.maximum_minor,
    )
    return Accepted(taken, leading=True, extended=False)
