"""Amounts, years and distances in what people write: 10万以下, 10-15万, 二十万左右, 2020年, 3年内, 5万公里以内. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from search.documents.domain import WAN_MINOR, Filters

ABOUT_BPS = 1_500
"""左右 means within 15 %."""

_N = r"(?:\d{1,9}(?:\.\d{1,2})?|[一二两三四五六七八九十百半]{1,5})"
_WAN = r"\s*(?:万|w(?![a-z0-9]))\s*"
_TO = r"\s*(?:-|~|~|—|–|到|至)\s*"
_UNDER = r"(?:以下|以内|之内|内)"
_OVER = r"(?:以上|起|往上|\+)"
_ABOUT = r"(?:左右|上下)"
_YUAN = r"(?:元|块钱|块|rmb)?\s*"
_KM = r"\s*(?:公里|千米|km(?![a-z0-9]))\s*"
_START = r"(?<![\d.a-z])"

MILEAGE = re.compile(
    rf"(?:里程|行驶|表显)?\s*(?:不超过|低于|少于|小于|<)?\s*{_START}(?P<n>{_N})\s*(?P<wan>万|w)?{_KM}(?!{_OVER})(?P<side>{_UNDER}|{_ABOUT})?"
)
PRICE_RANGE = re.compile(
    rf"(?:预算|价格)?\s*{_START}(?P<low>{_N})\s*(?:万|w)?\s*{_YUAN}{_TO}(?P<high>{_N}){_WAN}{_YUAN}(?!{_KM})(?:之间|的)?"
)
PRICE = re.compile(
    rf"(?P<head>预算|不超过|低于|少于|小于|<|高于|大于|超过|>)?\s*{_START}(?P<n>{_N}){_WAN}{_YUAN}(?!{_KM})(?P<side>{_UNDER}|{_OVER}|{_ABOUT})?"
)
PRICE_YUAN = re.compile(
    rf"(?P<head>预算|不超过|低于|少于|小于|<|高于|大于|超过|>)?\s*{_START}(?P<n>\d{{4,8}})\s*(?:元|块钱|块|rmb)\s*(?P<side>{_UNDER}|{_OVER}|{_ABOUT})?"
)
YEAR_RANGE = re.compile(rf"(?<!\d)(?P<low>(?:19|20)\d\d)\s*年?{_TO}(?P<high>(?:19|20)\d\d)\s*(?:年|款)?(?!\d)")
YEAR = re.compile(
    r"(?<![\da-z])(?P<n>(?:19|20)\d\d)(?:\s*(?:年|款)\s*(?P<side>以后|之后|及以后|后|起|以来|以上|以前|之前|前)?(?:上牌|的)?|(?![\da-z.年款万w元]))"
)
SHORT_YEAR = re.compile(r"(?<![\da-z.])(?P<n>[012]\d)\s*(?:款|年(?:的|款|以?后|上牌))")
AGE = re.compile(rf"(?:近|最近|不超过)\s*(?P<a>{_N})\s*年(?:{_UNDER})?(?:的)?|{_START}(?P<b>{_N})\s*年{_UNDER}(?:的)?")

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}


@dataclass(frozen=True, slots=True)
class Amount:
    """One recognised number with its place and what it asks."""

    kind: str
    start: int
    end: int
    filters: Filters
    meaning: str


def parse_number(text: str) -> Decimal | None:
    """12.5, 十二, 二十五, 一百, 半; None for what is no number."""
    if text[0].isdigit():
        return Decimal(text)
    if text == "半":
        return Decimal("0.5")
    total = digit = 0
    for character in text:
        if character in {"十", "百"}:
            total += (digit or 1) * (10 if character == "十" else 100)
            digit = 0
        elif character in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[character]
        else:
            return None
    return Decimal(total + digit)


def find_amounts(folded: str, *, today: date) -> Iterator[Amount]:
    """Amounts in the order in which they win over one another; places may overlap, the caller takes the first."""
    readers: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Amount | None]], ...] = (
        (MILEAGE, _mileage),
        (YEAR_RANGE, _year_range),
        (PRICE_RANGE, _price_range),
        (PRICE, _price),
        (PRICE_YUAN, _price_yuan),
        (AGE, _age),
        (YEAR, _year),
        (SHORT_YEAR, _short_year),
    )
    for pattern, read in readers:
        for found in pattern.finditer(folded):
            amount = read(found, today)
            if amount is not None:
                yield amount


def _amount(kind: str, found: re.Match[str], filters: Filters, meaning: str) -> Amount:
    start, end = found.span()
    text = found.group()
    return Amount(kind, start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip())), filters, meaning)


def _mileage(found: re.Match[str], _today: date) -> Amount | None:
    number = parse_number(found["n"])
    if number is None:
        return None
    km = int(number * (10_000 if found["wan"] else 1))
    if found["side"] in {"左右", "上下"}:
        km += km * ABOUT_BPS // 10_000
    if not 0 < km <= 2_000_000:
        return None
    return _amount("mileage", found, Filters(mileage_max=km), f"里程 ≤ {km} 公里")


def _minor(text: str) -> int | None:
    number = parse_number(text)
    minor = int(number * WAN_MINOR) if number is not None else 0
    return minor if 0 < minor <= 10_000 * WAN_MINOR else None


def _price_range(found: re.Match[str], _today: date) -> Amount | None:
    low, high = _minor(found["low"]), _minor(found["high"])
    if low is None or high is None or low > high:
        return None
    return _price_amount(found, low, high)


def _price(found: re.Match[str], _today: date) -> Amount | None:
    minor = _minor(found["n"])
    return _bounded(found, minor) if minor is not None else None


def _price_yuan(found: re.Match[str], _today: date) -> Amount | None:
    return _bounded(found, int(found["n"]) * 100)


def _bounded(found: re.Match[str], minor: int) -> Amount:
    head, side = found["head"], found["side"] or ""
    if side in {"以上", "起", "往上", "+"} or head in {"高于", "大于", "超过", ">"}:
        return _price_amount(found, minor, None)
    if head is not None or (side and side not in {"左右", "上下"}):
        return _price_amount(found, None, minor)
    about = minor * ABOUT_BPS // 10_000
    return _price_amount(found, minor - about, minor + about)


def _price_amount(found: re.Match[str], low: int | None, high: int | None) -> Amount:
    shown = [f"{sign} {format_wan(bound)}" for sign, bound in (("≥", low), ("≤", high)) if bound is not None]
    return _amount("price", found, Filters(price_min=low, price_max=high), f"价格 {'、'.join(shown)}")


def format_wan(minor: int) -> str:
    """12.5万, without needless zeros."""
    return f"{(Decimal(minor) / WAN_MINOR).quantize(Decimal('0.01')).normalize():f}万"


def _year_range(found: re.Match[str], today: date) -> Amount | None:
    low, high = int(found["low"]), int(found["high"])
    if not _is_year(low, today) or not _is_year(high, today) or low > high:
        return None
    return _amount("year", found, Filters(year_min=low, year_max=high), f"年款 {low}–{high}")


def _year(found: re.Match[str], today: date) -> Amount | None:
    year, side = int(found["n"]), found["side"] or ""
    if not _is_year(year, today):
        return None
    if side.endswith("前"):
        return _amount("year", found, Filters(year_max=year), f"年款 ≤ {year}")
    if side:
        return _amount("year", found, Filters(year_min=year), f"年款 ≥ {year}")
    return _amount("year", found, Filters(year_min=year, year_max=year), f"年款 {year}")


def _short_year(found: re.Match[str], today: date) -> Amount | None:
    year = 2000 + int(found["n"])
    if not _is_year(year, today):
        return None
    if found.group().endswith("后"):
        return _amount("year", found, Filters(year_min=year), f"年款 ≥ {year}")
    return _amount("year", found, Filters(year_min=year, year_max=year), f"年款 {year}")


def _is_year(year: int, today: date) -> bool:
    return 1980 <= year <= today.year + 1


def _age(found: re.Match[str], today: date) -> Amount | None:
    number = parse_number(found["a"] or found["b"])
    if number is None or not 0 < number <= 30:
        return None
    months = int(number * 12)
    first = _months_before(today, months)
    return _amount("age", found, Filters(registered_from=first), f"上牌 {first.isoformat()} 之后")


def _months_before(day: date, months: int) -> date:
    """The same day some months earlier, or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError  # pragma: no cover  # every month has a 28th
