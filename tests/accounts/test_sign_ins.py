"""Signing in over HTTP on both databases: grants, rotation, theft, delays, devices, pages."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from marketplace.accounts.domain import SubjectKind
from marketplace.accounts.models import Device, FailureCount, Person, RefreshToken, SignIn
from marketplace.accounts.service.passphrases import passwords
from marketplace.core.db import Database
from marketplace.core.security import PasswordQueueFull, process_now, token_digest
from tests import people
from tests.market import Market
from tests.people import BASE, PASSWORD
from tests.racing import at_once

TOKEN = f"{BASE}/sign-ins/token"


def _password(api: Market, phone: str, password: str = PASSWORD, **extra: Any) -> Any:
    """Without a cookie: a device is known only by the token given."""
    api.client.cookies.clear()
    return api.post(TOKEN, json={"username": phone, "password": password, **extra})


def _refresh(api: Market, token: str) -> Any:
    return api.post(TOKEN, data={"grant_type": "refresh_token", "refresh_token": token})


class TestSignUp:
    def test_keeps_phone_and_secret_only_encrypted_and_hashed(self, api: Market) -> None:
        answer = api.post(f"{BASE}/sign-ups", json={"phone": "+86 138-0013-8000", "email": "Zhang@Example.com", "password": PASSWORD})
        assert answer.status_code == 201
        body = answer.json()
        assert body["phone_masked"] == "138****8000"
        assert body["email_masked"] == "z***@example.com"
        assert body["display_name"] == "138****8000"
        with api.database.reading() as session:
            raw = session.connection().exec_driver_sql("SELECT phone, phone_hash, email, password_hash, signing_key FROM person").one()
        assert not any("13800138000" in str(value) or "example" in str(value) or PASSWORD in str(value) for value in raw)
        assert raw[3].startswith("$argon2id$")

    def test_one_account_a_number_and_an_address(self, api: Market) -> None:
        body = {"phone": "13800138000", "password": PASSWORD, "email": "a@example.com"}
        assert api.post(f"{BASE}/sign-ups", json=body).status_code == 201
        again = api.post(f"{BASE}/sign-ups", json={**body, "email": "b@example.com"})
        assert (again.status_code, again.json()["code"]) == (409, "phone_taken")
        other = api.post(f"{BASE}/sign-ups", json={**body, "phone": "13800138001"})
        assert (other.status_code, other.json()["code"]) == (409, "email_taken")
        with api.database.reading() as session:
            assert len(session.exec(select(Person.id)).all()) == 1

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"phone": "12345"}, "phone_invalid"),
            ({"password": "short"}, "password_too_weak"),
            ({"password": "x13800138000x"}, "password_too_weak"),
            ({"email": "nobody"}, "email_invalid"),
            ({"surprise": 1}, "malformed"),
        ],
    )
    def test_refuses_and_changes_nothing(self, quick_api: Market, change: dict[str, Any], code: str) -> None:
        answer = quick_api.post(f"{BASE}/sign-ups", json={"phone": "13800138000", "password": PASSWORD, **change})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert "12345" not in answer.text
        with quick_api.database.reading() as session:
            assert session.exec(select(Person.id)).all() == []

    def test_two_at_once_make_one_account(self, api: Market) -> None:
        body = {"phone": "13800138000", "password": PASSWORD}
        answers = at_once([lambda: api.post(f"{BASE}/sign-ups", json=body)] * 4)
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"phone_taken"}


class TestPasswordGrant:
    def test_oauth2_form_and_json_give_the_same(self, api: Market) -> None:
        person = people.sign_up(api)
        form = {"grant_type": "password", "username": person.phone, "password": PASSWORD, "scope": "", "client_id": "app"}
        for answer in (api.post(TOKEN, data=form), _password(api, person.phone)):
            assert answer.status_code == 200
            body = answer.json()
            assert body["token_type"] == "bearer"
            assert body["expires_in"] == 600
            assert body["person_id"] == str(person.id)
            assert (body["second_factor"], body["second_factor_enrolled"], body["memberships"]) == (False, False, [])
            assert answer.headers["cache-control"] == "no-store"
            me = api.get(f"{BASE}/me", headers={"Authorization": f"Bearer {body['access_token']}"})
            assert me.json()["id"] == str(person.id)

    def test_by_email_too(self, api: Market) -> None:
        api.post(f"{BASE}/sign-ups", json={"phone": "13800138000", "password": PASSWORD, "email": "z@example.com"})
        assert _password(api, " Z@example.com ").status_code == 200

    def test_a_wrong_name_and_a_wrong_password_look_the_same(self, api: Market) -> None:
        person = people.sign_up(api)
        wrong_name, wrong_password = _password(api, "13911111111"), _password(api, person.phone, "wrong password")
        assert wrong_name.status_code == wrong_password.status_code == 401
        first, second = wrong_name.json(), wrong_password.json()
        first.pop("request_id"), second.pop("request_id")
        assert first == second
        assert first["code"] == "sign_in_refused"

    @pytest.mark.parametrize("body", [{}, {"username": "1"}, {"grant_type": "refresh_token"}, {"grant_type": "magic"}, ["a"], "x"])
    def test_malformed_is_422(self, quick_api: Market, body: Any) -> None:
        assert quick_api.post(TOKEN, json=body).status_code == 422

    def test_no_token_is_stored_in_clear(self, api: Market) -> None:
        person = people.sign_up(api)
        with api.database.reading() as session:
            digests = set(session.exec(select(RefreshToken.digest)))
            devices = set(session.exec(select(Device.token_digest)))
        assert token_digest(person.refresh_token) in digests
        assert person.refresh_token not in digests
        assert person.device_token is not None
        assert devices == {token_digest(person.device_token)}


class TestRefresh:
    def test_each_use_gives_the_next(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        first = person.refresh_token
        second = _refresh(api, first).json()["refresh_token"]
        third = _refresh(api, second).json()["refresh_token"]
        assert len({first, second, third}) == 3

    def test_a_lost_answer_is_given_again_unchanged(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        lost = _refresh(api, person.refresh_token).json()["refresh_token"]
        again = _refresh(api, person.refresh_token)
        assert again.status_code == 200
        assert again.json()["refresh_token"] == lost

    def test_a_spent_token_ends_the_family_for_thief_and_owner(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        stolen = person.refresh_token
        second = _refresh(api, stolen).json()["refresh_token"]
        third = _refresh(api, second).json()["refresh_token"]
        reused = _refresh(api, stolen)
        assert (reused.status_code, reused.json()["code"]) == (401, "refresh_reused")
        for token in (third, second, stolen):
            assert (_refresh(api, token).status_code, _refresh(api, token).json()["code"]) == (401, "refresh_refused")
        with api.database.reading() as session:
            assert session.exec(select(SignIn.end_reason)).one() == "reuse"

    def test_after_the_grace_a_second_use_is_theft(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        second = _refresh(api, person.refresh_token).json()["refresh_token"]
        with api.database.writing() as session:
            spent = session.get_one(RefreshToken, token_digest(person.refresh_token))
            spent.used_at = process_now() - timedelta(seconds=11)
            session.add(spent)
        assert _refresh(api, person.refresh_token).json()["code"] == "refresh_reused"
        assert _refresh(api, second).json()["code"] == "refresh_refused"

    def test_other_sign_ins_of_the_person_live_on(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        other = _password(api, person.phone).json()["refresh_token"]
        second = _refresh(api, person.refresh_token).json()["refresh_token"]
        _refresh(api, second)
        assert _refresh(api, person.refresh_token).json()["code"] == "refresh_reused"
        assert _refresh(api, other).status_code == 200

    def test_an_expired_family_is_refused(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        with api.database.writing() as session:
            sign_in = session.exec(select(SignIn)).one()
            sign_in.expires_at = process_now()
            session.add(sign_in)
        assert _refresh(api, person.refresh_token).json()["code"] == "refresh_refused"

    @pytest.mark.parametrize("count", [2, 8])
    def test_the_same_token_at_once_gives_everybody_the_same_successor(self, api: Market, count: int) -> None:
        """Two tabs of one browser: neither is signed out, and there is one successor, not two."""
        person = people.sign_up(api, real_name=False)
        answers = at_once([lambda: _refresh(api, person.refresh_token)] * count)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1
        with api.database.reading() as session:
            assert len(session.exec(select(RefreshToken.digest)).all()) == 2

    def test_the_market_clock_signs_nobody_out(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        api.advance(timedelta(days=400))
        assert _refresh(api, person.refresh_token).status_code == 200


class TestSignOut:
    def test_ends_refreshing(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        listed = api.get(f"{BASE}/sign-ins", headers=person.headers).json()["items"]
        assert [(one["id"], one["current"]) for one in listed] == [(str(person.sign_in_id), True)]
        assert api.delete(f"{BASE}/sign-ins/{person.sign_in_id}", headers=person.headers).status_code == 204
        assert _refresh(api, person.refresh_token).json()["code"] == "refresh_refused"
        assert api.get(f"{BASE}/sign-ins", headers=person.headers).json()["items"] == []

    def test_not_of_somebody_else(self, api: Market) -> None:
        ann, bob = people.sign_up(api, real_name=False), people.sign_up(api, real_name=False)
        assert api.delete(f"{BASE}/sign-ins/{ann.sign_in_id}", headers=bob.headers).status_code == 404
        assert _refresh(api, ann.refresh_token).status_code == 200

    def test_a_new_password_ends_the_other_sign_ins(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        other = _password(api, person.phone).json()["refresh_token"]
        body = {"passphrase": PASSWORD, "password": "another long sentence"}
        assert api.post(f"{BASE}/me/password", json=body, headers=person.headers).status_code == 204
        assert _refresh(api, other).json()["code"] == "refresh_refused"
        assert _refresh(api, person.refresh_token).status_code == 200
        assert _password(api, person.phone, device_token=person.device_token).status_code == 401
        assert _password(api, person.phone, "another long sentence", device_token=person.device_token).status_code == 200

    def test_a_wrong_password_changes_nothing(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        body = {"passphrase": "wrong", "password": "another long sentence"}
        refused = api.post(f"{BASE}/me/password", json=body, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_passphrase")
        assert _password(api, person.phone).status_code == 200


class TestDelay:
    def test_grows_after_three_failures_and_says_how_long(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        codes = [_password(api, person.phone, "wrong").status_code for _ in range(3)]
        assert codes == [401, 401, 401]
        delayed = _password(api, person.phone)
        assert (delayed.status_code, delayed.json()["code"]) == (429, "sign_in_delayed")
        assert delayed.headers["retry-after"] == "1"
        _backdate(api.database, 1)
        assert _password(api, person.phone).status_code == 200
        assert _counts(api.database) == {SubjectKind.ADDRESS: 3}

    def test_an_account_that_does_not_exist_is_delayed_alike(self, api: Market) -> None:
        answers = [_password(api, "13911111111", "wrong").status_code for _ in range(4)]
        assert answers == [401, 401, 401, 429]

    def test_a_try_while_waiting_is_not_looked_at_and_costs_nothing(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        for _ in range(3):
            _password(api, person.phone, "wrong")
        for _ in range(20):
            assert _password(api, person.phone).status_code == 429
        assert _counts(api.database) == {SubjectKind.ACCOUNT: 3, SubjectKind.ADDRESS: 3}

    def test_a_full_house_is_nobodys_failure(self, api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        """With all hashing places taken the answer is 503, and the next try is as free as before."""
        person = people.sign_up(api, real_name=False)

        def full(_stored: str | None, _password: str) -> bool:
            raise PasswordQueueFull(retry_after_s=2)

        with monkeypatch.context() as patch:
            patch.setattr(passwords(), "verify", full)
            answers = [_password(api, person.phone) for _ in range(5)]
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "2")}
        assert _counts(api.database) == {}
        assert _password(api, person.phone).status_code == 200

    def test_many_tries_at_once_are_no_way_around(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        answers = at_once([lambda: _password(api, person.phone, "wrong")] * 12)
        assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 9

    def test_at_the_bell_a_rival_cannot_shut_a_bidder_out(self, api: Market) -> None:
        """He knows the number, sits behind the same address and hammers; the bidder's browser signs in at once, and stays in."""
        bidder = people.sign_up(api, real_name=False)
        for _ in range(4):
            _password(api, bidder.phone, "a guess")
            _backdate(api.database, 0, failures=40)
        assert _password(api, bidder.phone).status_code == 429
        assert _password(api, bidder.phone).headers["retry-after"] == "900"
        assert api.get(f"{BASE}/me", headers=bidder.headers).status_code == 200
        assert _refresh(api, bidder.refresh_token).status_code == 200
        assert _password(api, bidder.phone, device_token=bidder.device_token).status_code == 200
        assert _password(api, bidder.phone).status_code == 429

    def test_a_device_of_another_account_is_a_stranger(self, api: Market) -> None:
        bidder, rival = people.sign_up(api, real_name=False), people.sign_up(api, real_name=False)
        for _ in range(3):
            _password(api, bidder.phone, "a guess", device_token=rival.device_token)
        assert _password(api, bidder.phone, device_token=rival.device_token).status_code == 429

    def test_a_shared_browser_knows_each_of_its_people(self, api: Market) -> None:
        ann, bob = people.sign_up(api, real_name=False), people.sign_up(api, real_name=False)
        both = _password(api, bob.phone, device_token=ann.device_token).json()["device_token"]
        assert both.split("~")[1] == ann.device_token
        _password(api, ann.phone, "a guess")
        _backdate(api.database, 0, failures=40)
        assert _password(api, ann.phone, device_token=both).status_code == 200

    def test_a_forgotten_device_is_a_stranger_again(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        (device,) = api.get(f"{BASE}/devices", headers=person.headers).json()
        assert api.delete(f"{BASE}/devices/{device['id']}", headers=person.headers).status_code == 204
        assert api.delete(f"{BASE}/devices/{device['id']}", headers=person.headers).status_code == 404
        for _ in range(3):
            _password(api, person.phone, "a guess")
        assert _password(api, person.phone, device_token=person.device_token).status_code == 429

    def test_devices_are_bounded(self, quick_api: Market) -> None:
        person = people.sign_up(quick_api, real_name=False)
        for _ in range(25):
            assert _password(quick_api, person.phone).status_code == 200
        assert len(quick_api.get(f"{BASE}/devices", headers=person.headers).json()) == 20


class TestPages:
    def _enter(self, api: Market, phone: str, **headers: str) -> Any:
        return api.post(f"{BASE}/sign-ins/page", data={"username": phone, "password": PASSWORD}, headers=headers)

    def test_cookies_are_http_only_and_a_form_token_is_needed(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        answer = self._enter(api, person.phone)
        assert answer.status_code == 200
        cookies = {line.split("=")[0]: line.lower() for line in answer.headers.get_list("set-cookie")}
        assert {"hr_access", "hr_refresh"} <= set(cookies)
        assert all("httponly" in line and ("samesite=lax" in line or "samesite=strict" in line) for line in cookies.values())
        assert api.get(f"{BASE}/me").json()["id"] == str(person.id)
        path = f"{BASE}/sign-ins/{person.sign_in_id}"
        assert api.delete(path).json()["code"] == "csrf_token_missing"
        assert api.delete(path, headers={"x-csrf-token": answer.json()["csrf_token"]}).status_code == 204

    def test_a_stale_cookie_keeps_nobody_out(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        api.client.cookies.set("hr_access", "rubbish")
        assert api.get(f"{BASE}/me").status_code == 401
        assert self._enter(api, person.phone).status_code == 200

    def test_another_site_cannot_sign_our_visitor_in(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        refused = self._enter(api, person.phone, origin="https://evil.example")
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
        assert self._enter(api, person.phone, origin="http://testserver").status_code == 200
        assert self._enter(api, person.phone, origin="http://127.0.0.1:8000").status_code == 200

    def test_a_page_stays_in_and_goes(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        csrf = self._enter(api, person.phone).json()["csrf_token"]
        kept = api.post(f"{BASE}/sign-ins/page/refresh")
        assert kept.status_code == 200
        assert kept.json()["csrf_token"] == csrf
        assert api.post(f"{BASE}/sign-ins/page/end").status_code == 204
        assert api.get(f"{BASE}/me").status_code == 401
        assert api.post(f"{BASE}/sign-ins/page/refresh").json()["code"] == "refresh_refused"
        assert "hr_device" in api.client.cookies


def _backdate(database: Database, seconds: int, *, failures: int | None = None) -> None:
    """Failures as if they had been ``seconds`` earlier; with ``failures`` as if there had been so many."""
    with database.writing() as session:
        for row in session.exec(select(FailureCount)):
            row.last_at -= timedelta(seconds=seconds)
            row.failures = failures or row.failures
            session.add(row)


def _counts(database: Database) -> dict[SubjectKind, int]:
    with database.reading() as session:
        return {row.kind: row.failures for row in session.exec(select(FailureCount)) if row.failures}
