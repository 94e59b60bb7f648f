"""Rules of the shop window: channels, prices, what ends a listing, the warranty a dealer owes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from uuid import UUID

from marketplace.core.errors import Forbidden, Malformed, NotFound, Refusal, Rule


class Channel(StrEnum):
    """Where a car is offered. A car may stand in several channels at once; the claim decides who sells it."""

    B2C_STORE = "b2c_store"
    C2C_CONSIGNMENT = "c2c_consignment"
    C2C_VIRTUAL = "c2c_virtual"
    AUCTION = "auction"
    PARALLEL_IMPORT = "parallel_import"


STORE_CHANNELS = frozenset({Channel.B2C_STORE, Channel.C2C_CONSIGNMENT, Channel.C2C_VIRTUAL, Channel.PARALLEL_IMPORT})
"""Channels with an asking price at which a buyer may order."""


class ListingState(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"


OPEN_STATES = frozenset({ListingState.LIVE, ListingState.PAUSED})


class EndReason(StrEnum):
    """Why a listing was withdrawn."""

    SELLER = "seller"
    NOT_ELIGIBLE = "not_eligible"
    HOLDING_ENDED = "holding_ended"
    CONTRACT_ENDED = "contract_ended"
    MODERATED = "moderated"
    IMPORT = "import"


class ClaimKind(StrEnum):
    """What holds a car: whoever has the claim is the only one who may sell it now."""

    ORDER = "order"
    ACQUISITION = "acquisition"
    LOT = "lot"


class Availability(StrEnum):
    """What the public is told of an open listing."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    IN_AUCTION = "in_auction"
    PAUSED = "paused"
    SOLD = "sold"
    WITHDRAWN = "withdrawn"


# --- refusals ----------------------------------------------------------------------------------------------------------


class ListingNotFound(NotFound):
    zh = "未找到该挂牌"
    en = "No such listing, or it is not yours."


class VehicleClaimed(Refusal):
    """``held_by``: order, acquisition or lot. Says nothing of who."""

    zh = "该车已被占用({held_by}),暂不能出售"
    en = "The car is held by an {held_by}; nobody else can sell it now."


class AlreadyListed(Refusal):
    zh = "该车已在此渠道挂牌"
    en = "You have an open listing of this car in this channel."


class ListingNotOpen(Refusal):
    """``state`` is the listing's."""

    zh = "该挂牌已结束({state})"
    en = "The listing is {state}."


class ListingNotLive(Refusal):
    zh = "该挂牌当前不可下单({state})"
    en = "The listing cannot be ordered from now: {state}."


class PriceOutOfBounds(Malformed):
    zh = "标价超出允许范围"
    en = "The price is outside the bounds of this market ({min_yuan} to {max_yuan})."


class BelowFloor(Refusal):
    """The floor itself is the consignor's and is not told."""

    zh = "低于委托人指定的价格,须经委托人同意"
    en = "Below the price the consignor set; he must consent."
    rule = Rule("民法典 第九百五十五条", "Civil Code, art. 955")


class ChannelNotOpen(Refusal):
    """``opened_by``: what publishes in that channel."""

    zh = "此渠道不能直接挂牌,须通过 {opened_by}"
    en = "Listings of this channel come from {opened_by}, not by hand."


class ListingOfContract(Refusal):
    zh = "该挂牌由寄售合同产生,请在合同中修改"
    en = "This listing follows its consignment contract; change it there."
    rule = Rule("二手车交易规范 第二十三条", "Used-Car Trading Code, art. 23")


class SellerKindNotAllowed(Forbidden):
    zh = "此类主体不能在该渠道销售:{channel}"
    en = "A party of this kind may not sell in channel {channel}."
    rule = Rule("二手车流通管理办法", "Used-Car Circulation Measures")


class WrongHolding(Refusal):
    """``needed``: the capacity in which the channel wants the seller to hold the car."""

    zh = "持有方式与该渠道不符(需要 {needed})"
    en = "This channel needs the car held as {needed}."
    rule = Rule("二手车交易规范 第六条", "Used-Car Trading Code, art. 6")


class OwnCar(Refusal):
    zh = "不能购买自己的车辆"
    en = "The seller cannot buy his own car."


