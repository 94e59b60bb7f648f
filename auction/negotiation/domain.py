"""Negotiating after the hammer: offers, counters, clocks. Pure.

Three kinds. ``if_bid``: agreed bidding ended below the reserve; the highest bid stands as its bidder's offer to the end of the day.
``private_offer``: the same after a statutory auction, where the highest bid has no effect (拍卖法 50), so the consignor speaks first.
``second_chance``: the consignor offers the car to another bidder at no more than that bidder himself bid. Silence is no.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from marketplace.core.errors import NotFound, Refusal, Rule

BINDING = Rule("民法典 第四百七十六条", "Civil Code, art. 476: an offer with a time for acceptance is not revoked")


class NegotiationKind(StrEnum):
    IF_BID = "if_bid"
    PRIVATE_OFFER = "private_offer"
    SECOND_CHANCE = "second_chance"


class NegotiationState(StrEnum):
    """``lapsed``: nobody answered in time."""

    OPEN = "open"
    AGREED = "agreed"
    DECLINED = "declined"
    LAPSED = "lapsed"


class Side(StrEnum):
    CONSIGNOR = "consignor"
    BIDDER = "bidder"

    @property
    def other(self) -> "Side":
        return Side.BIDDER if self is Side.CONSIGNOR else Side.CONSIGNOR


class Act(StrEnum):
    """What one move was. ``lapse`` is nobody's."""

    OFFER = "offer"
    COUNTER = "counter"
    ACCEPT = "accept"
    DECLINE = "decline"
    LAPSE = "lapse"


class NegotiationUnknown(NotFound):
    zh = "未找到该议价"
    en = "No such negotiation."


class NegotiationOver(Refusal):
    zh = "议价已结束({state})"
    en = "The negotiation is over ({state})."


class NotYourTurn(Refusal):
    """One's own offer stands until it is answered or its time is over."""

    zh = "您的报价有效期内不得撤销,请等待对方答复(截止 {answer_by})"
    en = "Your own offer stands until it is answered or {answer_by}."
    rule = BINDING


class OfferChanged(Refusal):
    """Accepted was another amount than the one that stands."""

    zh = "对方报价为 {offer_yuan},与您接受的金额不一致,请核对"
    en = "What stands is {offer_yuan}, not the amount you accept; look again."


class NoMoreCounters(Refusal):
    zh = "每方最多还价 {most} 次,只能接受或拒绝"
    en = "Each side counters at most {most} times: accept or decline."


class CounterNotAbove(Refusal):
    zh = "还价须高于竞买人上次的报价 {above_yuan}"
    en = "A counter is above what the bidder last offered, {above_yuan}."


class CounterNotBelow(Refusal):
    zh = "还价须低于委托人上次的要价 {below_yuan}"
    en = "A counter is below what the consignor last asked, {below_yuan}."


class AboveReserve(Refusal):
    """Who never asked for more than his reserve in the auction does not ask for more after it."""

    status = 422
    zh = "议价不得高于保留价"
    en = "Nobody asks for more than his own reserve."


class CounterRefused(Refusal):
    zh = "补选邀约只能接受或拒绝"
    en = "A second-chance offer is taken or left."


class AlreadyNegotiating(Refusal):
    zh = "该标的正在议价中"
    en = "The lot is being negotiated already."


class LotNotNegotiable(Refusal):
    """Only a lot that passed, or whose winner defaulted, and whose car is still there."""

    zh = "该标的当前不可议价"
    en = "There is nothing to negotiate about this lot."


class UnderBidderUnknown(NotFound):
    zh = "该竞买人未在此标的出价"
    en = "No such bidder bid on this lot."


class AboveOwnBid(Refusal):
    status = 422
    zh = "补选邀约不得高于该竞买人自己的最高出价"
    en = "A second-chance offer is no higher than that bidder's own bid."


