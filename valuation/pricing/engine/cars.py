"""A car as the model sees it, and the names by which the training data know it: one spelling for one thing."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_YEAR = re.compile(r"(?:19|20)\d\d款?")
_NOISE = re.compile(r"[\s·・\-_/]|\(进口\)|\(海外\)")
_BRAND_SUFFIX = re.compile(r"(?<=..)(?:汽车|新能源)$")

_SERIES_IN_BRAND = re.compile(r"[\u4e00-\u9fff][A-Z0-9]|\d")
_BRAND_ALIASES = {
    "广汽埃安": "埃安",
    "传祺": "广汽传祺",
    "瑞风": "江淮",
    "江淮瑞风": "江淮",
    "江汽集团": "江淮",
    "POLESTAR极星": "极星",
    "POLESTAR": "极星",
    "ARCFOX极狐": "极狐",
    "ARCFOX": "极狐",
    "SERES赛力斯": "赛力斯",
    "AITO": "问界",
    "WEY": "魏牌",
    "上汽大通MAXUS": "大通",
    "上汽大通": "大通",
    "北京越野": "北京",
    "梅赛德斯奔驰": "奔驰",
    "SMART精灵": "SMART",
}

_SERIES_PREFIXES = {"广汽传祺": "传祺", "名爵": "MG", "极狐": "ARCFOX", "极星": "POLESTAR", "大通": "MAXUS"}
_PARENTHESES = re.compile(r"\([^)]*\)")
_CLASS = re.compile(r"(?<=[A-Z])级$")

GUIDE_TO_TAXED = 1 / 0.921
"""From a maker's list price (dongchedi states it) to the price with purchase tax (the others): one trim, two numbers."""

ENERGIES = ("ice", "hybrid", "plug_in", "electric")
"""Fuel classes: combustion (48-volt included), full hybrid, plug-in or range extender, battery."""

_ENERGY_WORDS = (
    ("plug_in", ("插电", "插混", "增程", "phev", "plug_in", "erev", "range_ext")),
    ("electric", ("纯电", "电动", "bev", "electric")),
    ("hybrid", ("油电", "汽油电驱", "hev", "hybrid")),
)
_STAGES = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6}
_STAGE = re.compile(r"(?:国|欧|CN|GUO|CHINA|EURO|STAGE)[\s_]*(VI|IV|III|II|V|I|[1-6一二三四五六])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Car:
    """Model input. ``new_price_w`` is the new car's price with tax, in 10,000 yuan; NaN and "" mean unknown.

    ``at_year`` is the moment of the price as a fraction of years, e.g. 2024.46.
    """

    brand: str
    series: str
    model_year: float
    trim: str
    age_months: float
    mileage_wkm: float
    city: str = ""
    energy: str = "ice"
    is_manual: float = float("nan")
    displacement_l: float = float("nan")
    emission: float = float("nan")
    transfers: float = float("nan")
    new_price_w: float = float("nan")
    at_year: float = float("nan")

    @property
    def path(self) -> tuple[str, str, str, str]:
        """Keys of the hierarchy brand → series → series and year → trim; "" where the level is unknown."""
        series = f"{self.brand}|{self.series}" if self.series else ""
        year = f"{series}|{self.model_year:.0f}" if series and self.model_year == self.model_year else ""
        return self.brand, series, year, f"{year}|{self.trim}" if year and self.trim else ""


def fold(text: str) -> str:
    """Full-width to half-width, upper case, without spaces, dots and hyphens."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).upper())


def fold_brand(text: str) -> str:
    """``吉利汽车`` and ``吉利`` are one brand."""
    folded = _BRAND_SUFFIX.sub("", fold(text))
    return _BRAND_ALIASES.get(folded, folded)


def is_brand_name(folded: str) -> bool:
    """Whether it may be a brand: some rows hold brand and series in one cell (``奥迪A4L``)."""
    return bool(folded) and _SERIES_IN_BRAND.search(folded) is None


def fold_series(series: str, brand: str) -> str:
    """``奔驰C级`` of 奔驰 is ``C``, ``MG ZS`` of 名爵 ``ZS``, ``传祺GS4`` of 广汽传祺 ``GS4``."""
    folded = _PARENTHESES.sub("", fold(series))
    for prefix in (brand, _SERIES_PREFIXES.get(brand, ""), "汽车"):
        folded = folded.removeprefix(prefix) or folded
    return _CLASS.sub("", folded)


def fold_trim(model: str, *, brand: str, series: str) -> str:
    """``奔驰C级 2020款 改款 C 260 L`` is ``改款C260L`` of its series and year."""
    text = _YEAR.sub("", fold(model), count=1).removeprefix(brand).removeprefix(_SERIES_PREFIXES.get(brand, ""))
    if text.startswith(f"{series}级"):
        return text.removeprefix(f"{series}级")
    return text.removeprefix(series) if len(series) > 1 else text


def fold_city(text: str) -> str:
    """``深圳(粤)`` and ``深圳市`` are 深圳."""
    return re.sub(r"[(（].*$|市$", "", text.strip())


def energy_of(text: str) -> str:
    """The fuel class of a Chinese or English fuel word."""
    folded = text.casefold()
    if "48v" in folded or "90v" in folded:
        return "ice"
    for energy, words in _ENERGY_WORDS:
        if any(word in folded for word in words):
            return energy
    return "ice"


def emission_of(text: str) -> float:
    """国VI → 6, also from ``国IV(国V)``: the first named. NaN when there is none."""
    found = _STAGE.search(text)
    if found is None:
        return float("nan")
    stage = found[1].upper()
    return float(_STAGES.get(stage) or int(stage))


def find_brand(texts: Iterable[str], brands: Iterable[str]) -> str:
    """The longest known brand that a text begins with, else one it contains, else ""."""
    known = sorted(brands, key=len, reverse=True)
    folded = [fold(text) for text in texts]
    for matches in (str.startswith, str.__contains__):
        for text in folded:
            for brand in known:
                if len(brand) > 1 and matches(text, brand):
                    return brand
    return ""
