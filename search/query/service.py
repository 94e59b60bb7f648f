"""A search: understand the text, ask the engine, name what was counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from marketplace.api import listings, vehicles
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.pagination import BadCursor
from search.documents.domain import PRICE_STEPS, Filters, Hits, Question, Sort, query_words
from search.engines import current_engine
from search.query.domain import BrandWords, Lexicon, SeriesWords, Suggestion, Understanding, make_suggestion, suggest, understand
from search.query.domain.numbers import format_wan

TERMS = MappingProxyType(
    {
        "fuel": vehicles.Fuel,
        "gearbox": vehicles.Gearbox,
        "body_style": vehicles.BodyStyle,
        "colour": vehicles.Colour,
        "emission": vehicles.EmissionStage,
        "drivetrain": vehicles.Drivetrain,
    }
)
_CHANNELS = MappingProxyType(
    {
        listings.Channel.B2C_STORE: "卖场",
        listings.Channel.C2C_CONSIGNMENT: "寄售",
        listings.Channel.C2C_VIRTUAL: "虚拟寄售",
        listings.Channel.AUCTION: "竞拍",
        listings.Channel.PARALLEL_IMPORT: "平行进口",
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer with what was asked in the end. ``next_after`` is None on the last page."""

    hits: Hits
    understanding: Understanding
    filters: Filters
    order: Sort
    next_after: list[int | str] | None


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The catalogue's brands and series and the vocabulary of vehicles."""
    terms = {
        name: {value: (term.zh, term.en, *term.aliases) for value, term in vehicles.VOCABULARY[kind].items()}
        for name, kind in TERMS.items()
    }
    brands = [
        BrandWords(brand.name, brand.texts(), tuple(SeriesWords(one.name, one.texts()) for one in brand.series))
        for brand in vehicles.brands()
    ]
    return Lexicon(brands=brands, terms=terms)


def search(
    session: Session,
    *,
    text: str,
    chosen: Filters,
    sort: Sort,
    limit: int,
    after: list[int | str] | None = None,
    with_facets: bool = True,
) -> Found:
    """Live listings that are what ``text`` and ``chosen`` say. Raises ``BadCursor``, ``SearchUnavailable``."""
    today = clock.shanghai_day(clock.now(session))
    understood = understand(text, lexicon(), today=today)
    filters = understood.filters.overridden_by(named(chosen))
    question = Question(
        words=tuple(query_words(understood.rest)),
        filters=filters,
        sort=sort,
        limit=limit,
        after=_position(after, sort),
        facets=with_facets,
    )
    hits = current_engine().search(question)
    shown = hits.hits[:limit]
    more = len(hits.hits) > limit
    next_after: list[int | str] | None = [sort.value, shown[-1].key, shown[-1].document.listing_id] if more else None
    return Found(hits, understood, filters, question.order, next_after)


def _position(after: list[int | str] | None, sort: Sort) -> tuple[int | str, str] | None:
    """A cursor counts only in the order it was given for."""
    if after is None:
        return None
    if len(after) != 3 or after[0] != sort.value:
        raise BadCursor
    return after[1], str(after[2])


def named(chosen: Filters) -> Filters:
    """A brand chosen by any of its names is the catalogue's."""
    brands = tuple(brand.name if (brand := vehicles.resolve_brand(text)) else text for text in chosen.brand)
    known = [brand for name in brands if (brand := vehicles.resolve_brand(name))]
    series = tuple(_series_named(known, text) for text in chosen.series)
    return Filters(
        **{name: getattr(chosen, name) for name in Filters.__slots__ if name not in {"brand", "series"}}, brand=brands, series=series
    )


def _series_named(brands: list[vehicles.Brand], text: str) -> str:
    for brand in brands:
        if (series := vehicles.resolve_series(brand, text)) is not None:
            return series.name
    return text


def label(facet: str, value: str) -> str:
    """A facet's value for people."""
    if facet in TERMS:
        return vehicles.term(TERMS[facet](value)).zh
    if facet == "channel":
        return _CHANNELS[listings.Channel(value)]
    if facet == "price":
        return _price_label(int(value))
    return value


def _price_label(low: int) -> str:
    place = PRICE_STEPS.index(low)
    if place + 1 == len(PRICE_STEPS):
        return f"{format_wan(low)}以上"
    high = format_wan(PRICE_STEPS[place + 1])
    return f"{high}以下" if low == 0 else f"{format_wan(low)}–{high}"


def labels(facets: Mapping[str, Mapping[str, int]]) -> dict[str, list[tuple[str, str, int]]]:
    """``facet → (value, label, count)``, as the engine ordered them."""
    return {facet: [(value, label(facet, value), count) for value, count in counts.items()] for facet, counts in facets.items()}


@lru_cache(maxsize=1)
def _suggestions() -> tuple[Suggestion, ...]:
    found = []
    for brand in vehicles.brands():
        found.append(
            make_suggestion(
                text=brand.name, brand=brand.name, series=None, texts=(*brand.texts(), _pinyin(brand.name), _initials(brand.name))
            )
        )
        for series in brand.series:
            text = f"{brand.name} {series.name}"
            texts = (*series.texts(), text, _pinyin(series.name), _initials(series.name), _pinyin(text), _initials(text))
            found.append(make_suggestion(text=text, brand=brand.name, series=series.name, texts=texts))
    return tuple(found)


def _pinyin(text: str) -> str:
    from pypinyin import lazy_pinyin  # noqa: PLC0415  # its dictionary takes a second: at the first suggestion, not at every start

    return "".join(lazy_pinyin(text))


def _initials(text: str) -> str:
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  # as above

    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER))


def suggestions(text: str, *, limit: int) -> list[Suggestion]:
    """Brands and series that begin with the text."""
    return suggest(text, _suggestions(), limit=limit)


def warm_up() -> None:
    """Read the catalogue now, so that the first visitor does not wait for it."""
    lexicon()
    _suggestions()
