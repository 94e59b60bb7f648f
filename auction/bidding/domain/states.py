"""What bidding is decided on and what comes of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from auction.lots.domain import LotPhase
from auction.sessions.domain import BidRules, BuyNowUntil
from marketplace.core.errors import Refusal


class RegistrationState(StrEnum):
    """``requested`` waits for its deposit; only ``registered`` may bid; ``suspended`` is the party's own suspension, ``lapsed`` lost its
    deposit, ``released`` is over. A lead stays bound whatever becomes of the registration.
    """

    REQUESTED = "requested"
    REGISTERED = "registered"
    SUSPENDED = "suspended"
    FAILED = "failed"
    LAPSED = "lapsed"
    RELEASED = "released"
    APPLIED = "applied"
    FORFEITED = "forfeited"


class Conflict(StrEnum):
    """Why somebody may never bid on this lot."""

    CONSIGNOR = "consignor"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Bidder:
    """A registration as the rules see it. ``pseudonym`` is stable within the lot and tells nothing about the party."""

    registration_id: UUID
    pseudonym: str
    state: RegistrationState
    conflict: Conflict | None = None
    line_id: UUID | None = None
    fee_bps: int = 0


class Act(StrEnum):
    """How a bid is meant. ``floor``: called out in the room by a paddle; it stands at its amount, not below."""

    BID = "bid"
    BUY_NOW = "buy_now"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class LotState:
    """What the next bid is decided on. ``price_minor`` None: no bid yet, or sealed. ``maximum_minor`` is the leader's.

    ``floor_minor``: where a Dutch price stops. ``estimate_minor``: what an unusual bid is measured by. ``on_approval``: the consignor
    decides after the end. ``warned_at``: fair warning was the last thing that happened.
    """

    phase: LotPhase
    rules: BidRules
    start_minor: int
    reserve_minor: int | None
    opens_at: datetime
    ends_at: datetime
    hard_end_at: datetime | None = None
    seq: int = 0
    price_minor: int | None = None
    leader_id: UUID | None = None
    leader_pseudonym: str | None = None
    maximum_minor: int = 0
    extensions: int = 0
    buy_now_minor: int | None = None
    floor_minor: int | None = None
    estimate_minor: int | None = None
    on_approval: bool = False
    warned_at: datetime | None = None

    @property
    def next_minimum_minor(self) -> int:
        """The least maximum a bidder who does not lead must offer. Of a Dutch lot the clock tells: ``falling_price``."""
        if self.price_minor is None or self.floor_minor is not None:
            return self.start_minor
        return self.price_minor + self.rules.ladder.increment(self.price_minor)

    @property
    def buy_now_stands(self) -> bool:
        """Whether the lot may still be taken at its fixed price."""
        if self.buy_now_minor is None:
            return False
        return self.price_minor is None if self.rules.buy_now_until is BuyNowUntil.FIRST_BID else not self.reserve_met

    @property
    def reserve_met(self) -> bool:
        """Whether the lot would sell at its present price; without bids it would not."""
        return self.price_minor is not None and (self.reserve_minor is None or self.price_minor >= self.reserve_minor)


@dataclass(frozen=True, slots=True)
class BidCommand:
    """One bid as it came in. ``key`` is the caller's idempotency key; ``confirmed``: an unusual amount is meant."""

    lot_id: UUID
    actor_id: UUID
    party_id: UUID
    maximum_minor: int
    key: str | None = None
    confirmed: bool = False
    act: Act = Act.BID


@dataclass(frozen=True, slots=True)
class Accepted:
    """The lot after the bid, and whether the bidder leads it. A sealed bid leads nothing."""

    state: LotState
    leading: bool
    extended: bool
    act: Act = Act.BID


@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal


Decision: TypeAlias = Accepted | Refused
