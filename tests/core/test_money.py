"""Money: fen, shares, words; against a naive twin where there is one."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.money import Money, format_wan, format_yuan, in_words, parse_yuan, round_to_fen, share_bps


class TestMoney:
    def test_sums_of_two_currencies_do_not_add_up(self) -> None:
        with pytest.raises(ValueError, match="CNY and USD"):
            Money(1) + Money(1, "USD")

    def test_adds_subtracts_and_negates(self) -> None:
        assert Money.yuan(3) + Money(5) - Money.yuan(1) == Money(205)
        assert -Money(7) == Money(-7)


@pytest.mark.parametrize(
    ("amount", "bps", "expected"),
    [(10_000, 500, 500), (1, 5_000, 1), (-1, 5_000, -1), (99, 100, 1), (49, 100, 0), (50, 100, 1), (0, 500, 0)],
)
def test_share_rounds_half_a_fen_away_from_zero(amount: int, bps: int, expected: int) -> None:
    assert share_bps(amount, bps) == expected


@given(st.integers(-(10**14), 10**14), st.integers(0, 20_000))
def test_share_equals_decimal_arithmetic(amount: int, bps: int) -> None:
    twin = (Decimal(amount) * bps / 10_000).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert share_bps(amount, bps) == int(twin)


@pytest.mark.parametrize(("text", "fen"), [("88000", 8_800_000), ("88,000.50", 8_800_050), (" 0.1 ", 10), ("-3", -300)])
def test_parses_yuan(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize("text", ["", "abc", "1.001", "NaN", "Infinity", "1e-3"])
def test_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_yuan(text)


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (12_300_000, "壹拾贰万叁仟元整"),
        (1_000_100, "壹万零壹元整"),
        (100_000_500, "壹佰万零伍元整"),
        (1_000_001, "壹万元零壹分"),
        (15_449_071, "壹拾伍万肆仟肆佰玖拾元柒角壹分"),
        (123_456_789_012, "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元壹角贰分"),
        (10_000_000_000, "壹亿元整"),
        (1_000_100_000, "壹仟万壹仟元整"),
    ],
)
def test_words_of_contracts(fen: int, words: str) -> None:
    assert in_words(fen) == words


def test_words_refuse_what_a_contract_cannot_hold() -> None:
    for fen in (-1, 10**18):
        with pytest.raises(ValueError, match="range"):
            in_words(fen)


def _value(words: str) -> int:
    """Naive twin: read the capitals back into fen."""
    digits = {c: n for n, c in enumerate("零壹贰叁肆伍陆柒捌玖")}
    units = {"拾": 10, "佰": 100, "仟": 1_000}
    whole, _, rest = words.partition("元") if "元" in words else ("", "", words)
    total = section = digit = 0
    for character in whole:
        if character in digits:
            digit = digits[character]
        elif character in units:
            section += digit * units[character]
            digit = 0
        elif character == "万":
            total += (section + digit) * 10_000
            section = digit = 0
        elif character == "亿":
            total = (total + section + digit) * 10**8
            section = digit = 0
    fen = (total + section + digit) * 100
    digit = 0
    for character in rest:
        if character in digits:
            digit = digits[character]
        elif character == "角":
            fen += digit * 10
        elif character == "分":
            fen += digit
    return fen


@given(st.integers(0, 10**12 - 1))
def test_words_read_back_as_the_amount(fen: int) -> None:
    assert _value(in_words(fen)) == fen


def test_amounts_for_people() -> None:
    assert format_yuan(-8_800_005) == "-¥88,000.05"
    assert format_wan(8_806_000) == "8.81万"
    assert format_wan(8_804_900) == "8.80万"
    assert round_to_fen(Decimal("154490.705")) == 15_449_071