@dataclass(frozen=True, slots=True)
class Clocks:
    """How long offers stand; ``tables/negotiation.toml``. An if-bid stands to the end of the day, or the next."""

    if_bid_least: timedelta
    answer: timedelta
    last: timedelta
    counters_a_side: int
    second_chance: timedelta

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(
            if_bid_least=timedelta(hours=values["if_bid_least_hours"]),
            answer=timedelta(hours=values["answer_hours"]),
            last=timedelta(hours=values["last_hours"]),
            counters_a_side=values["counters_a_side"],
            second_chance=timedelta(hours=values["second_chance_hours"]),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A negotiation as its rules see it; fen. ``ceiling_minor`` is the consignor's reserve, secret, None without one.

    ``bid_minor``: the bidder's highest offer, None before his first; ``ask_minor``: the consignor's lowest, None before his first.
    ``last_at``: no clock runs beyond it.
    """

    kind: NegotiationKind
    state: NegotiationState
    offered_by: Side
    bid_minor: int | None
    ask_minor: int | None
    ceiling_minor: int | None
    answer_by: datetime
    last_at: datetime
    consignor_counters: int = 0
    bidder_counters: int = 0

    @property
    def offer_minor(self) -> int:
        """What stands and can be accepted."""
        offer = self.bid_minor if self.offered_by is Side.BIDDER else self.ask_minor
        assert offer is not None
        return offer

    def counters(self, side: Side) -> int:
        return self.consignor_counters if side is Side.CONSIGNOR else self.bidder_counters


def open_if_bid(*, bid_minor: int, ceiling_minor: int | None, at: datetime, end_of_day: datetime, clocks: Clocks) -> Standing:
    """The highest bid stands as an offer until ``end_of_day``, a day longer when less than ``if_bid_least`` is left of it."""
    answer_by = end_of_day if end_of_day - at >= clocks.if_bid_least else end_of_day + timedelta(days=1)
    return Standing(
        NegotiationKind.IF_BID, NegotiationState.OPEN, Side.BIDDER, bid_minor, None, ceiling_minor, answer_by, answer_by + clocks.last
    )


def open_private_offer(*, ask_minor: int, ceiling_minor: int | None, at: datetime, clocks: Clocks) -> Standing:
    """After a statutory auction the consignor asks; nothing of the auction binds. Raises ``AboveReserve``."""
    if ceiling_minor is not None and ask_minor > ceiling_minor:
        raise AboveReserve
    kind, state = NegotiationKind.PRIVATE_OFFER, NegotiationState.OPEN
    return Standing(kind, state, Side.CONSIGNOR, None, ask_minor, ceiling_minor, at + clocks.answer, at + clocks.last)


def open_second_chance(*, ask_minor: int, own_bid_minor: int, at: datetime, clocks: Clocks) -> Standing:
    """The car for another bidder, at no more than he bid himself. Raises ``AboveOwnBid``."""
    if ask_minor > own_bid_minor:
        raise AboveOwnBid
    answer_by = at + clocks.second_chance
    return Standing(NegotiationKind.SECOND_CHANCE, NegotiationState.OPEN, Side.CONSIGNOR, None, ask_minor, None, answer_by, answer_by)


def accept(standing: Standing, *, by: Side, amount_minor: int, at: datetime) -> Standing:
    """What stands becomes the price. Raises ``NegotiationOver``, ``NotYourTurn``, ``OfferChanged``."""
    _check_turn(standing, by=by, at=at)
    if amount_minor != standing.offer_minor:
        raise OfferChanged(offer_minor=standing.offer_minor)
    return replace(standing, state=NegotiationState.AGREED)


def decline(standing: Standing, *, by: Side, at: datetime) -> Standing:
    """Raises ``NegotiationOver``, ``NotYourTurn``."""
    _check_turn(standing, by=by, at=at)
    return replace(standing, state=NegotiationState.DECLINED)


def counter(standing: Standing, *, by: Side, amount_minor: int, at: datetime, clocks: Clocks) -> Standing:
    """Asks only fall, offers only rise, and they stay apart: so it comes to an end.

    Raises ``NegotiationOver``, ``NotYourTurn``, ``CounterRefused``, ``NoMoreCounters``, ``CounterNotAbove``, ``CounterNotBelow``,
    ``AboveReserve``.
    """
    _check_turn(standing, by=by, at=at)
    if standing.kind is NegotiationKind.SECOND_CHANCE:
        raise CounterRefused
    if standing.counters(by) >= clocks.counters_a_side:
        raise NoMoreCounters(most=clocks.counters_a_side)
    _check_amount(standing, by=by, amount_minor=amount_minor)
    answer_by = min(at + clocks.answer, standing.last_at)
    if by is Side.CONSIGNOR:
        return replace(
            standing, offered_by=by, ask_minor=amount_minor, answer_by=answer_by, consignor_counters=standing.consignor_counters + 1
        )
    return replace(standing, offered_by=by, bid_minor=amount_minor, answer_by=answer_by, bidder_counters=standing.bidder_counters + 1)


def lapse(standing: Standing, *, at: datetime) -> Standing | None:
    """Silence is no; None while the time still runs or when it is over already."""
    if standing.state is not NegotiationState.OPEN or at < standing.answer_by:
        return None
    return replace(standing, state=NegotiationState.LAPSED)


def _check_turn(standing: Standing, *, by: Side, at: datetime) -> None:
    if standing.state is not NegotiationState.OPEN:
        raise NegotiationOver(state=standing.state.value)
    if at >= standing.answer_by:  # whether or not the sweep has run
        raise NegotiationOver(state=NegotiationState.LAPSED.value)
    if by is standing.offered_by:
        raise NotYourTurn(answer_by=standing.answer_by.isoformat())


def _check_amount(standing: Standing, *, by: Side, amount_minor: int) -> None:
    """Strictly between the two; the first ask of all is bounded by the reserve alone."""
    if by is Side.CONSIGNOR and standing.ceiling_minor is not None and amount_minor > standing.ceiling_minor:
        raise AboveReserve
    above, below = standing.bid_minor or 0, standing.ask_minor
    if amount_minor <= above:
        raise CounterNotAbove(above_minor=above)
    if below is not None and amount_minor >= below:
        raise CounterNotBelow(below_minor=below)
