"""Real names, what others are told about a party, and who counts as one interest."""

from datetime import date
from typing import Any

import pytest

from marketplace.accounts import api as accounts
from marketplace.accounts.api import OrganizationUnverified, PartyKind, PartyState, PartySuspended, RealNameMissing
from marketplace.accounts.domain import compute_resident_check
from marketplace.core.errors import NotFound
from marketplace.core.ids import new_id
from tests import people
from tests.market import Market
from tests.people import BASE, Person


def _state(api: Market, person: Person, **change: str) -> Any:
    body = {"name": "欧阳锋", "resident_id": people.resident_id(), **change}
    return api.post(f"{BASE}/me/real-name", json=body, headers=person.self_headers)


def _born(day: str) -> str:
    body = f"120116{day}001"
    return body + compute_resident_check(body)


class TestRealName:
    def test_is_masked_ever_after(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        assert api.get(f"{BASE}/me", headers=person.headers).json()["real_name_stated"] is False
        stated = _state(api, person)
        assert (stated.status_code, stated.json()["display_name"], stated.json()["real_name_stated"]) == (201, "欧**", True)
        assert "欧阳锋" not in api.get(f"{BASE}/me", headers=person.headers).text
        with api.database.reading() as session:
            assert accounts.legal_name(session, party_id=person.id) == "欧阳锋"
            assert accounts.display_names(session, party_ids=[person.id, new_id()]) == {person.id: "欧**"}
            accounts.require_real_name(session, party_id=person.id)

    def test_is_stated_once(self, api: Market) -> None:
        person = people.sign_up(api)
        again = _state(api, person)
        assert (again.status_code, again.json()["code"]) == (409, "real_name_stated")

    def test_without_one_nothing_that_needs_a_name(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        with api.database.reading() as session:
            with pytest.raises(RealNameMissing):
                accounts.require_real_name(session, party_id=person.id)
            with pytest.raises(RealNameMissing):
                accounts.legal_name(session, party_id=person.id)

    def test_a_wrong_number_names_the_standard_and_not_itself(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        refused = _state(api, person, resident_id="110105194912310021")
        assert (refused.status_code, refused.json()["code"]) == (422, "resident_id_invalid")
        assert refused.json()["rule"]["article"] == "GB 11643-1999"
        assert "194912310021" not in refused.text
        assert api.get(f"{BASE}/me", headers=person.headers).json()["real_name_stated"] is False

    def test_a_minor_is_refused_with_the_article(self, api: Market) -> None:
        person = people.sign_up(api, real_name=False)
        today = date.today()  # noqa: DTZ011  # far from the boundary on either side
        refused = _state(api, person, resident_id=_born(f"{today.year - 17}0101"))
        assert (refused.status_code, refused.json()["code"]) == (403, "not_of_age")
        assert refused.json()["rule"]["article"].startswith("民法典")
        assert _state(api, person, resident_id=_born(f"{today.year - 20}0101")).status_code == 201

    def test_no_machine_has_one(self, api: Market) -> None:
        machine = people.api_key(api, people.organization(api, "valuation_partner"), "prices.quote")
        body = {"name": "机器", "resident_id": people.resident_id()}
        assert api.post(f"{BASE}/me/real-name", json=body, headers=machine).json()["code"] == "people_only"


class TestParty:
    def test_view_of_a_person_and_of_an_organization(self, api: Market) -> None:
        owner = people.organization(api, name="海河二手车")
        with api.database.reading() as session:
            person = accounts.get_party(session, party_id=owner.id)
            company = accounts.get_party(session, party_id=owner.party_id)
            assert (person.kind, person.organization_kind, person.display_name) == (PartyKind.PERSON, None, "钱**")
            assert (company.kind, company.organization_kind, company.display_name) == (PartyKind.ORGANIZATION, "dealer", "海河二手车")
            assert company.state is PartyState.ACTIVE
            assert accounts.require_active(session, party_id=owner.party_id) == company
            assert accounts.legal_name(session, party_id=owner.party_id) == "海河二手车"
            with pytest.raises(NotFound):
                accounts.get_party(session, party_id=new_id())

    def test_an_unverified_one_is_not_active(self, api: Market) -> None:
        owner = people.organization(api, verified=False)
        with api.database.reading() as session, pytest.raises(OrganizationUnverified):
            accounts.require_active(session, party_id=owner.party_id)

    def test_a_suspended_person_is_stopped_at_once(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api)
        path = f"{BASE}/parties/{person.id}/suspension"
        assert api.post(path, json={"reason": "核查"}, headers=clerk.headers).status_code == 200
        with api.database.reading() as session, pytest.raises(PartySuspended):
            accounts.require_active(session, party_id=person.id)

    def test_and_acts_for_no_organization(self, api: Market) -> None:
        clerk = people.operator(api)
        owner = people.organization(api, by=clerk)
        api.post(f"{BASE}/parties/{owner.id}/suspension", json={"reason": "核查"}, headers=clerk.headers)
        token = {"Authorization": f"Bearer {owner.renew(api).token}"}
        me = api.get(f"{BASE}/me", headers=token).json()
        assert (me["state"], me["party_id"], me["memberships"]) == ("suspended", str(owner.id), [])
        assert api.get(f"{BASE}/me", headers=owner.headers).json()["code"] == "not_your_organization"

    def test_operators_find_a_person_by_his_number(self, api: Market) -> None:
        clerk, person = people.operator(api), people.sign_up(api)
        found = api.get(f"{BASE}/parties", params={"phone": person.phone}, headers=clerk.headers).json()["items"]
        assert [one["id"] for one in found] == [str(person.id)]
        assert api.get(f"{BASE}/parties", params={"phone": "13911111111"}, headers=clerk.headers).json()["items"] == []
        everybody = api.get(f"{BASE}/parties", params={"kind": "person", "limit": 1}, headers=clerk.headers).json()
        assert everybody["items"][0]["id"] == str(person.id)
        assert everybody["next"] is not None


class TestLinkedParties:
    def _linked(self, api: Market, party_id: Any) -> Any:
        with api.database.reading() as session:
            return accounts.linked_parties(session, party_id=party_id)

    def test_a_stranger_is_only_himself(self, api: Market) -> None:
        person = people.sign_up(api)
        assert self._linked(api, person.id) == {person.id}

    def test_staff_and_organization_are_one_interest(self, api: Market) -> None:
        owner = people.organization(api)
        seller = people.member(api, owner, "sales")
        assert self._linked(api, owner.party_id) == {owner.party_id, owner.id, seller.id}
        assert self._linked(api, seller.id) == {seller.id, owner.party_id}

    def test_a_second_account_of_the_same_person_too(self, api: Market) -> None:
        number = people.resident_id()
        first, second = (people.sign_up(api, real_name=False) for _ in range(2))
        for one in (first, second):
            assert _state(api, one, resident_id=number).status_code == 201
        owner = people.organization(api)
        path = f"{BASE}/organizations/{owner.organization_id}/members"
        offer = api.post(path, json={"person_id": str(second.id), "roles": ["sales"]}, headers=owner.headers).json()
        api.post(f"{BASE}/me/offers/{offer['id']}/answer", json={"accept": True}, headers=second.self_headers)
        assert self._linked(api, first.id) == {first.id, second.id, owner.party_id}
        assert self._linked(api, owner.party_id) == {owner.party_id, owner.id, second.id, first.id}

    def test_whoever_left_is_linked_no_more(self, api: Market) -> None:
        owner = people.organization(api)
        seller = people.member(api, owner, "sales")
        api.delete(f"{BASE}/me/memberships/{owner.organization_id}", headers=seller.headers)
        assert self._linked(api, owner.party_id) == {owner.party_id, owner.id}
