"""VIN by GB 16735-2019: shape, check digit, model year. A chassis number that is no VIN has its own kind."""

import re
from dataclasses import dataclass

from marketplace.vehicles.domain.refusals import BadVin

LENGTH = 17
SHAPE = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
CHASSIS_SHAPE = re.compile(r"[A-Z0-9-]{5,20}")
WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
VALUES = {**_LETTERS, **{str(digit): digit for digit in range(10)}}
YEAR_CODES = "123456789ABCDEFGHJKLMNPRSTVWXY"
CHECKED_REGIONS = frozenset("L12345")
"""First characters whose makers use the check digit: China, the USA, Canada, Mexico. Elsewhere it is often another character."""


@dataclass(frozen=True, slots=True)
class Vin:
    """A VIN of good shape. ``warnings``: codes of what is odd but allowed (an import without check digit)."""

    number: str
    warnings: tuple[str, ...] = ()

    @property
    def wmi(self) -> str:
        """World manufacturer identifier, the first three characters."""
        return self.number[:3]

    @property
    def is_chinese(self) -> bool:
        return self.number.startswith("L")


def normalize_vin(text: str) -> str:
    """Upper case, full-width to half-width, without spaces and hyphens."""
    narrow = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text)
    return re.sub(r"[\s-]", "", narrow).upper()


def check_digit(number: str) -> str:
    """The ninth character a VIN of good shape should have: 0–9 or X."""
    remainder = sum(VALUES[c] * weight for c, weight in zip(number, WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)


def parse_vin(text: str) -> Vin:
    """Raises ``BadVin``: shape for every car, check digit for those whose makers use it (Chinese ones must)."""
    number = normalize_vin(text)
    if not SHAPE.fullmatch(number):
        raise BadVin(reason="17 characters without I, O, Q", reason_zh="应为17位且不含I、O、Q", part="shape")
    if number[8] == check_digit(number):
        return Vin(number)
    if number[0] in CHECKED_REGIONS:
        raise BadVin(reason="the check digit does not match", reason_zh="校验位不符", part="check_digit")
    return Vin(number, ("vin_check_digit_unused",))


def model_years(number: str, *, latest: int) -> tuple[int, ...]:
    """Model years the tenth character may mean, newest first, none after ``latest``; empty when it codes none (some European VINs)."""
    position = YEAR_CODES.find(number[9])
    if position < 0:
        return ()
    first = 1971 + position
    return tuple(year for year in range(first + 30 * 3, first - 1, -30) if 1980 <= year <= latest)


def agrees_with_model_year(vin: Vin, model_year: int, *, latest: int) -> bool | None:
    """Whether the coded year is within one of ``model_year``; None when the VIN codes none."""
    years = model_years(vin.number, latest=latest)
    return any(abs(year - model_year) <= 1 for year in years) if years else None


def parse_chassis(text: str) -> str:
    """A chassis number of 5 to 20 letters, digits and hyphens that is no VIN. Raises ``BadVin``."""
    number = text.strip().upper()
    if not CHASSIS_SHAPE.fullmatch(number) or SHAPE.fullmatch(number):
        raise BadVin(reason="a chassis number has 5 to 20 characters and is no VIN", reason_zh="底盘号格式有误", part="chassis")
    return number


def complete_vin(prefix8: str, suffix8: str) -> str:
    """A VIN from its first eight and last eight characters, the check digit put between: for tests and demo cars."""
    draft = f"{prefix8}0{suffix8}"
    if not SHAPE.fullmatch(draft):
        raise BadVin(reason="17 characters without I, O, Q", reason_zh="应为17位且不含I、O、Q", part="shape")
    return f"{prefix8}{check_digit(draft)}{suffix8}"
