"""The second factor over HTTP: enrolment, step-up, single use, recovery codes, what stays closed without it."""

from base64 import b32decode
from time import time

import pytest
from sqlmodel import select

from marketplace.accounts.models import Person, RecoveryCode
from marketplace.core.security import totp_code
from tests import people
from tests.market import Market
from tests.people import BASE, PASSWORD

TOKEN = f"{BASE}/sign-ins/token"
STEP_UP = f"{BASE}/sign-ins/current/second-factor"


class TestEnrolment:
    def test_needs_the_password_and_a_first_code(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        refused = api.post(f"{BASE}/me/second-factor", json={"passphrase": "wrong"}, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_passphrase")
        begun = api.post(f"{BASE}/me/second-factor", json={"passphrase": PASSWORD}, headers=person.headers).json()
        assert begun["uri"].startswith("otpauth://totp/")
        assert begun["secret"] in begun["uri"]
        assert person.phone not in begun["uri"]
        wrong = api.post(f"{BASE}/me/second-factor/confirmation", json={"code": "000000"}, headers=person.headers)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "second_factor_wrong")
        assert api.get(f"{BASE}/me", headers=person.headers).json()["second_factor_enrolled"] is False

    def test_steps_this_sign_in_up_and_gives_recovery_codes(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        me = api.get(f"{BASE}/me", headers=person.headers).json()
        assert (me["second_factor"], me["second_factor_enrolled"]) == (True, True)
        assert api.get(f"{BASE}/payout-accounts", headers=person.headers).status_code == 200
        assert api.get(f"{BASE}/me", headers=person.renew(api).headers).json()["second_factor"] is True
        with api.database.reading() as session:
            assert len(session.exec(select(RecoveryCode.id)).all()) == 10
            raw = session.connection().exec_driver_sql("SELECT totp_secret FROM person").scalar_one()
        assert person.totp_secret not in raw

    def test_replacing_it_needs_it(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        person.sign_in(api)
        refused = api.post(f"{BASE}/me/second-factor", json={"passphrase": PASSWORD}, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")

    def test_a_pending_one_changes_nothing(self, api: Market) -> None:
        """Whoever has only the password cannot replace the app by beginning an enrolment."""
        person = people.with_second_factor(api, people.sign_up(api))
        api.post(f"{BASE}/me/second-factor", json={"passphrase": PASSWORD}, headers=person.headers)
        person.sign_in(api)
        assert api.post(STEP_UP, json={"code": person.code()}, headers=person.headers).status_code == 200


class TestStepUp:
    def test_a_code_works_once(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api)).sign_in(api)
        code = person.code()
        answer = api.post(STEP_UP, json={"code": code}, headers=person.headers)
        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 600
        again = api.post(STEP_UP, json={"code": code}, headers=person.headers)
        assert (again.status_code, again.json()["code"]) == (403, "second_factor_wrong")

    def test_comes_along_with_the_password(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api))
        body = {"username": person.phone, "password": PASSWORD, "otp": person.code()}
        answer = api.post(TOKEN, json=body)
        assert (answer.status_code, answer.json()["second_factor"]) == (200, True)
        again = api.post(TOKEN, json=body)
        assert (again.status_code, again.json()["code"]) == (403, "second_factor_wrong")

    def test_without_one_enrolled(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        refused = api.post(STEP_UP, json={"code": "123456"}, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")

    def test_guesses_are_delayed(self, api: Market) -> None:
        person = people.with_second_factor(api, people.sign_up(api)).sign_in(api)
        secret = b32decode(person.totp_secret or "")
        right = {totp_code(secret, int(time()) // 30 + drift) for drift in (-1, 0, 1, 2)}
        guesses = [code for code in ("000000", "111111", "222222", "333333", "444444") if code not in right]
        codes = [api.post(STEP_UP, json={"code": guess}, headers=person.headers).status_code for guess in guesses[:3]]
        assert codes == [403, 403, 403]
        assert api.post(STEP_UP, json={"code": person.code()}, headers=person.headers).json()["code"] == "sign_in_delayed"

    def test_a_recovery_code_stands_in_once(self, api: Market) -> None:
        person = people.sign_up(api)
        secret = api.post(f"{BASE}/me/second-factor", json={"passphrase": PASSWORD}, headers=person.headers).json()["secret"]
        person.totp_secret = secret
        confirmed = api.post(f"{BASE}/me/second-factor/confirmation", json={"code": person.code()}, headers=person.headers).json()
        codes = confirmed["recovery_codes"]
        assert len(set(codes)) == 10
        person.sign_in(api)
        assert api.post(STEP_UP, json={"code": codes[0].upper()}, headers=person.headers).status_code == 200
        assert api.post(STEP_UP, json={"code": codes[0]}, headers=person.headers).json()["code"] == "second_factor_wrong"
        assert api.post(STEP_UP, json={"code": codes[1]}, headers=person.headers).status_code == 200


class TestClosedWithout:
    def test_an_operator_by_password_alone_is_told_what_is_missing(self, api: Market) -> None:
        clerk = people.operator(api).sign_in(api)
        for path in ("/parties", "/licence-claims"):
            refused = api.get(f"{BASE}{path}", headers=clerk.headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")

    def test_an_outsider_is_told_only_that_he_may_not(self, api: Market) -> None:
        person = people.sign_up(api)
        assert api.get(f"{BASE}/parties", headers=person.headers).json()["code"] == "capability_missing"

    @pytest.mark.parametrize("role", ["owner", "finance"])
    def test_where_money_goes(self, api: Market, role: str) -> None:
        owner = people.organization(api)
        person = owner if role == "owner" else people.member(api, owner, role)
        body = {"passphrase": PASSWORD, "bank": "银行", "holder": owner.organization_name, "number": "6217000010001234567"}
        refused = api.post(f"{BASE}/payout-accounts", json=body, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
        people.with_second_factor(api, person)
        assert api.post(f"{BASE}/payout-accounts", json=body, headers=person.headers).status_code == 201


class TestStoredSecrets:
    def test_the_private_signing_key_is_sealed(self, api: Market) -> None:
        people.sign_up(api)
        with api.database.reading() as session:
            person = session.exec(select(Person)).one()
            raw = session.connection().exec_driver_sql("SELECT signing_key, resident_id, name FROM person").one()
        assert person.signing_key is not None
        assert person.signing_key not in raw[0]
        assert person.resident_id not in raw[1]
        assert "张" not in raw[2]
