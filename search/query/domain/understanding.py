"""What a buyer's text means: which brand, series, price, year, mileage, kind of car and city, and the words that are left. Pure.

Every recognised part is told with its place, so that people see why they got what they got; what is not understood stays a word
that a car must have.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from search.documents.domain import TERM_FIELDS, Filters, fold
from search.query.domain.numbers import find_amounts
from search.query.domain.words import CITIES, FILLERS, WORDS

_SEPARATOR = re.compile(r"[\s·•.\-_]")
_LONGEST = 16


@dataclass(frozen=True, slots=True)
class SeriesWords:
    """A series and every text for it."""

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrandWords:
    """A brand, every text for it (宝马, BMW, baoma), its series."""

    name: str
    texts: tuple[str, ...]
    series: tuple[SeriesWords, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One recognised part. ``text`` is ``query[start:end]``; ``kind`` a filter's group, or ``filler``."""

    kind: str
    start: int
    end: int
    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """``rest`` is the query without its recognised parts: nothing is lost."""

    filters: Filters
    parts: tuple[Part, ...]
    rest: str


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a text says: values of one field, and the brand that goes with a series."""

    kind: str
    values: tuple[str, ...]
    said: str
    brand: str | None = None


def key_of(text: str) -> str:
    """What texts are compared by: folded, without separators."""
    return _SEPARATOR.sub("", fold(text))


@dataclass(slots=True)
class Lexicon:
    """Texts and their meanings. ``terms`` are the vocabulary's: field → value → its texts, the first one Chinese."""

    brands: Sequence[BrandWords]
    terms: Mapping[str, Mapping[str, Sequence[str]]]
    _meanings: dict[str, _Meaning] = field(default_factory=dict)
    _series: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for city in CITIES:
            for text in (city, f"{city}市"):
                self._add(text, _Meaning("city", (city,), f"城市:{city}"))
        for brand in self.brands:
            for text in brand.texts:
                self._add(text, _Meaning("brand", (brand.name,), f"品牌:{brand.name}"))
            self._series[brand.name] = {key_of(text): one.name for one in brand.series for text in reversed(one.texts)}
        self._add_words()
        self._add_lone_series()
        for text in FILLERS:
            self._add(text, _Meaning("filler", (), "略去"))

    def _add(self, text: str, meaning: _Meaning) -> None:
        self._meanings.setdefault(key_of(text), meaning)

    def _add_words(self) -> None:
        for name, words in WORDS.items():
            for text, values in words.items():
                self._add(text, _Meaning(name, values, self._said(name, values)))
        for name, values_of in self.terms.items():
            for value, texts in values_of.items():
                for text in texts:
                    if len(key_of(text)) > 1:  # 白 and 银 are parts of other words
                        self._add(text, _Meaning(name, (value,), self._said(name, (value,))))

    def _said(self, name: str, values: Sequence[str]) -> str:
        known = self.terms.get(name, {})
        return "/".join(known[value][0] if value in known else value for value in values)

    def _add_lone_series(self) -> None:
        """A series that one brand alone has needs no brand before it, when its text is telling enough."""
        owners: dict[str, set[tuple[str, str]]] = {}
        for brand, texts in self._series.items():
            for text, name in texts.items():
                owners.setdefault(text, set()).add((brand, name))
        for text, found in owners.items():
            if len(found) == 1 and _is_telling(text):
                brand, name = next(iter(found))
                self._add(text, _Meaning("series", (name,), f"车系:{brand} {name}", brand))

    def find(self, key: str) -> _Meaning | None:
        return self._meanings.get(key)

    def series_of(self, brand: str, key: str) -> str | None:
        return self._series.get(brand, {}).get(key)


def _is_telling(text: str) -> bool:
    """Two Chinese characters, letters with digits, or three letters."""
    if any(character >= "㐀" for character in text):
        return len(text) > 1
    return len(text) > 1 and not text.isdigit() and (len(text) > 2 or any(character.isdigit() for character in text))


