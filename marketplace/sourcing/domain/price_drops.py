"""The price-drop plan of a consignment: steps by day, agreed in the contract, applied by themselves, never below the floor. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.core.errors import Malformed


class StepOutcome(StrEnum):
    """``applied``, or why it changed nothing: the price was as low already, or the contract had ended."""

    APPLIED = "applied"
    LOW_ALREADY = "low_already"
    CONTRACT_ENDED = "contract_ended"


class BadPriceStep(Malformed):
    """``step`` counts from one; ``wrong`` is ``day``, ``price``, ``floor`` or ``count``."""

    zh = "降价计划第 {step} 步不成立({wrong})"
    en = "Step {step} of the price plan does not hold: {wrong}."


@dataclass(frozen=True, slots=True)
class PriceStep:
    """From the ``after_days``-th legal day after signing the car is marked with ``ask_minor`` fen."""

    after_days: int
    ask_minor: int


def check_steps(steps: Sequence[PriceStep], *, ask_minor: int, floor_minor: int, term_days: int, gap_days: int, steps_max: int) -> None:
    """Days grow by at least ``gap_days`` and stay within the term, prices fall and stay at or above the floor. Raises ``BadPriceStep``."""
    if len(steps) > steps_max:
        raise BadPriceStep(step=steps_max + 1, wrong="count")
    day, price = 0, ask_minor
    for n, step in enumerate(steps, start=1):
        if step.after_days < day + gap_days or step.after_days > term_days:
            raise BadPriceStep(step=n, wrong="day")
        if step.ask_minor < floor_minor:
            raise BadPriceStep(step=n, wrong="floor")
        if step.ask_minor >= price:
            raise BadPriceStep(step=n, wrong="price")
        day, price = step.after_days, step.ask_minor


def decide_step(step_minor: int, *, ask_minor: int, floor_minor: int) -> int | None:
    """The price a due step sets, None when it changes nothing. A floor raised since then holds: never below it."""
    wanted = max(step_minor, floor_minor)
    return wanted if wanted < ask_minor else None
