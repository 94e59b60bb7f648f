"""The document of a live listing, what may be asked of an index, and the words both engines compare. Pure.

Words are cut here, not by an engine, so that both find the same: runs of Chinese give their bigrams, and single characters for
one-character queries; Latin runs give themselves and, where letters and digits meet, their parts (``325li`` → ``325``, ``li``).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

# --- words ------------------------------------------------------------------------------------------------------------

_RUN = re.compile(r"[㐀-䶿一-鿿]+|[^\W_㐀-䶿一-鿿]+")
_PART = re.compile(r"\d+|[^\W\d_]+")


def fold(text: str) -> str:
    """Half-width, lower case, one character for each of ``text``: places in it stay places in the original."""
    return "".join(_fold_one(character) for character in text)


def _fold_one(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


def _is_chinese(run: str) -> bool:
    return "㐀" <= run[0] <= "鿿"


def _runs(text: str) -> Iterator[str]:
    return (found.group() for found in _RUN.finditer(unicodedata.normalize("NFKC", text).lower()))


def document_words(text: str) -> list[str]:
    """Every word a query may find the text by, in order, with repeats."""
    words: list[str] = []
    for run in _runs(text):
        if _is_chinese(run):
            words += list(run)
            words += [run[place : place + 2] for place in range(len(run) - 1)]
        else:
            parts = _PART.findall(run)
            words += [run, *(parts if len(parts) > 1 else [])]
    return words


def query_words(text: str) -> list[str]:
    """The words a document must all have; no repeats."""
    words: list[str] = []
    for run in _runs(text):
        if _is_chinese(run) and len(run) > 1:
            words += [run[place : place + 2] for place in range(len(run) - 1)]
        else:
            words.append(run)
    return list(dict.fromkeys(words))


# --- the document -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleDocument:
    """One live listing as everybody may see it: the VIN masked, no plate, no seller. ``ask_minor`` is fen.

    ``head`` holds what names the car (brand, series, model and their other names), ``body`` what describes it: texts to be found by.
    """

    listing_id: str
    vehicle_id: str
    channel: str
    availability: str
    title: str
    brand: str
    series: str
    model: str
    model_year: int
    segment: str
    body_style: str | None
    fuel: str
    gearbox: str | None
    drivetrain: str | None
    emission: str | None
    colour: str
    city: str
    seats: int | None
    transfer_count: int
    mileage_km: int
    ask_minor: int
    first_registration_on: date | None
    published_at: datetime
    vin_masked: str
    photo_id: str | None
    photo_count: int
    head: str
    body: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a listing in the index. ``document`` None: gone. An older ``version`` never overwrites a newer one."""

    listing_id: str
    version: int
    document: VehicleDocument | None


# --- questions --------------------------------------------------------------------------------------------------------


class Sort(StrEnum):
    """The orders a user may choose from; the car's price among them (E-Commerce Law, art. 40 asks for several)."""

    RELEVANCE = "relevance"
    PRICE = "price"
    PRICE_DOWN = "-price"
    MILEAGE = "mileage"
    NEWEST = "newest"


SORT_FIELDS: Mapping[Sort, tuple[str, bool]] = MappingProxyType(
    {
        Sort.PRICE: ("ask_minor", False),
        Sort.PRICE_DOWN: ("ask_minor", True),
        Sort.MILEAGE: ("mileage_km", False),
        Sort.NEWEST: ("published_us", True),
    }
)
"""Field and whether it runs down; relevance is the engine's score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a car must be. Values of one field are alternatives, fields are joined by and; bounds are inclusive.

    ``price_*`` are fen, ``registered_from`` a legal day.
    """

    brand: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    city: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    fuel: tuple[str, ...] = ()
    gearbox: tuple[str, ...] = ()
    body_style: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()
    emission: tuple[str, ...] = ()
    drivetrain: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    year_min: int | None = None
    year_max: int | None = None
    mileage_max: int | None = None
    registered_from: date | None = None

    def overridden_by(self, chosen: "Filters") -> "Filters":
        """What was chosen wins over what was understood, group by group."""
        changes = {
            name: getattr(chosen, name)
            for group in GROUPS.values()
            if any(getattr(chosen, name) not in {None, ()} for name in group)
            for name in group
        }
        return replace(self, **changes)

    def without(self, facet: str) -> "Filters":
        """All filters but the facet's own."""
        empty = Filters()
        return replace(self, **{name: getattr(empty, name) for name in GROUPS[facet]})

    def is_empty(self) -> bool:
        return all(getattr(self, field.name) in {None, ()} for field in fields(self))


TERM_FIELDS = ("brand", "series", "city", "channel", "fuel", "gearbox", "body_style", "colour", "emission", "drivetrain")
"""Fields that hold one value each and are filtered by equality."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: (name,) for name in TERM_FIELDS}
    | {
        "price": ("price_min", "price_max"),
        "year": ("year_min", "year_max"),
        "mileage": ("mileage_max",),
        "age": ("registered_from",),
    }
)
"""A facet's own filters."""

FACETS = (*TERM_FIELDS, "year", "price")
"""What is counted. ``price`` counts by ``PRICE_STEPS``."""

WAN_MINOR = 1_000_000
PRICE_STEPS = tuple(step * WAN_MINOR for step in (0, 3, 5, 8, 10, 15, 20, 30, 50, 100))
"""Lower bounds of the price classes, fen; the last one is open."""
FACET_SIZE = 60
"""Most frequent values counted of one facet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One search. ``after`` is the sort key and listing id of the last document seen."""

    words: tuple[str, ...]
    filters: Filters
    sort: Sort
    limit: int
    after: tuple[int | str, str] | None = None
    facets: bool = True

    @property
    def order(self) -> Sort:
        """Without words there is nothing to be relevant to: the newest first."""
        return Sort.NEWEST if self.sort is Sort.RELEVANCE and not self.words else self.sort


@dataclass(frozen=True, slots=True)
class Hit:
    """``key`` is the document's place in the chosen order, for the next page."""

    document: VehicleDocument
    key: int | str


@dataclass(frozen=True, slots=True)
class Hits:
    """Up to ``limit + 1`` documents: the extra one tells that there is more. Facet values come most frequent first."""

    hits: Sequence[Hit]
    total: int
    facets: Mapping[str, Mapping[str, int]]
