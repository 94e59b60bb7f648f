"""Money is integer fen. One currency a deployment in practice; the type carries it so that sums cannot mix."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

CNY = "CNY"
FEN_PER_YUAN = 100
BPS = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """``amount_minor`` is fen (1/100 yuan). Sums of two currencies raise ``ValueError``."""

    amount_minor: int
    currency: str = CNY

    @classmethod
    def yuan(cls, amount: int) -> Self:
        """Whole yuan, e.g. ``Money.yuan(88_000)``."""
        return cls(amount * FEN_PER_YUAN)

    def _same(self, other: "Money") -> None:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __str__(self) -> str:
        return format_yuan(self.amount_minor)


def share_bps(amount_minor: int, rate_bps: int) -> int:
    """``rate_bps`` ten-thousandths of an amount in fen, half a fen rounded away from zero."""
    product = abs(amount_minor) * abs(rate_bps)
    rounded = (product + BPS // 2) // BPS
    return rounded if (amount_minor >= 0) == (rate_bps >= 0) else -rounded


def parse_yuan(text: str) -> int:
    """Fen from a decimal text in yuan; raises ``ValueError`` on more than two places or on no number."""
    try:
        fen = Decimal(text.strip().replace(",", "")) * FEN_PER_YUAN
        whole = int(fen)
    except (ArithmeticError, ValueError) as error:
        raise ValueError("not an amount in yuan") from error
    if fen != whole:
        raise ValueError("an amount has at most two decimal places")
    return whole


def round_to_fen(amount: Decimal) -> int:
    """Fen from yuan as ``Decimal``, half up: the rounding of the national appraisal formula."""
    return int((amount * FEN_PER_YUAN).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def format_yuan(amount_minor: int) -> str:
    """``¥88,000.00`` for people."""
    sign = "-" if amount_minor < 0 else ""
    whole, fen = divmod(abs(amount_minor), FEN_PER_YUAN)
    return f"{sign}¥{whole:,}.{fen:02d}"


def format_wan(amount_minor: int) -> str:
    """``8.80万`` for shop windows, half up."""
    wan = (Decimal(amount_minor) / Decimal(FEN_PER_YUAN * 10_000)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return f"{wan}万"


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "拾", "佰", "仟")
_SECTIONS = ("", "万", "亿", "万亿")


def _section(number: int) -> str:
    """Four digits in words; inner runs of zeros become one 零."""
    text, zero = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if zero else "") + _DIGITS[digit] + _UNITS[place]
            zero = False
        elif text:
            zero = True
    return text


def in_words(amount_minor: int) -> str:
    """The amount in Chinese capitals for contracts and invoices (人民币大写), e.g. ``壹拾贰万叁仟元整``.

    Raises ``ValueError`` below zero and from 10^16 yuan.
    """
    whole, fen = divmod(amount_minor, FEN_PER_YUAN)
    if amount_minor < 0 or whole >= 10**16:
        raise ValueError("amount out of range")
    text, gap = "", False
    for index in range(3, -1, -1):
        section = whole // 10 ** (4 * index) % 10_000
        if section:
            if text and (gap or section < 1_000):
                text += "零"
            text += _section(section) + _SECTIONS[index]
            gap = False
        elif text:
            gap = True
    text = text + "元" if text else ("" if fen else "零元")
    jiao, cent = divmod(fen, 10)
    if not fen:
        return text + "整"
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif text:
        text += "零"
    return text + (_DIGITS[cent] + "分" if cent else "整")
