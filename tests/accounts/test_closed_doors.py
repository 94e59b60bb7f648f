"""For each role and each foreign object: closed. Every route of the market is tried, found in its OpenAPI document."""

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from marketplace.core.db import metadata
from tests import people
from tests.accounts.closed_doors import FOREIGN, Door, Ids, Intruder, World, body_of, build_world, doors, foreign
from tests.market import Market
from tests.people import BASE

EMPTY_FOR_ANY_KEY = frozenset(
    {
        "GET /marketplace/v1/operations/audit/{object_kind}/{object_id}",
        "GET /marketplace/v1/vehicles/{vehicle_id}/documents",
        "GET /marketplace/v1/vehicles/{vehicle_id}/restrictions",
        "GET /auction/v1/lots/{lot_id}/log",
    }
)
"""Lists kept by a key: of a key nobody used they are empty, for those who may read them at all."""

OWN = ("party", "person", "organization", "membership", "invitation", "licence", "payout_account", "sign_in", "known_device", "signature")


@foreign
def accounts_objects(world: World) -> Ids:
    """One of everything accounts keeps, all of it the victim's."""
    api, victim = world.api, world.victim
    organization = f"{BASE}/organizations/{victim.organization_id}"
    offer = api.post(
        f"{organization}/members", json={"person_id": str(world.offered.id), "roles": ["sales"]}, headers=victim.headers
    ).json()
    body = {"contact": people.phone_number(), "roles": ["sales"]}
    invitation = api.post(f"{organization}/invitations", json=body, headers=victim.headers).json()
    key = api.post(f"{BASE}/api-keys", json={"name": "feed", "scopes": ["vehicles.read"]}, headers=victim.headers).json()
    (device,) = api.get(f"{BASE}/devices", headers=victim.headers).json()
    member = {"organization_id": victim.organization_id, "person_id": victim.id}
    return {
        f"{BASE}/organizations/{{organization_id}}": member,
        f"{BASE}/organizations/{{organization_id}}/members": member,
        f"{BASE}/organizations/{{organization_id}}/members/{{person_id}}": member,
        f"{BASE}/organizations/{{organization_id}}/members/{{person_id}}/roles": member,
        f"{BASE}/organizations/{{organization_id}}/invitations": member,
        f"{BASE}/organizations/{{organization_id}}/invitations/{{invitation_id}}": {**member, "invitation_id": invitation["id"]},
        f"{BASE}/me/memberships/{{organization_id}}": member,
        f"{BASE}/me/offers/{{membership_id}}/answer": {"membership_id": offer["id"]},
        f"{BASE}/sign-ins/{{sign_in_id}}": {"sign_in_id": victim.sign_in_id},
        f"{BASE}/devices/{{device_id}}": {"device_id": device["id"]},
        f"{BASE}/api-keys/{{key_id}}": {"key_id": key["id"]},
        f"{BASE}/payout-accounts/{{payout_account_id}}": {"payout_account_id": people.payout_account(api, victim)},
        f"{BASE}/licences/{{licence_id}}": {"licence_id": people.licence(api, victim, "dealer_filing", by=world.clerk)},
        f"{BASE}/licences/{{licence_id}}/decision": {
            "licence_id": people.licence(api, victim, "broker_filing", by=world.clerk, checked=False)
        },
        f"{BASE}/licences/{{licence_id}}/revocation": {"licence_id": people.licence(api, victim, "dealer_filing", by=world.clerk)},
        **{
            f"{BASE}/parties/{{party_id}}{part}": {"party_id": victim.organization_id}
            for part in ("", "/organization", "/licences", "/verification", "/suspension", "/reinstatement", "/reveals")
        },
    }


@pytest.fixture
def world(quick_api: Market) -> World:
    return build_world(quick_api)


def _knock(world: World, door: Door, who: Intruder, ids: dict[str, Any]) -> Any:
    options = body_of(world.api, door.operation)
    headers = {**options.pop("headers", {}), **who.headers}
    return world.api.client.request(door.method, door.filled(ids), headers=headers, **options)


class TestNobodys:
    def test_an_id_that_nobody_has_opens_nothing_for_anybody(self, world: World) -> None:
        """404, or whatever the role is refused with; never a success, never a failure of ours.

        Where a role lacks the capability its guard refuses it; ``tests.architecture`` tries each of those doors.
        """
        open_doors, statuses = [], Counter[int]()
        for door in doors(world.api):
            for who in world.intruders:
                if not door.lets_in(who):
                    continue
                status = _knock(world, door, who, {}).status_code
                statuses[status] += 1
                if status not in {401, 403, 404, 409, 422} and door.label not in EMPTY_FOR_ANY_KEY:
                    open_doors.append(f"{who.label}: {door.label} {status}")
        assert not open_doors, "\n".join(open_doors)
        assert statuses[404] > 200, statuses  # bodies are right by the document, so the rules were reached

    def test_a_stranger_is_sent_to_sign_in(self, world: World) -> None:
        stranger = Intruder("stranger", {}, frozenset())
        answers = {door.label: _knock(world, door, stranger, {}).status_code for door in doors(world.api) if not door.is_public}
        assert {label: status for label, status in answers.items() if status != 401} == {}


class TestForeign:
    def test_the_victims_objects_are_closed_to_everybody_else_and_stay_as_they_are(self, world: World) -> None:
        ids: Ids = {}
        for make in FOREIGN:
            ids |= make(world)
        before = _contents(world.api)
        found = [door for door in doors(world.api) if door.path in ids and not door.is_public]
        open_doors = []
        for door in found:
            for who in world.intruders:
                if who.is_market:
                    continue  # the market's staff acts on everybody's objects; what each of its roles lacks is tried below
                status = _knock(world, door, who, ids[door.path]).status_code
                if status not in {403, 404}:
                    open_doors.append(f"{who.label}: {door.label} {status}")
        assert not open_doors, "\n".join(open_doors)
        assert {door.path for door in found} == {path for path in ids if path in {door.path for door in doors(world.api)}}
        assert len(found) >= 22
        assert _contents(world.api) == before

    def test_the_markets_own_staff_is_stopped_where_its_role_ends(self, world: World) -> None:
        """The operator's owner, finance and auditor, against each door whose capability they lack."""
        ids: Ids = {}
        for make in FOREIGN:
            ids |= make(world)
        before = _contents(world.api)
        for door in doors(world.api):
            for who in world.intruders:
                if who.is_market and door.path in ids and not door.lets_in(who):
                    assert _knock(world, door, who, ids[door.path]).status_code == 403, f"{who.label}: {door.label}"
        assert _contents(world.api) == before

    def test_the_victim_himself_is_let_in(self, world: World) -> None:
        """The same ids, so that the doors above were shut for a reason."""
        ids = accounts_objects(world)
        victim = world.victim
        for path in ("/organizations/{organization_id}", "/organizations/{organization_id}/members", "/licences/{licence_id}"):
            door = next(door for door in doors(world.api) if door.label == f"GET {BASE}{path}")
            assert world.api.get(door.filled(ids[door.path]), headers=victim.headers).status_code == 200


def _contents(api: Market) -> dict[str, list[Any]]:
    with api.database.reading() as session:
        connection = session.connection()
        return {
            name: [tuple(map(str, row)) for row in connection.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1"))]
            for name in OWN
            if name in metadata.tables
        }
