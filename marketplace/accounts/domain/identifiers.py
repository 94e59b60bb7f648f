"""Numbers that name people and companies in China: shape and check digit. Pure."""

import re
from datetime import date

from marketplace.core.errors import Malformed, Rule

PHONE = re.compile(r"1[3-9]\d{9}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
CREDIT_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT = re.compile(r"[1-9]\d{5}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dX]")
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"


class PhoneInvalid(Malformed):
    zh = "手机号格式不正确"
    en = "Not a mobile number of mainland China (eleven digits, 13x to 19x)."


class EmailInvalid(Malformed):
    zh = "邮箱格式不正确"
    en = "Not an e-mail address."


class CreditCodeInvalid(Malformed):
    zh = "统一社会信用代码校验不通过"
    en = "The unified social credit code fails its check: {fault}."
    rule = Rule("GB 32100-2015", "GB 32100-2015, unified social credit code")


class ResidentIdInvalid(Malformed):
    zh = "居民身份证号校验不通过"
    en = "The resident identity number fails its check: {fault}."
    rule = Rule("GB 11643-1999", "GB 11643-1999, citizen identification number")


def normalize_phone(text: str) -> str:
    """Digits only, ``+86`` and separators dropped. Raises ``PhoneInvalid``."""
    digits = re.sub(r"[\s\-()]", "", text)
    digits = digits.removeprefix("+86").removeprefix("0086")
    if not PHONE.fullmatch(digits):
        raise PhoneInvalid
    return digits


def normalize_email(text: str) -> str:
    """Lower case, no surrounding space. Raises ``EmailInvalid``."""
    address = text.strip().lower()
    if len(address) > 200 or not EMAIL.fullmatch(address):
        raise EmailInvalid
    return address


def compute_credit_check(first_seventeen: str) -> str:
    """The 18th symbol: 31 minus the weighted sum, modulo 31 (GB 32100)."""
    total = sum(CREDIT_SYMBOLS.index(symbol) * weight for symbol, weight in zip(first_seventeen, _CREDIT_WEIGHTS, strict=True))
    return CREDIT_SYMBOLS[-total % 31]


def compute_organization_check(first_eight: str) -> str:
    """The organization code's own check symbol (GB 11714): digits are themselves, letters count from A = 10."""
    total = sum(int(symbol, 36) * weight for symbol, weight in zip(first_eight, _ORGANIZATION_WEIGHTS, strict=True))
    check = 11 - total % 11
    return "0" if check == 11 else "X" if check == 10 else str(check)


def normalize_credit_code(text: str) -> str:
    """18 symbols, upper case. Raises ``CreditCodeInvalid``; the organization code inside is not checked: many lawful codes fail it."""
    code = text.strip().upper()
    if len(code) != 18:
        raise CreditCodeInvalid(fault="length")
    if any(symbol not in CREDIT_SYMBOLS for symbol in code):
        raise CreditCodeInvalid(fault="symbols")
    if code[17] != compute_credit_check(code[:17]):
        raise CreditCodeInvalid(fault="check_digit")
    return code


def compute_resident_check(first_seventeen: str) -> str:
    """The 18th symbol of a resident identity number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_seventeen, _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECKS[total % 11]


def normalize_resident_id(text: str) -> str:
    """18 symbols with a real birthday. Raises ``ResidentIdInvalid``, which never repeats the number."""
    number = text.strip().upper()
    if not _RESIDENT.fullmatch(number):
        raise ResidentIdInvalid(fault="shape")
    try:
        born_on(number)
    except ValueError as error:
        raise ResidentIdInvalid(fault="birthday") from error
    if number[17] != compute_resident_check(number[:17]):
        raise ResidentIdInvalid(fault="check_digit")
    return number


def born_on(resident_id: str) -> date:
    """Birthday written in the number. Raises ``ValueError`` for a day that does not exist."""
    return date(int(resident_id[6:10]), int(resident_id[10:12]), int(resident_id[12:14]))


def compute_age(born: date, on: date) -> int:
    """Full years (周岁) on a day: the day after the birthday counts the year in law, the birthday itself does not."""
    return on.year - born.year - ((on.month, on.day) <= (born.month, born.day))
