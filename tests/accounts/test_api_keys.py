"""Keys of machines over HTTP: shown once, scoped, expiring, limited each, revoked at once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from marketplace.accounts.models import ApiKey
from marketplace.core.security import process_now
from tests import people
from tests.market import Market
from tests.people import BASE, Person


def _issue(api: Market, owner: Person, **change: Any) -> Any:
    return api.post(f"{BASE}/api-keys", json={"name": "feed", "scopes": ["prices.quote"], **change}, headers=owner.headers)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class TestIssue:
    def test_is_shown_once_and_stored_hashed(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        answer = _issue(api, owner)
        assert answer.status_code == 201
        assert answer.headers["cache-control"] == "no-store"
        issued = answer.json()
        prefix, _, secret = issued["key"].removeprefix("hr_live_").partition("_")
        assert (len(prefix), len(secret)) == (32, 43)
        (listed,) = api.get(f"{BASE}/api-keys", headers=owner.headers).json()["items"]
        assert (listed["id"], listed["scopes"], listed["last_used_at"]) == (issued["id"], ["prices.quote"], None)
        assert "key" not in listed
        with api.database.reading() as session:
            row = session.connection().exec_driver_sql("SELECT * FROM api_key").one()
        assert not any(secret in str(value) for value in row)

    def test_a_retry_with_the_same_idempotency_key_keeps_no_copy(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        headers = {**owner.headers, "Idempotency-Key": "one"}
        body = {"name": "feed", "scopes": ["prices.quote"]}
        secret = api.post(f"{BASE}/api-keys", json=body, headers=headers).json()["key"]
        with api.database.reading() as session:
            stored = session.connection().exec_driver_sql("SELECT body FROM idempotency_answer").scalars().all()
        assert not any(secret.encode() in bytes(one) for one in stored)

    @pytest.mark.parametrize("scope", ["members.manage", "keys.manage", "payouts.manage", "licences.check", "orders.buy", "everything"])
    def test_refuses_scopes_a_machine_may_not_have(self, quick_api: Market, scope: str) -> None:
        owner = people.organization(quick_api, "valuation_partner")
        refused = _issue(quick_api, owner, scopes=["prices.quote", scope])
        assert (refused.status_code, refused.json()["code"], refused.json()["scope"]) == (422, "scope_unknown", scope)
        assert "prices.quote" in refused.json()["scopes"]
        assert quick_api.get(f"{BASE}/api-keys", headers=owner.headers).json()["items"] == []

    def test_only_owners_and_no_machine(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        clerk = people.member(api, owner, "pricing")
        assert _issue(api, clerk).json()["code"] == "capability_missing"
        machine = people.api_key(api, owner, "prices.quote")
        assert api.post(f"{BASE}/api-keys", json={"name": "x", "scopes": ["prices.quote"]}, headers=machine).status_code == 403
        person = people.sign_up(api)
        assert _issue(api, person).status_code == 403


class TestUse:
    def test_acts_for_its_organization_within_its_scopes(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        machine = people.api_key(api, owner, "prices.quote")
        licences = api.get(f"{BASE}/licences", headers=machine)
        assert [one["party_id"] for one in licences.json()["items"]] == [str(owner.organization_id)]
        assert api.get(f"{BASE}/organizations/{owner.organization_id}", headers=machine).json()["code"] == "capability_missing"
        readable = people.api_key(api, owner, "organization.read")
        assert api.get(f"{BASE}/organizations/{owner.organization_id}", headers=readable).status_code == 200

    @pytest.mark.parametrize("change", ["rubbish", "other secret", "other id", "no secret"])
    def test_a_wrong_one_is_401(self, quick_api: Market, change: str) -> None:
        owner = people.organization(quick_api, "valuation_partner")
        key = _issue(quick_api, owner).json()["key"]
        wrong = {
            "rubbish": "hr_live_rubbish",
            "other secret": key[:-1] + ("a" if key[-1] != "a" else "b"),
            "other id": key.replace(key[8:12], "0000"),
            "no secret": key[:40],
        }[change]
        answer = quick_api.get(f"{BASE}/licences", headers=_bearer(wrong))
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")

    def test_revoked_is_over_at_once(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        issued = _issue(api, owner).json()
        assert api.get(f"{BASE}/licences", headers=_bearer(issued["key"])).status_code == 200
        for _ in range(2):
            assert api.delete(f"{BASE}/api-keys/{issued['id']}", headers=owner.headers).status_code == 204
        assert api.get(f"{BASE}/licences", headers=_bearer(issued["key"])).status_code == 401

    def test_expires_by_the_process_clock(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        issued = _issue(api, owner, days=1).json()
        api.advance(timedelta(days=300))
        assert api.get(f"{BASE}/licences", headers=_bearer(issued["key"])).status_code == 200
        with api.database.writing() as session:
            key = session.exec(select(ApiKey)).one()
            assert key.expires_at - key.created_at == timedelta(days=1)
            key.expires_at = process_now()
            session.add(key)
        assert api.get(f"{BASE}/licences", headers=_bearer(issued["key"])).status_code == 401

    def test_a_suspended_organization_has_no_machines(self, api: Market) -> None:
        clerk = people.operator(api)
        owner = people.organization(api, "valuation_partner", by=clerk)
        machine = people.api_key(api, owner, "prices.quote")
        path = f"{BASE}/parties/{owner.organization_id}/suspension"
        assert api.post(path, json={"reason": "核查"}, headers=clerk.headers).status_code == 200
        assert api.get(f"{BASE}/licences", headers=machine).status_code == 401

    def test_each_key_has_its_own_limit(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        slow, other = (people.api_key(api, owner, "prices.quote", rate_per_minute=3) for _ in range(2))
        answers = [api.get(f"{BASE}/licences", headers=slow) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert api.get(f"{BASE}/licences", headers=other).status_code == 200

    def test_last_use_is_written_at_most_once_a_minute(self, api: Market) -> None:
        owner = people.organization(api, "valuation_partner")
        machine = people.api_key(api, owner, "prices.quote")
        api.get(f"{BASE}/licences", headers=machine)
        first = api.get(f"{BASE}/api-keys", headers=owner.headers).json()["items"][0]["last_used_at"]
        assert first is not None
        api.get(f"{BASE}/licences", headers=machine)
        assert api.get(f"{BASE}/api-keys", headers=owner.headers).json()["items"][0]["last_used_at"] == first
        with api.database.writing() as session:
            key = session.exec(select(ApiKey)).one()
            key.last_used_at = process_now() - timedelta(minutes=1)
            session.add(key)
        api.get(f"{BASE}/licences", headers=machine)
        assert api.get(f"{BASE}/api-keys", headers=owner.headers).json()["items"][0]["last_used_at"] > first

    def test_of_another_organization_is_not_there(self, api: Market) -> None:
        clerk = people.operator(api)
        owner, rival = (people.organization(api, "valuation_partner", by=clerk) for _ in range(2))
        issued = _issue(api, owner).json()
        assert api.delete(f"{BASE}/api-keys/{issued['id']}", headers=rival.headers).status_code == 404
        assert api.get(f"{BASE}/licences", headers=_bearer(issued["key"])).status_code == 200
