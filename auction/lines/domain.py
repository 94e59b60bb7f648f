"""What a bidder is good for, over all lots at once. Pure; fen.

A reservation is the bidder's own maximum and the buyer's fee on it, never just the visible price. It stands while he leads a lot (in a
sealed lot from his bid to the close), goes when he is outbid, and turns into what he owes when he wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from marketplace.core.errors import NotFound, Refusal
from marketplace.core.money import share_bps


class LineKind(StrEnum):
    """``line``: a dealer's, for any lot, free again when he has paid. ``portfolio``: one budget for named lots, spent once."""

    LINE = "line"
    PORTFOLIO = "portfolio"


class LineState(StrEnum):
    """``requested``: the deposit is not held yet. ``lapsed``: the hold is gone.

    ``suspended``: a car won on it was not paid for; the deposit stays until the debt is settled.
    """

    REQUESTED = "requested"
    ACTIVE = "active"
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class LineNotActive(Refusal):
    zh = "竞买额度未生效({state})"
    en = "The line is {state}."


class LineExhausted(Refusal):
    """``free_minor`` is what is left of the limit for this lot, fees included."""

    zh = "竞买额度不足:本次需占用 {needed_yuan},可用 {free_yuan}"
    en = "The line does not carry this: it needs {needed_yuan}, free are {free_yuan}."


class PortfolioFull(Refusal):
    zh = "组合竞买最多中标 {leads_max} 辆,当前已领先或中标 {leads_max} 辆"
    en = "The portfolio may win {leads_max} and leads or has won as many."


class LineUnknown(NotFound):
    zh = "未找到该竞买额度"
    en = "No such line."


class LineExists(Refusal):
    zh = "已有生效的竞买额度"
    en = "There is a line already."


class DepositTooSmall(Refusal):
    status = 422
    zh = "额度保证金不得低于 {least_yuan}"
    en = "The deposit of a line is at least {least_yuan}."


class LineInUse(Refusal):
    """Leads stay bound, and so does what is owed."""

    zh = "额度仍被占用 {reserved_yuan},结清后方可退还保证金"
    en = "{reserved_yuan} of the line are still reserved; the deposit goes back when nothing is."


class DebtOutstanding(Refusal):
    zh = "尚有悔拍欠款未结清"
    en = "A debt from a broken sale is not settled."


class WishesTooFew(Refusal):
    status = 422
    zh = "组合内的标的不得少于拟购数量"
    en = "A portfolio names at least as many lots as it may win."


class BudgetTooSmall(Refusal):
    status = 422
    zh = "预算不足以支付任何一个标的的最高限价及服务费"
    en = "The budget does not carry a single one of the maxima with its fee."


@dataclass(slots=True)
class Line:
    """A locked line as a batch moves it. ``leads`` counts its reservations, each a lead, a sealed bid or a car won."""

    id: UUID
    limit_minor: int
    reserved_minor: int
    leads: int
    leads_max: int | None
    state: LineState


@dataclass(frozen=True, slots=True)
class Reservation:
    line_id: UUID
    amount_minor: int


Held: TypeAlias = dict[UUID, Reservation]
"""A lot's reservations by registration."""


def need(maximum_minor: int, fee_bps: int) -> int:
    """What a bid may cost its bidder at most."""
    return maximum_minor + share_bps(maximum_minor, fee_bps)


@dataclass(slots=True)
class Book:
    """Lines and reservations of the lots of one batch, all under their locks."""

    lines: dict[UUID, Line] = field(default_factory=dict)
    held: dict[UUID, Held] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)
    """Lots whose reservations changed."""

    def find_refusal(self, *, lot_id: UUID, registration_id: UUID, line_id: UUID, amount_minor: int) -> Refusal | None:
        """Whether the line carries a bid; None when it does. His own reservation on the lot is replaced, not added to."""
        line = self.lines[line_id]
        if line.state is not LineState.ACTIVE:
            return LineNotActive(state=line.state.value)
        own = self.held.get(lot_id, {}).get(registration_id)
        if own is None and line.leads_max is not None and line.leads >= line.leads_max:
            return PortfolioFull(leads_max=line.leads_max)
        free = line.limit_minor - line.reserved_minor + (own.amount_minor if own is not None else 0)
        return LineExhausted(needed_minor=amount_minor, free_minor=free) if amount_minor > free else None

    def reserve(self, *, lot_id: UUID, registration_id: UUID, line_id: UUID, amount_minor: int) -> None:
        """Replace his reservation on a lot."""
        self.release(lot_id=lot_id, registration_id=registration_id)
        line = self.lines[line_id]
        line.reserved_minor += amount_minor
        line.leads += 1
        self.held.setdefault(lot_id, {})[registration_id] = Reservation(line_id, amount_minor)
        self.touched.add(lot_id)

    def release(self, *, lot_id: UUID, registration_id: UUID) -> None:
        """He is outbid, or the lot is over; none there is no error."""
        found = self.held.get(lot_id, {}).pop(registration_id, None)
        if found is not None:
            line = self.lines[found.line_id]
            line.reserved_minor -= found.amount_minor
            line.leads -= 1
            self.touched.add(lot_id)

    def release_others(self, *, lot_id: UUID, registration_id: UUID | None) -> None:
        """One leads: everybody else on the lot is free again."""
        for other in [one for one in self.held.get(lot_id, {}) if one != registration_id]:
            self.release(lot_id=lot_id, registration_id=other)


# --- portfolios ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """One lot of a portfolio, as it stands: ``holds`` is whether the portfolio leads or has won it."""

    lot_id: UUID
    maximum_minor: int
    fee_bps: int
    next_minimum_minor: int
    is_open: bool
    holds: bool


def choose(wishes: Sequence[Wish], *, leads: int, leads_max: int, free_minor: int) -> list[Wish]:
    """Which lots to bid on now, in the order of the bidder's preference: never more than may be won, never beyond the budget."""
    chosen: list[Wish] = []
    for wish in wishes:
        if leads + len(chosen) >= leads_max:
            break
        wanted = need(wish.maximum_minor, wish.fee_bps)
        if wish.is_open and not wish.holds and wish.next_minimum_minor <= wish.maximum_minor and wanted <= free_minor:
            chosen.append(wish)
            free_minor -= wanted
    return chosen


@dataclass(frozen=True, slots=True)
class LineTerms:
    """``tables/lines.toml``: the limit is ``multiple`` deposits."""

    multiple: int
    least_deposit_minor: int

    @classmethod
    def from_values(cls, values: Mapping[str, int]) -> "LineTerms":
        return cls(values["multiple"], values["least_deposit_minor"])

    def limit(self, deposit_minor: int) -> int:
        """Raises ``DepositTooSmall``."""
        if deposit_minor < self.least_deposit_minor:
            raise DepositTooSmall(least_minor=self.least_deposit_minor)
        return deposit_minor * self.multiple

    def deposit_for(self, budget_minor: int) -> int:
        """The smallest deposit that carries a budget, whole yuan."""
        whole = self.multiple * 100
        return -(-budget_minor // whole) * 100
