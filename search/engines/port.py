"""What the market asks of a search engine. Both adapters pass one suite of tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson

from marketplace.core.errors import Unavailable
from search.documents.domain import PRICE_STEPS, Change, Filters, Hits, Question, VehicleDocument


class SearchUnavailable(Unavailable):
    zh = "搜索服务暂不可用,请稍后重试"
    en = "The search engine does not answer; try again."


class Rebuild(Protocol):
    """A new index beside the one in use."""

    name: str

    def index(self, changes: Sequence[Change]) -> None: ...

    def finish(self) -> None:
        """Let searches and later changes go to the new index, all at once."""
        ...

    def abandon(self) -> None:
        """Throw it away."""
        ...


class SearchEngine(Protocol):
    """Changes may come twice and late: the version decides. Raises ``SearchUnavailable`` when the engine does not answer."""

    name: str

    def prepare(self) -> None:
        """Make the index when there is none. Raises ``SearchUnavailable``."""
        ...

    def index(self, changes: Sequence[Change]) -> int:
        """Apply changes; returns how many were new."""
        ...

    def search(self, question: Question) -> Hits: ...

    def begin_rebuild(self) -> Rebuild: ...

    def refresh(self) -> None:
        """Make what was indexed visible now rather than within half a second."""
        ...

    def check(self) -> None:
        """Raises when searches cannot be answered."""
        ...

    def close(self) -> None: ...


# --- what both adapters store ------------------------------------------------------------------------------------------


def dump(document: VehicleDocument) -> str:
    """The document without the texts it is found by."""
    shown = {name: getattr(document, name) for name in _SHOWN}
    return orjson.dumps(shown).decode()


def load(text: str | bytes) -> VehicleDocument:
    raw: dict[str, Any] = orjson.loads(text)
    raw["published_at"] = datetime.fromisoformat(raw["published_at"])
    if raw["first_registration_on"] is not None:
        raw["first_registration_on"] = datetime.fromisoformat(raw["first_registration_on"]).date()
    return VehicleDocument(**raw, head="", body="")


_SHOWN = tuple(name for name in VehicleDocument.__slots__ if name not in {"head", "body"})


def epoch_us(at: datetime) -> int:
    """Microseconds since 1970, for sorting."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def price_class(ask_minor: int) -> int:
    """The lower bound of a price's class."""
    return max((step for step in PRICE_STEPS if step <= ask_minor), default=0)


def bounds(filters: Filters) -> list[tuple[str, str, int | str]]:
    """``(field, gte|lte, value)`` of every bound that is set."""
    first = filters.registered_from
    wanted = (
        ("ask_minor", "gte", filters.price_min),
        ("ask_minor", "lte", filters.price_max),
        ("model_year", "gte", filters.year_min),
        ("model_year", "lte", filters.year_max),
        ("mileage_km", "lte", filters.mileage_max),
        ("registered_on", "gte", first.isoformat() if first else None),
    )
    return [(field, side, value) for field, side, value in wanted if value is not None]