# --- rules -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListingRules:
    """Numbers of ``tables/listings.toml``, amounts in fen."""

    ask_min_minor: int
    ask_max_minor: int
    comparison_days: int

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "ListingRules":
        return cls(values["ask_min_minor"], values["ask_max_minor"], values["comparison_days"])


def check_ask(ask_minor: int, *, floor_minor: int | None, rules: ListingRules) -> None:
    """Raises ``PriceOutOfBounds`` or ``BelowFloor``."""
    if not rules.ask_min_minor <= ask_minor <= rules.ask_max_minor:
        raise PriceOutOfBounds(min_minor=rules.ask_min_minor, max_minor=rules.ask_max_minor)
    if floor_minor is not None and ask_minor < floor_minor:
        raise BelowFloor


def compute_availability(state: ListingState, claim: ClaimKind | None) -> Availability:
    """What is said of a listing, given what holds its car. An ended or paused listing says so whatever holds it."""
    if state is not ListingState.LIVE:
        return {
            ListingState.SOLD: Availability.SOLD,
            ListingState.PAUSED: Availability.PAUSED,
        }.get(state, Availability.WITHDRAWN)
    if claim is None:
        return Availability.AVAILABLE
    return Availability.IN_AUCTION if claim is ClaimKind.LOT else Availability.RESERVED


@dataclass(frozen=True, slots=True)
class PricePoint:
    """From ``at`` on the car was marked with ``ask_minor`` fen."""

    ask_minor: int
    at: datetime


def find_comparison_price(history: Sequence[PricePoint], *, days: int) -> int | None:
    """The price a reduction may be compared with: the lowest really marked in the ``days`` before the last change.

    None when the last change was no reduction against it (规范促销行为暂行规定 第二十二条; 明码标价和禁止价格欺诈规定 第十六条).
    ``history`` is oldest first.
    """
    if len(history) < 2:
        return None
    last = history[-1]
    window = last.at - timedelta(days=days)
    marked = [
        point.ask_minor
        for point, following in pairwise(history)
        if following.at > window  # it still stood inside the window
    ]
    lowest = min(marked)
    return lowest if lowest > last.ask_minor else None


@dataclass(frozen=True, slots=True)
class WarrantyRules:
    """Numbers of ``tables/warranty.toml``. ``either_limit``: being within one of the two limits is enough."""

    months: int
    km: int
    max_age_months: int
    max_odometer_km: int
    either_limit: bool

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "WarrantyRules":
        return cls(values["months"], values["km"], values["max_age_months"], values["max_odometer_km"], values["limits_joined"] == "or")


@dataclass(frozen=True, slots=True)
class Warranty:
    """What the dealer owes: until ``months`` or ``km`` after the sale, whichever is reached first."""

    months: int
    km: int


def find_warranty(
    *, channel: Channel, is_commercial: bool, first_registration_on: date | None, odometer_km: int, today: date, rules: WarrantyRules
) -> Warranty | None:
    """The warranty of a dealer's sale to an end user (二手车交易规范 第十六条), None when none is owed."""
    if channel is not Channel.B2C_STORE or is_commercial:
        return None
    young = first_registration_on is None or _months_between(first_registration_on, today) < rules.max_age_months
    little_used = odometer_km <= rules.max_odometer_km
    owed = (young or little_used) if rules.either_limit else (young and little_used)
    return Warranty(rules.months, rules.km) if owed else None


def _months_between(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month - (1 if end.day < start.day else 0)


# --- views -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingView:
    """A listing as features see it. Private: ``floor_minor``, ``seller_fee_bps``, ``agent_id``.

    ``agent_id`` is the consignee who earns ``seller_fee_bps`` ten-thousandths of the price; None where nobody stands between.
    """

    id: UUID
    vehicle_id: UUID
    channel: Channel
    seller_id: UUID
    agent_id: UUID | None
    ask_minor: int
    floor_minor: int | None
    seller_fee_bps: int
    title: str
    description: str
    brand: str
    city: str
    state: ListingState
    availability: Availability
    published_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    source_kind: str | None
    source_id: UUID | None
    facts_version: int
    version: int


@dataclass(frozen=True, slots=True)
class ClaimView:
    """Who holds a car. ``fence`` grows with every change of holder: a late act with an old one is refused."""

    vehicle_id: UUID
    kind: ClaimKind
    holder_id: UUID
    fence: int
