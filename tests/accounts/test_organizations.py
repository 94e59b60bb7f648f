"""Organizations and their staff over HTTP on both databases; races on PostgreSQL."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import select

from marketplace.accounts.domain import MembershipState
from marketplace.accounts.models import Membership, Organization
from marketplace.core import audit
from marketplace.core.db import Database
from tests import people
from tests.market import Market
from tests.people import BASE, Person
from tests.racing import at_once


def _register(api: Market, person: Person, **change: Any) -> Any:
    body = {
        "kind": "dealer",
        "legal_name": "津滨名车行",
        "credit_code": people.credit_code(),
        "city": "天津",
        "address": "河南路 1 号",
        **change,
    }
    return api.post(f"{BASE}/organizations", json=body, headers=person.self_headers)


class TestRegister:
    def test_makes_the_caller_its_owner_who_may_prepare_only(self, api: Market) -> None:
        owner = people.sign_up(api)
        answer = _register(api, owner, credit_code="91330100799655058b")
        assert answer.status_code == 201
        body = answer.json()
        assert (body["kind"], body["credit_code"], body["verification"]) == ("dealer", "91330100799655058B", "pending")
        me = api.get(f"{BASE}/me", headers={"Authorization": f"Bearer {owner.renew(api).token}"}).json()
        assert me["party_id"] == body["id"]
        assert me["memberships"] == [{"organization_id": body["id"], "organization_kind": "dealer", "roles": ["applicant"]}]
        assert me["capabilities"] == ["cases.open", "licences.claim", "organization.edit", "organization.read"]

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"credit_code": "91310000MA1FL1LL0J"}, 422, "credit_code_invalid"),
            ({"kind": "market_operator"}, 403, "kind_not_open"),
            ({"kind": "bank"}, 422, "malformed"),
            ({"legal_name": "  "}, 422, "malformed"),
            ({"verification": "verified"}, 422, "malformed"),
        ],
    )
    def test_refuses_and_changes_nothing(self, quick_api: Market, change: dict[str, Any], status: int, code: str) -> None:
        answer = _register(quick_api, people.sign_up(quick_api), **change)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        with quick_api.database.reading() as session:
            assert session.exec(select(Organization.id)).all() == []

    def test_once_a_credit_code_and_names_the_standard(self, api: Market) -> None:
        code = people.credit_code()
        assert _register(api, people.sign_up(api), credit_code=code).status_code == 201
        again = _register(api, people.sign_up(api), credit_code=code)
        assert (again.status_code, again.json()["code"]) == (409, "organization_exists")
        wrong = _register(api, people.sign_up(api), credit_code="91310000MA1FL1LL0J").json()
        assert wrong["rule"]["article"] == "GB 32100-2015"

    def test_an_operator_decides_once(self, api: Market) -> None:
        clerk, owner = people.operator(api), people.sign_up(api)
        organization_id = _register(api, owner).json()["id"]
        path = f"{BASE}/parties/{organization_id}/verification"
        rejected = api.post(path, json={"approve": False, "note": "照片不清"}, headers=clerk.headers).json()
        assert (rejected["verification"], rejected["verification_note"]) == ("rejected", "照片不清")
        assert api.post(path, json={"approve": True}, headers=clerk.headers).json()["verification"] == "verified"
        again = api.post(path, json={"approve": False}, headers=clerk.headers)
        assert (again.status_code, again.json()["code"]) == (409, "already_decided")
        assert "listings.publish" in api.get(f"{BASE}/me", headers=_bearer(owner.renew(api))).json()["capabilities"]

    def test_a_suspended_one_may_only_prepare(self, api: Market) -> None:
        clerk = people.operator(api)
        dealer = people.organization(api, by=clerk)
        path = f"{BASE}/parties/{dealer.organization_id}"
        assert api.post(f"{path}/suspension", json={"reason": "投诉核查"}, headers=clerk.headers).json()["state"] == "suspended"
        assert api.post(f"{path}/suspension", json={"reason": "投诉核查"}, headers=clerk.headers).status_code == 409
        assert "listings.publish" not in api.get(f"{BASE}/me", headers=dealer.renew(api).headers).json()["capabilities"]
        assert api.post(f"{path}/reinstatement", json={"reason": "核查完毕"}, headers=clerk.headers).json()["state"] == "active"
        assert "listings.publish" in api.get(f"{BASE}/me", headers=dealer.renew(api).headers).json()["capabilities"]
        with api.database.reading() as session:
            trail = audit.list_entries(session, object_kind="party", object_id=dealer.party_id)
        assert [(one.act, one.reason) for one in trail][-2:] == [("party.suspend", "投诉核查"), ("party.reinstate", "核查完毕")]
        assert audit.find_break(trail) is None


class TestStaff:
    def test_an_offer_counts_only_once_accepted(self, api: Market) -> None:
        owner, person = people.organization(api), people.sign_up(api)
        members = f"{BASE}/organizations/{owner.organization_id}/members"
        offered = api.post(members, json={"person_id": str(person.id), "roles": ["sales"]}, headers=owner.headers)
        assert (offered.status_code, offered.json()["state"]) == (201, "offered")
        assert api.get(f"{BASE}/me", headers=_bearer(person.renew(api))).json()["party_id"] == str(person.id)
        (offer,) = api.get(f"{BASE}/me/offers", headers=person.self_headers).json()
        assert (offer["organization_name"], offer["roles"]) == (owner.organization_name, ["sales"])
        answer = f"{BASE}/me/offers/{offer['id']}/answer"
        assert api.post(answer, json={"accept": True}, headers=person.self_headers).json()["state"] == "active"
        assert api.post(answer, json={"accept": True}, headers=person.self_headers).status_code == 404
        assert api.get(f"{BASE}/me", headers=_bearer(person.renew(api))).json()["party_id"] == str(owner.organization_id)
        again = api.post(members, json={"person_id": str(person.id), "roles": ["sales"]}, headers=owner.headers)
        assert (again.status_code, again.json()["code"]) == (409, "already_member")

    def test_a_declined_offer_leaves_nothing(self, api: Market) -> None:
        owner, person = people.organization(api), people.sign_up(api)
        members = f"{BASE}/organizations/{owner.organization_id}/members"
        offer = api.post(members, json={"person_id": str(person.id), "roles": ["sales"]}, headers=owner.headers).json()
        answer = api.post(f"{BASE}/me/offers/{offer['id']}/answer", json={"accept": False}, headers=person.self_headers)
        assert answer.json()["state"] == "declined"
        assert [one["person_id"] for one in api.get(members, headers=owner.headers).json()["items"]] == [str(owner.id)]

    def test_only_the_person_himself_answers(self, api: Market) -> None:
        owner, person, other = people.organization(api), people.sign_up(api), people.sign_up(api)
        members = f"{BASE}/organizations/{owner.organization_id}/members"
        offer = api.post(members, json={"person_id": str(person.id), "roles": ["sales"]}, headers=owner.headers).json()
        for intruder in (other.self_headers, owner.self_headers):
            assert api.post(f"{BASE}/me/offers/{offer['id']}/answer", json={"accept": True}, headers=intruder).status_code == 404

    @pytest.mark.parametrize("roles", [["operator"], ["applicant"], ["auctioneer"]])
    def test_roles_must_exist_there(self, quick_api: Market, roles: list[str]) -> None:
        owner, person = people.organization(quick_api), people.sign_up(quick_api)
        path = f"{BASE}/organizations/{owner.organization_id}/members"
        refused = quick_api.post(path, json={"person_id": str(person.id), "roles": roles}, headers=owner.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "role_unknown")

    def test_salesmen_manage_nobody(self, api: Market) -> None:
        owner = people.organization(api)
        seller = people.member(api, owner, "sales")
        path = f"{BASE}/organizations/{owner.organization_id}/members"
        assert api.get(path, headers=seller.headers).status_code == 200
        refused = api.post(path, json={"person_id": str(people.sign_up(api).id), "roles": ["owner"]}, headers=seller.headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "capability_missing")
        assert api.put(f"{path}/{seller.id}/roles", json={"roles": ["owner"]}, headers=seller.headers).status_code == 403

    def test_the_last_owner_can_neither_leave_nor_be_removed_nor_step_down(self, api: Market) -> None:
        owner = people.organization(api)
        members = f"{BASE}/organizations/{owner.organization_id}/members/{owner.id}"
        for answer in (
            api.delete(f"{BASE}/me/memberships/{owner.organization_id}", headers=owner.headers),
            api.delete(members, headers=owner.headers),
            api.put(f"{members}/roles", json={"roles": ["sales"]}, headers=owner.headers),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
        second = people.member(api, owner, "owner")
        assert api.delete(f"{BASE}/me/memberships/{owner.organization_id}", headers=owner.headers).status_code == 204
        assert api.get(f"{BASE}/organizations/{owner.organization_id}", headers=second.headers).status_code == 200

    def test_whoever_was_removed_is_out_at_once_where_it_matters(self, api: Market) -> None:
        """His token lives some minutes more, but staff, keys, licences and money ask the database."""
        owner = people.organization(api)
        second = people.member(api, owner, "owner")
        path = f"{BASE}/organizations/{owner.organization_id}/members"
        assert api.delete(f"{path}/{second.id}", headers=owner.headers).status_code == 204
        assert api.get(path, headers=second.headers).status_code == 404
        assert api.delete(f"{path}/{owner.id}", headers=second.headers).status_code == 404
        key = {"name": "late", "scopes": ["vehicles.read"]}
        assert api.post(f"{BASE}/api-keys", json=key, headers=second.headers).status_code == 404
        body = {"kind": "dealer_filing", "number": "1", "issuer": "x", "valid_from": "2026-01-01"}
        assert api.post(f"{BASE}/licences", json=body, headers=second.headers).status_code == 404
        me = api.get(f"{BASE}/me", headers=_bearer(second.renew(api))).json()
        assert (me["party_id"], me["memberships"]) == (str(second.id), [])


class TestInvitation:
    def _invite(self, api: Market, owner: Person, contact: str, *roles: str) -> Any:
        path = f"{BASE}/organizations/{owner.organization_id}/invitations"
        return api.post(path, json={"contact": contact, "roles": list(roles)}, headers=owner.headers)

    def test_a_code_and_the_right_number_make_a_member(self, api: Market) -> None:
        owner, number = people.organization(api), people.phone_number()
        invited = self._invite(api, owner, number, "sales", "finance").json()
        assert invited["contact_masked"] == f"{number[:3]}****{number[-4:]}"
        path = f"{BASE}/organizations/{owner.organization_id}/invitations"
        (shown,) = api.get(path, headers=owner.headers).json()["items"]
        assert (shown["id"], shown["code"]) == (invited["id"], None)
        stranger, person = people.sign_up(api), people.sign_up(api, phone=number)
        stolen = api.post(f"{BASE}/me/invitations", json={"code": invited["code"]}, headers=stranger.self_headers)
        assert (stolen.status_code, stolen.json()["code"]) == (409, "invitation_invalid")
        joined = api.post(f"{BASE}/me/invitations", json={"code": invited["code"]}, headers=person.self_headers)
        assert (joined.status_code, joined.json()["roles"], joined.json()["state"]) == (201, ["finance", "sales"], "active")
        again = api.post(f"{BASE}/me/invitations", json={"code": invited["code"]}, headers=person.self_headers)
        assert again.json()["code"] == "invitation_invalid"
        assert api.get(path, headers=owner.headers).json()["items"] == []

    def test_the_contact_stands_encrypted(self, api: Market) -> None:
        owner, number = people.organization(api), people.phone_number()
        code = self._invite(api, owner, number, "sales").json()["code"]
        with api.database.reading() as session:
            row = session.connection().exec_driver_sql("SELECT contact, contact_hash, code_digest FROM invitation").one()
        assert not any(number in value or code in value for value in row)

    def test_ends_by_time_or_withdrawal(self, api: Market) -> None:
        owner, number = people.organization(api), people.phone_number()
        person = people.sign_up(api, phone=number)
        withdrawn = self._invite(api, owner, number, "sales").json()
        path = f"{BASE}/organizations/{owner.organization_id}/invitations/{withdrawn['id']}"
        assert api.delete(path, headers=owner.headers).status_code == 204
        late = self._invite(api, owner, number, "sales").json()
        api.advance(timedelta(days=7))
        for code in (withdrawn["code"], late["code"], "a-code-nobody-gave"):
            refused = api.post(f"{BASE}/me/invitations", json={"code": code}, headers=person.self_headers)
            assert (refused.status_code, refused.json()["code"]) == (409, "invitation_invalid")

    def test_of_another_organization_is_not_there(self, api: Market) -> None:
        clerk = people.operator(api)
        owner, rival = people.organization(api, by=clerk), people.organization(api, by=clerk)
        invited = self._invite(api, owner, people.phone_number(), "sales").json()
        for organization_id in (owner.organization_id, rival.organization_id):
            path = f"{BASE}/organizations/{organization_id}/invitations/{invited['id']}"
            assert api.delete(path, headers=rival.headers).status_code == 404


class TestRaces:
    def _market(self, postgres: Database) -> Market:
        return Market(postgres)

    def test_two_owners_leaving_at_once_leave_one(self, postgres: Database) -> None:
        with self._market(postgres) as api:
            owner = people.organization(api)
            second = people.member(api, owner, "owner")
            path = f"{BASE}/me/memberships/{owner.organization_id}"
            answers = at_once([partial(api.delete, path, headers=who.headers) for who in (owner, second)])
            assert sorted(answer.status_code for answer in answers) == [204, 409]
            with postgres.reading() as session:
                states = session.exec(select(Membership.state).where(Membership.organization_id == owner.organization_id)).all()
        assert sorted(states) == [MembershipState.ACTIVE, MembershipState.LEFT]

    def test_one_person_offered_a_place_eight_times_at_once_has_one(self, postgres: Database) -> None:
        with self._market(postgres) as api:
            owner, person = people.organization(api), people.sign_up(api)
            path = f"{BASE}/organizations/{owner.organization_id}/members"
            body = {"person_id": str(person.id), "roles": ["sales"]}
            answers = at_once([lambda: api.post(path, json=body, headers=owner.headers)] * 8)
            assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
            assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_member"}

    def test_one_invitation_accepted_eight_times_at_once_makes_one_member(self, postgres: Database) -> None:
        with self._market(postgres) as api:
            owner, number = people.organization(api), people.phone_number()
            person = people.sign_up(api, phone=number)
            path = f"{BASE}/organizations/{owner.organization_id}/invitations"
            code = api.post(path, json={"contact": number, "roles": ["sales"]}, headers=owner.headers).json()["code"]
            answers = at_once([partial(api.post, f"{BASE}/me/invitations", json={"code": code}, headers=person.self_headers)] * 8)
            assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7

    def test_accepting_against_taking_back_has_one_outcome(self, postgres: Database) -> None:
        with self._market(postgres) as api:
            owner = people.organization(api)
            for _ in range(5):
                person = people.sign_up(api)
                path = f"{BASE}/organizations/{owner.organization_id}/members"
                offer = api.post(path, json={"person_id": str(person.id), "roles": ["sales"]}, headers=owner.headers).json()
                accept = f"{BASE}/me/offers/{offer['id']}/answer"
                answers = at_once(
                    [
                        partial(api.post, accept, json={"accept": True}, headers=person.self_headers),
                        partial(api.delete, f"{path}/{person.id}", headers=owner.headers),
                    ]
                )
                accepted, removed = (next(a for a in answers if (a.request.method == method)).status_code for method in ("POST", "DELETE"))
                assert removed == 204
                assert accepted in {200, 404}
                with postgres.reading() as session:
                    assert session.exec(select(Membership.state).where(Membership.person_id == person.id)).one() == MembershipState.REMOVED


def _bearer(person: Person) -> dict[str, str]:
    """Without naming whom he acts for."""
    return {"Authorization": f"Bearer {person.token}"}
