"""Numbers, money, kilometres and days as dealers write them. Each reader gives a value, or the code of what is wrong."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

YUAN_PER_WAN = 10_000
FEN_PER_YUAN = 100
KM_PER_WAN = 10_000

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d{1,2})?")
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月)?|年)?(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})?")
_EXCEL_START = date(1899, 12, 30)


class Wrong(Exception):
    """``code`` is a finding's."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Number:
    """A number with the unit written behind it, if any."""

    value: Decimal
    unit: str


def read_number(text: str) -> Number:
    """Raises ``Wrong("free_text_in_number")`` for 面议 and the like."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(",", "").replace("¥", "").strip()
    found = _NUMBER.match(plain)
    if found is None:
        raise Wrong("free_text_in_number")
    unit = plain[found.end() :].strip().lower()
    if unit and not re.fullmatch(r"[万元千米公里kmlt升毫座个次把年款人民币rmb\s]{1,8}", unit):
        raise Wrong("free_text_in_number")
    try:
        return Number(Decimal(found.group()), unit)
    except InvalidOperation as error:
        raise Wrong("free_text_in_number") from error


def read_whole(text: str, *, minimum: int, maximum: int) -> int:
    """A whole number within bounds: ``number_out_of_range`` else."""
    number = read_number(text).value
    if number != number.to_integral_value() or not minimum <= number <= maximum:
        raise Wrong("number_out_of_range")
    return int(number)


def read_money(text: str, *, header_unit: str | None, min_minor: int, max_minor: int) -> tuple[int, bool]:
    """Fen, and whether the unit was guessed: by the cell, else by the header, else 万元 below 1,000.

    ``price_unit`` when the amount is outside the market's bounds: the unit is most likely another.
    """
    number = read_number(text)
    unit = number.unit or (header_unit or "")
    guessed = not unit
    in_wan = "万" in unit or (guessed and number.value < 1_000)
    yuan = number.value * YUAN_PER_WAN if in_wan else number.value
    fen = int((yuan * FEN_PER_YUAN).quantize(Decimal(1), rounding=ROUND_HALF_UP)) if abs(yuan) < 10**15 else 10**17
    if not min_minor <= fen <= max_minor:
        raise Wrong("price_unit")
    return fen, guessed


def read_km(text: str, *, header_unit: str | None, max_km: int) -> tuple[int, bool]:
    """Kilometres, and whether the unit was guessed: by the cell, else by the header, else 万公里 below 100 or with a fraction."""
    number = read_number(text)
    if number.value < 0:
        raise Wrong("mileage_negative")
    unit = number.unit or (header_unit or "")
    guessed = not unit
    fraction = number.value != number.value.to_integral_value()
    in_wan = "万" in unit or (guessed and (number.value < 100 or fraction))
    km = number.value * KM_PER_WAN if in_wan else number.value
    if km > max_km:
        raise Wrong("mileage_unit")
    return int(km.quantize(Decimal(1), rounding=ROUND_HALF_UP)), guessed


def read_date(text: str) -> date:
    """A day; a month is its first day, a spreadsheet's day number its day. Raises ``Wrong("date_unreadable")``."""
    plain = unicodedata.normalize("NFKC", text).strip()
    try:
        if re.fullmatch(r"[2-6]\d{4}(\.0+)?", plain):
            return _EXCEL_START + timedelta(days=int(plain[:5]))
        found = _COMPACT.fullmatch(plain) or _DATE.fullmatch(plain)
        if found is None or (found.group(2) is None and not plain.endswith("年")):
            raise Wrong("date_unreadable")
        return date(int(found.group(1)), int(found.group(2) or 1), int(found.group(3) or 1))
    except ValueError as error:
        raise Wrong("date_unreadable") from error


def read_displacement_ml(text: str, *, header_unit: str | None) -> int:
    """2.0T, 2.0L, 1984, 1984ml → millilitres."""
    number = read_number(text)
    unit = number.unit or (header_unit or "")
    in_litres = unit in {"l", "t", "升"} or (not unit and number.value < 20)
    millilitres = number.value * 1_000 if in_litres else number.value
    if not 50 <= millilitres <= 20_000:
        raise Wrong("number_out_of_range")
    return int(millilitres.quantize(Decimal(1), rounding=ROUND_HALF_UP))
