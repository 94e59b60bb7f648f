"""The invented market that ``make serve`` shows: people of every role, cars in the store, auctions that end every few minutes.

Loaded once, through the same services that HTTP calls; a market that has its operator already is left as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import LicenceKind, OrganizationKind, compute_capabilities
from marketplace.accounts.service import licences, members, organizations, people, second_factor
from marketplace.accounts.service.organizations import OrganizationFacts
from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.security import Principal, PrincipalKind
from marketplace.core.settings import Settings
from marketplace.demo.people import OPERATOR, PASSWORD, PEOPLE, DemoPerson, credit_code

VALID_FROM = date(2020, 1, 1)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who was loaded: what acts in his name."""

    person: DemoPerson
    himself: Principal
    principal: Principal


def load_market(database: Database, *, settings: Settings, cars: int, tell: Tell) -> None:
    """Fill an empty demo market; ``cars=0`` makes the operator only, for a story that brings its own people."""
    if not settings.demo:
        raise RuntimeError("a demo market needs HENANROAD_DEMO=1")
    with database.reading() as session:
        if queries.find_person_by_phone(session, OPERATOR.phone) is not None:
            return
    password_hash = people.hash_new_password(PASSWORD)
    with database.writing() as session:
        operator = _settle(session, OPERATOR, password_hash, known={})
    if not cars:
        return
    tell("载入演示市场 Loading the demo market …")
    residents = {OPERATOR.serial: operator}
    for person in PEOPLE[1:]:
        with database.writing() as session:
            residents[person.serial] = _settle(session, person, password_hash, known=residents)
    from marketplace.demo import stock  # noqa: PLC0415  # a story without cars need not load every feature

    _admit_pilots(database, residents)
    stock.load(database, residents, cars=cars, tell=tell)


def _settle(session: Session, person: DemoPerson, password_hash: str, *, known: dict[int, Resident]) -> Resident:
    """Sign a person up, with organization, licences and second factor."""
    row = people.sign_up(session, phone=person.phone, password_hash=password_hash)
    himself = people.as_person(row.id)
    today = clock.shanghai_day(clock.now(session))
    people.state_real_name(session, principal=himself, name=person.name, resident_id=person.resident_id, on=today)
    if person.totp_secret is not None:
        second_factor.put_in_force(row, person.totp_secret, None)
    principal = himself
    if person.organization is not None:
        principal = _employ(session, person, row.id, known)
    return Resident(person, himself, principal)


def _employ(session: Session, person: DemoPerson, person_id: UUID, known: dict[int, Resident]) -> Principal:
    assert person.kind is not None
    kind = OrganizationKind(person.kind)
    employer = next((one for one in known.values() if one.person.organization == person.organization), None)
    if employer is not None:
        organization_id = employer.principal.party_id
        members.add_member(session, organization_id=organization_id, person_id=person_id, roles=list(person.roles))
        return _acting(person_id, organization_id, kind, person.roles)
    facts = OrganizationFacts(kind, person.organization or "", credit_code(person.serial), "天津", f"滨海新区河南路 {person.serial} 号")
    if kind is OrganizationKind.MARKET_OPERATOR:
        organization = organizations.create_market_operator(session, owner_id=person_id, facts=facts)
        return _acting(person_id, organization.id, kind, person.roles)
    operator = known[OPERATOR.serial].principal
    organization = organizations.register_organization(session, principal=people.as_person(person_id), facts=facts)
    organizations.decide_organization(session, principal=operator, organization_id=organization.id, verified=True, note="演示")
    membership = queries.find_membership(session, organization.id, person_id)
    assert membership is not None
    membership.roles = list(person.roles)
    owner = _acting(person_id, organization.id, kind, person.roles)
    for licence in person.licences:
        _license(session, owner, LicenceKind(licence), operator, f"演示-{person.serial}-{licence}")
    return owner


def _admit_pilots(database: Database, residents: dict[int, Resident]) -> None:
    """The importers are verified pilots: they state what the conditions ask for."""
    from marketplace.parallel_import.domain.pilots import PilotKind  # noqa: PLC0415  # late, as stock
    from marketplace.parallel_import.service import pilots  # noqa: PLC0415
    from marketplace.parallel_import.service.tables import pilot_rules  # noqa: PLC0415

    operator = residents[OPERATOR.serial].principal
    for resident in residents.values():
        if resident.person.kind != OrganizationKind.IMPORT_PILOT.value:
            continue
        with database.writing() as session:
            criteria = pilot_rules(clock.shanghai_day(clock.now(session))).application[PilotKind.ENTERPRISE]
            stated: dict[str, int | bool] = {one.code: True if one.limit is None else one.limit for one in criteria}
            party_id = resident.principal.party_id
            pilots.apply(session, principal=resident.principal, kind=PilotKind.ENTERPRISE, zone="天津港保税区", stated=stated)
            pilots.decide(session, principal=operator, party_id=party_id, verified=True, note="演示")


def _license(session: Session, holder: Principal, kind: LicenceKind, operator: Principal, number: str) -> None:
    facts = licences.LicenceFacts(kind=kind, number=number[:60], issuer="天津市商务局", valid_from=VALID_FROM, valid_to=None)
    claimed = licences.claim_licence(session, principal=holder, facts=facts)
    licences.decide_licence(session, principal=operator, licence_id=claimed.id, checked=True, note="演示")


def _acting(person_id: UUID, organization_id: UUID, kind: OrganizationKind, roles: tuple[str, ...]) -> Principal:
    """A principal as his token would make it after the second factor."""
    granted, _ = compute_capabilities(kind, roles, True)
    return Principal(
        id=person_id,
        kind=PrincipalKind.PERSON,
        party_id=organization_id,
        organization_id=organization_id,
        organization_kind=kind,
        capabilities=granted,
        second_factor=True,
    )
