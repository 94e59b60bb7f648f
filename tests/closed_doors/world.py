"""Who the doors are tried by: somebody of every role of every kind of organization, a plain person, machines, a stranger."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from marketplace.accounts.domain import ROLE_CAPABILITIES, OrganizationKind, Role, scopes_of
from marketplace.accounts.service import founding
from marketplace.accounts.service.organizations import OrganizationFacts
from marketplace.accounts.service.people import hash_new_password
from marketplace.core.security import Gate, Membership
from tests import people
from tests.closed_doors.doors import Door
from tests.market import Market
from tests.people import Person


@dataclass(frozen=True)
class Intruder:
    """Somebody who may do everything his role allows, and has no business here."""

    label: str
    headers: dict[str, str]
    capabilities: frozenset[str]

    def passes_guard_of(self, door: Door) -> bool:
        return bool(self.headers) and door.lets_in(self.capabilities)


STRANGER = Intruder("stranger", {}, frozenset())


def intruders(api: Market, clerk: Person) -> list[Intruder]:
    """All of them but the stranger; none has a part in any object of ``foreign``."""
    return [*_staff(api), _plain(api), *_machines(api, clerk)]


def _staff(api: Market) -> Iterator[Intruder]:
    gate: Gate = api.app.state.gate
    hashed = hash_new_password(people.PASSWORD)
    for kind, role in ROLE_CAPABILITIES:
        person_id, organization_id = _found(api, kind, role, hashed)
        memberships = [Membership(organization_id, kind.value, (role.value,))]
        token = gate.tokens.issue(person_id=person_id, sign_in_id=uuid4(), second_factor=True, memberships=memberships)
        yield Intruder(f"{kind.value}/{role.value}", {"Authorization": f"Bearer {token}"}, gate.person(token).capabilities)


def _found(api: Market, kind: OrganizationKind, role: Role, hashed: str) -> tuple[UUID, UUID]:
    with api.database.writing() as session:
        person_id = founding.found_person(
            session, phone=people.phone_number(), password_hash=hashed, name="闯入者", resident_id=people.resident_id()
        )
        facts = OrganizationFacts(kind, f"{kind.value} {role.value} 有限公司", people.credit_code(), "天津", "河南路 9 号")
        if kind is OrganizationKind.MARKET_OPERATOR:
            organization_id = founding.found_operator(session, person_id=person_id, market=facts)
        else:
            roles = [] if role is Role.APPLICANT else [role.value]
            organization_id = founding.found_organization(session, owner_id=person_id, facts=facts, roles=roles)
    return person_id, organization_id


def _plain(api: Market) -> Intruder:
    person = people.with_second_factor(api, people.sign_up(api))
    return Intruder("person", person.headers, api.app.state.gate.person(person.token).capabilities)


def _machines(api: Market, clerk: Person) -> Iterator[Intruder]:
    """Keys with everything a key may be given, and one with next to nothing."""
    for kind in (OrganizationKind.DEALER, OrganizationKind.VALUATION_PARTNER):
        scopes = sorted(scopes_of(kind))
        yield Intruder(f"key of {kind.value}", _key(api, clerk, kind, *scopes), frozenset(scopes))
    yield Intruder("key without scope", _key(api, clerk, OrganizationKind.DEALER, "cases.open"), frozenset({"cases.open"}))


def _key(api: Market, clerk: Person, kind: OrganizationKind, *scopes: str) -> dict[str, str]:
    return people.api_key(api, people.organization(api, kind.value, by=clerk), *scopes)
