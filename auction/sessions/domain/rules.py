"""What a session decides about bidding: increments, soft close, the settings of each format. Frozen at opening; pure."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from auction.sessions.domain.modes import Format, LegalMode


class ExtendOn(StrEnum):
    """Which bids inside the window move the end."""

    ACCEPTED_BID = "accepted_bid"
    CHANGE_OF_LEAD = "change_of_lead"


class BuyNowUntil(StrEnum):
    """When the fixed price is gone; a lot without reserve meets it with the first bid."""

    FIRST_BID = "first_bid"
    RESERVE_MET = "reserve_met"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Increments by price: ``steps_minor[i]`` holds from ``floors_minor[i]`` up. Fen; floors rise from 0."""

    floors_minor: tuple[int, ...]
    steps_minor: tuple[int, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.floors_minor, self.floors_minor[1:], strict=False))
        if not self.floors_minor or self.floors_minor[0] != 0 or not rising or len(self.floors_minor) != len(self.steps_minor):
            raise ValueError("a ladder has rising floors from 0 and one step each")
        if min(self.steps_minor) <= 0:
            raise ValueError("a step is above zero")

    def increment(self, price_minor: int) -> int:
        """The step at a price."""
        return self.steps_minor[bisect_right(self.floors_minor, price_minor) - 1]


@dataclass(frozen=True, slots=True)
class BidRules:
    """One source of truth for a lot's bidding, frozen at opening.

    ``max_extensions`` None: as many as come before the hard end. ``hard_end_s`` counts from the scheduled end, None: no hard end.
    ``confirm_above_bps``: a bid above so many ten-thousandths of the estimate is asked about once; None never asks. ``fall_step_minor`` and
    ``fall_interval_s``: a Dutch price falls so many fen every so many seconds. ``warning_s``: from fair warning to hammer at the least.
    """

    ladder: Ladder
    extend_on: ExtendOn
    window_s: int
    extension_s: int
    max_extensions: int | None
    hard_end_s: int | None
    self_raise: bool
    format: Format = Format.OPEN_ASCENDING
    confirm_above_bps: int | None = None
    buy_now_until: BuyNowUntil = BuyNowUntil.FIRST_BID
    fall_step_minor: int = 0
    fall_interval_s: int = 0
    warning_s: int = 0

    def to_json(self) -> dict[str, Any]:
        """For the log and the session's row: plain values only."""
        return asdict(self) | {
            "buy_now_until": self.buy_now_until.value,
            "extend_on": self.extend_on.value,
            "format": self.format.value,
            "ladder": {"floors_minor": list(self.ladder.floors_minor), "steps_minor": list(self.ladder.steps_minor)},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        ladder = Ladder(tuple(stored["ladder"]["floors_minor"]), tuple(stored["ladder"]["steps_minor"]))
        read = {
            "ladder": ladder,
            "extend_on": ExtendOn(stored["extend_on"]),
            "format": Format(stored.get("format", Format.OPEN_ASCENDING)),
            "buy_now_until": BuyNowUntil(stored.get("buy_now_until", BuyNowUntil.FIRST_BID)),
        }
        return cls(**{**stored, **read})

    def hard_end(self, ends_at: datetime) -> datetime | None:
        """The instant no extension passes, for a lot scheduled to end at ``ends_at``."""
        return None if self.hard_end_s is None else ends_at + timedelta(seconds=self.hard_end_s)


def default_extend_on(legal_mode: LegalMode) -> ExtendOn:
    """Statutory sessions extend on any accepted bid, agreed ones on a change of lead."""
    return ExtendOn.ACCEPTED_BID if legal_mode is LegalMode.STATUTORY_AUCTION else ExtendOn.CHANGE_OF_LEAD
