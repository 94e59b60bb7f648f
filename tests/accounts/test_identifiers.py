"""Numbers of people and companies: the published vectors, and that no single slip passes."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.domain import (
    CreditCodeInvalid,
    EmailInvalid,
    PhoneInvalid,
    ResidentIdInvalid,
    born_on,
    compute_age,
    compute_credit_check,
    compute_resident_check,
    normalize_credit_code,
    normalize_email,
    normalize_phone,
    normalize_resident_id,
)
from marketplace.accounts.domain.identifiers import CREDIT_SYMBOLS, compute_organization_check

BODIES = st.text(alphabet=CREDIT_SYMBOLS, min_size=17, max_size=17)
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2026, 11, 24))


class TestCreditCode:
    @pytest.mark.parametrize("code", ["11120000MB1908811Q", "91330100799655058B", "914403001922038216"])
    def test_accepts_real_codes(self, code: str) -> None:
        assert normalize_credit_code(f" {code.lower()} ") == code

    @pytest.mark.parametrize(
        ("code", "fault"),
        [
            ("91310000MA1FL1LL0J", "check_digit"),
            ("9133010079965505", "length"),
            ("91330100799655058BB", "length"),
            ("91330100O99655058B", "symbols"),
            ("9133010079965505８B", "symbols"),
        ],
    )
    def test_names_the_fault_and_the_standard(self, code: str, fault: str) -> None:
        with pytest.raises(CreditCodeInvalid) as refused:
            normalize_credit_code(code)
        assert refused.value.fields == {"fault": fault}
        assert refused.value.rule is not None
        assert refused.value.rule.article == "GB 32100-2015"
        assert refused.value.status == 422

    @given(BODIES, st.integers(0, 17), st.sampled_from(CREDIT_SYMBOLS))
    def test_one_wrong_symbol_never_passes(self, body: str, place: int, symbol: str) -> None:
        """31 is prime and no weight is 0 modulo 31: every single substitution shows."""
        code = body + compute_credit_check(body)
        changed = code[:place] + symbol + code[place + 1 :]
        if changed == code:
            assert normalize_credit_code(code) == code
        else:
            with pytest.raises(CreditCodeInvalid):
                normalize_credit_code(changed)

    def test_organization_code_inside(self) -> None:
        """GB 11714: the ninth symbol of the organization code checks the first eight."""
        assert compute_organization_check("79965505") == "8"  # of 91330100 799655058 B
        assert compute_organization_check("19220382") == "1"  # of 91440300 192203821 6


class TestResidentId:
    def test_accepts_the_vector(self) -> None:
        assert normalize_resident_id("11010519491231002x") == "11010519491231002X"
        assert born_on("11010519491231002X") == date(1949, 12, 31)

    @pytest.mark.parametrize(
        ("number", "fault"),
        [
            ("440524188001010014", "shape"),  # right by check digit, but born in 1880
            ("110105194912310021", "check_digit"),
            ("110105194902300021", "birthday"),
            ("110105194913310021", "shape"),
            ("01010519491231002X", "shape"),
            ("1101051949123100", "shape"),
        ],
    )
    def test_names_the_fault_and_never_the_number(self, number: str, fault: str) -> None:
        with pytest.raises(ResidentIdInvalid) as refused:
            normalize_resident_id(number)
        assert refused.value.fields == {"fault": fault}
        assert number not in refused.value.title("en") + refused.value.title("zh")

    @given(DAYS, st.integers(100_000, 999_999), st.integers(0, 999), st.integers(0, 16), st.integers(0, 9))
    def test_one_wrong_digit_never_passes(self, born: date, district: int, serial: int, place: int, digit: int) -> None:
        body = f"{district}{born:%Y%m%d}{serial:03d}"
        number = body + compute_resident_check(body)
        assert normalize_resident_id(number) == number
        changed = number[:place] + str(digit) + number[place + 1 :]
        if changed != number:
            with pytest.raises(ResidentIdInvalid):
                normalize_resident_id(changed)

    @given(DAYS, st.integers(0, 16))
    def test_two_neighbours_swapped_never_pass(self, born: date, place: int) -> None:
        body = f"120116{born:%Y%m%d}123"
        number = body + compute_resident_check(body)
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        if swapped != number:
            with pytest.raises(ResidentIdInvalid):
                normalize_resident_id(swapped)

    @pytest.mark.parametrize(
        ("on", "age"),
        [(date(2026, 11, 23), 17), (date(2026, 11, 24), 17), (date(2026, 11, 25), 18), (date(2027, 11, 25), 19)],
    )
    def test_age_counts_from_the_day_after_the_birthday(self, on: date, age: int) -> None:
        assert compute_age(date(2008, 11, 24), on) == age

    def test_age_of_a_leap_day_birth(self) -> None:
        assert compute_age(date(2008, 2, 29), date(2026, 2, 28)) == 17
        assert compute_age(date(2008, 2, 29), date(2026, 3, 1)) == 18


class TestPhoneAndEmail:
    @pytest.mark.parametrize("text", ["13800138000", "+86 138-0013-8000", "0086 13800138000", " 138 0013 8000 "])
    def test_one_number_one_form(self, text: str) -> None:
        assert normalize_phone(text) == "13800138000"

    @pytest.mark.parametrize("text", ["", "12800138000", "1380013800", "138001380000", "１３８００１３８０００", "022-12345678"])
    def test_refuses_what_is_no_mobile_number(self, text: str) -> None:
        with pytest.raises(PhoneInvalid):
            normalize_phone(text)

    def test_email_is_lower_case(self) -> None:
        assert normalize_email(" Zhang@Example.COM ") == "zhang@example.com"

    @pytest.mark.parametrize(
        "text", ["", "zhang", "zhang@", "@example.com", "zhang@example", "a b@example.com", "a@b@c.com", "x" * 65 + "@a.cn"]
    )
    def test_refuses_what_is_no_address(self, text: str) -> None:
        with pytest.raises(EmailInvalid):
            normalize_email(text)