def understand(query: str, lexicon: Lexicon, *, today: date) -> Understanding:
    """Never raises; ``today`` is the legal day that 3年内 counts back from."""
    reader = _Reader(query, lexicon)
    for amount in find_amounts(reader.folded, today=today):
        if reader.take(amount.kind, amount.start, amount.end, amount.meaning):
            reader.narrow(amount.filters)
    reader.read_words()
    reader.read_series_of_named_brands()
    return reader.result()


class _Reader:
    """One query being read. ``used`` marks the characters that are understood."""

    def __init__(self, query: str, lexicon: Lexicon) -> None:
        self.query = query
        self.folded = fold(query)
        self._lexicon = lexicon
        self._used = [False] * len(query)
        self._parts: list[Part] = []
        self._named: list[tuple[str, int]] = []  # brands, and where each one's text ends
        self._filters = Filters()
        self._places = [place for place, character in enumerate(self.folded) if not _SEPARATOR.match(character)]
        self._compact = "".join(self.folded[place] for place in self._places)

    def take(self, kind: str, start: int, end: int, meaning: str) -> bool:
        """Whether the place was still free; then it is used."""
        if start >= end or any(self._used[start:end]):
            return False
        self._used[start:end] = [True] * (end - start)
        self._parts.append(Part(kind, start, end, self.query[start:end], meaning))
        return True

    def narrow(self, found: Filters) -> None:
        """Bounds replace what was there; the last one said counts."""
        changes = {name: value for name in Filters.__slots__ if (value := getattr(found, name)) not in {None, ()}}
        self._filters = replace(self._filters, **changes)

    def _widen(self, name: str, values: Iterable[str]) -> None:
        """Values of one field said twice are alternatives."""
        known: tuple[str, ...] = getattr(self._filters, name)
        changes: dict[str, Any] = {name: tuple(dict.fromkeys((*known, *values)))}
        self._filters = replace(self._filters, **changes)

    def read_words(self) -> None:
        """The longest known text at each place."""
        place = 0
        while place < len(self._compact):
            place += self._read_word(place)

    def _read_word(self, place: int) -> int:
        for length, key in self._candidates(place):
            meaning = self._lexicon.find(key)
            if meaning is not None and self._take_meaning(meaning, *self._span(place, length)):
                return length
        return 1

    def _candidates(self, place: int) -> Iterator[tuple[int, str]]:
        for length in range(min(_LONGEST, len(self._compact) - place), 0, -1):
            if self._is_whole(*self._span(place, length)):
                yield length, self._compact[place : place + length]

    def _span(self, place: int, length: int) -> tuple[int, int]:
        return self._places[place], self._places[place + length - 1] + 1

    def _is_whole(self, start: int, end: int) -> bool:
        """Latin words and numbers are not cut in the middle."""
        before = self.folded[start - 1] if start else " "
        after = self.folded[end] if end < len(self.folded) else " "
        return not (_is_latin(before) and _is_latin(self.folded[start])) and not (_is_latin(after) and _is_latin(self.folded[end - 1]))

    def _take_meaning(self, meaning: _Meaning, start: int, end: int) -> bool:
        if not self.take(meaning.kind, start, end, meaning.said):
            return False
        if meaning.kind in TERM_FIELDS:
            self._widen(meaning.kind, meaning.values)
        if meaning.kind == "brand":
            self._named.append((meaning.values[0], end))
        if meaning.brand is not None:
            self._widen("brand", (meaning.brand,))
        return True

    def read_series_of_named_brands(self) -> None:
        """Short texts too, right behind their brand: 比亚迪 汉, 马自达 3."""
        for brand, end in self._named:
            following = next((index for index, place in enumerate(self._places) if place >= end), None)
            if following is not None:
                self._read_series(brand, following)

    def _read_series(self, brand: str, place: int) -> None:
        for length, key in self._candidates(place):
            name = self._lexicon.series_of(brand, key)
            if name is not None and self.take("series", *self._span(place, length), f"车系:{brand} {name}"):
                self._widen("series", (name,))
                return

    def result(self) -> Understanding:
        rest = "".join(" " if used else character for character, used in zip(self.query, self._used, strict=True))
        return Understanding(self._filters, tuple(sorted(self._parts, key=lambda part: part.start)), " ".join(rest.split()))


def _is_latin(character: str) -> bool:
    return character.isalnum() and character < "㐀"
