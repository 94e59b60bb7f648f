"""Brands and series of the market, and how the many texts people write for them are understood."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from marketplace.vehicles.domain.vocabulary import BodyStyle, Segment, normalize

_BODIES = {
    Segment.A00: BodyStyle.HATCHBACK,
    Segment.A0: BodyStyle.HATCHBACK,
    Segment.MPV: BodyStyle.MPV,
    Segment.SPORTS: BodyStyle.COUPE,
    Segment.PICKUP: BodyStyle.PICKUP,
    Segment.MINIVAN: BodyStyle.VAN,
    Segment.LIGHT_BUS: BodyStyle.BUS,
}


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    en: str
    segment: Segment
    aliases: tuple[str, ...] = ()

    @property
    def body(self) -> BodyStyle:
        """The usual body of its segment."""
        return BodyStyle.SUV if self.segment.value.startswith("suv") else _BODIES.get(self.segment, BodyStyle.SEDAN)

    def texts(self) -> tuple[str, ...]:
        return (self.name, self.en, *self.aliases)


@dataclass(frozen=True, slots=True)
class Brand:
    name: str
    en: str
    pinyin: str
    aliases: tuple[str, ...]
    wmi: tuple[str, ...]
    series: tuple[Series, ...]

    def texts(self) -> tuple[str, ...]:
        return (self.name, self.en, self.pinyin, *self.aliases)


class Catalogue:
    """Look-ups by any text: Chinese, English, pinyin, joint venture, with or without an import mark."""

    def __init__(self, brands: Iterable[Brand]) -> None:
        self.brands: Sequence[Brand] = tuple(brands)
        self._brands: dict[str, Brand] = {}
        self._series: dict[str, dict[str, Series]] = {}
        for brand in self.brands:
            self._add(brand)

    def _add(self, brand: Brand) -> None:
        for text in brand.texts():
            self._brands.setdefault(_brand_key(text), brand)
        found: dict[str, Series] = {}
        for series in brand.series:
            for text in series.texts():
                found.setdefault(normalize(text), series)
        self._series[brand.name] = found

    def resolve_brand(self, text: str) -> Brand | None:
        return self._brands.get(_brand_key(text))

    def suggest_brands(self, text: str) -> list[str]:
        """Up to three brands whose texts are near, for a refusal."""
        near = get_close_matches(_brand_key(text), list(self._brands), n=5)
        return list(dict.fromkeys(self._brands[key].name for key in near))[:3]

    def resolve_series(self, brand: Brand, text: str) -> Series | None:
        """A series by name, also with the brand before it: 宝马3系."""
        found = self._series[brand.name]
        key = normalize(text)
        return found.get(key) or found.get(_without_brand(brand, key))

    def split_title(self, brand: Brand, title: str) -> tuple[Series | None, str]:
        """Series and model of a title as dealers write it: 红旗HS5 2022款 2.0T 智联旗享版 → HS5, the rest."""
        head, _, rest = title.strip().partition(" ")
        series = self.resolve_series(brand, head)
        if series is not None:
            return series, rest.strip() or title.strip()
        key = _without_brand(brand, normalize(title))
        found = self._series[brand.name]
        best = max((name for name in found if key.startswith(name)), key=len, default=None)
        return (found[best] if best else None), title.strip()


def _brand_key(text: str) -> str:
    return re.sub(r"[\s·•・.\-_]|\((进口|品牌)\)|汽车$", "", normalize(text)) or normalize(text)


def _without_brand(brand: Brand, key: str) -> str:
    for text in sorted((normalize(one) for one in brand.texts()), key=len, reverse=True):
        if key.startswith(text) and len(key) > len(text):
            return key.removeprefix(text)
    return key


def build_catalogue(document: Mapping[str, Sequence[Mapping[str, object]]]) -> Catalogue:
    """From the data file's content; raises ``ValueError`` or ``KeyError`` for a broken one."""
    return Catalogue(_brand(entry) for entry in document["brand"])


def _brand(entry: Mapping[str, object]) -> Brand:
    series = entry["series"]
    assert isinstance(series, list)
    return Brand(
        name=str(entry["name"]),
        en=str(entry["en"]),
        pinyin=str(entry["pinyin"]),
        aliases=_texts(entry["aliases"]),
        wmi=_texts(entry["wmi"]),
        series=tuple(Series(name, en, Segment(segment), tuple(aliases)) for name, en, segment, aliases in series),
    )


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(str(one) for one in value)
