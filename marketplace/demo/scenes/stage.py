"""What one scene leaves to the next."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from marketplace.demo.caller import Body
from marketplace.demo.cars import PATTERNS, DemoCar, demo_car
from marketplace.demo.cast import Actor, Cast
from marketplace.demo.narrator import Narrator


@dataclass(slots=True)
class Stage:
    """The players and what they have so far."""

    cast: Cast
    tell: Narrator
    operator: Actor
    today: date
    owner: Actor | None = None
    dealer: Actor | None = None
    consigned_car: Body = field(default_factory=dict)
    consigned_listing: Body = field(default_factory=dict)
    stock_listing: str = ""
    seen: list[tuple[str, UUID]] = field(default_factory=list)
    serial: int = 0

    def note(self, kind: str, object_id: str) -> None:
        """An object whose audit trail the last scene looks at."""
        self.seen.append((kind, UUID(object_id)))

    def car(self, brand: str, series: str) -> DemoCar:
        """A new invented car of a series, three to five years old."""
        pattern = next(one for one in PATTERNS if (one.brand, one.series) == (brand, series))
        self.serial += 1
        return demo_car(50_000 + self.serial, pattern, Random(self.serial), today=self.today)

    def day(self, ahead: int) -> str:
        return (self.today + timedelta(days=ahead)).isoformat()


def owner_of(stage: Stage) -> Actor:
    assert stage.owner is not None
    return stage.owner


def dealer_of(stage: Stage) -> Actor:
    assert stage.dealer is not None
    return stage.dealer
