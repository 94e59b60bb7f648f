"""Founding a market: its operator, and in a demo everybody else, made without a sign-up. Only for the command line and seeding."""

import base64
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import OrganizationKind, Role, VerificationState, check_roles
from marketplace.accounts.models import Licence, Person
from marketplace.accounts.service import licences, members, organizations, people, second_factor
from marketplace.accounts.service.licences import LicenceFacts
from marketplace.accounts.service.organizations import OrganizationFacts
from marketplace.core import clock
from marketplace.core.db import Session


def found_person(
    session: Session,
    *,
    phone: str,
    password_hash: str,
    name: str | None = None,
    resident_id: str | None = None,
    totp_secret: str | None = None,
) -> UUID:
    """A person, with a real name and a second factor when given. ``totp_secret`` is base32.

    Raises as ``sign_up`` and ``state_real_name`` do.
    """
    person = people.sign_up(session, phone=phone, password_hash=password_hash)
    if name is not None and resident_id is not None:
        today = clock.shanghai_day(clock.now(session))
        people.state_real_name(session, principal=people.as_person(person.id), name=name, resident_id=resident_id, on=today)
    if totp_secret is not None:
        base64.b32decode(totp_secret)
        second_factor.put_in_force(queries.lock_person(session, person.id), totp_secret, None)
    return person.id


def found_organization(session: Session, *, owner_id: UUID, facts: OrganizationFacts, roles: list[str]) -> UUID:
    """A verified organization; ``roles`` are the owner's besides ``owner``. Raises as ``register_organization``, ``RoleUnknown``."""
    wanted = check_roles(facts.kind, ["owner", *roles])
    if facts.kind is OrganizationKind.MARKET_OPERATOR:
        organization = organizations.create_market_operator(session, owner_id=owner_id, facts=facts)
    else:
        organization = organizations.register_organization(session, principal=people.as_person(owner_id), facts=facts)
        organization.verification = VerificationState.VERIFIED
        organization.verified_at = clock.now(session)
    membership = queries.find_membership(session, organization.id, owner_id)
    assert membership is not None
    membership.roles = wanted
    session.flush()
    return organization.id


def found_licence(session: Session, *, party_id: UUID, checked_by: UUID, facts: LicenceFacts) -> UUID:
    """A checked licence. ``checked_by`` is the operator who stands for it. Raises as ``claim_licence`` and ``decide_licence``."""
    licence: Licence = licences.claim_for(session, principal=people.as_person(party_id), party_id=party_id, facts=facts)
    licences.decide_licence(session, principal=people.as_person(checked_by), licence_id=licence.id, checked=True, note="")
    return licence.id


def found_member(session: Session, *, organization_id: UUID, person_id: UUID, roles: list[str]) -> None:
    """A member at once. Raises ``RoleUnknown``, ``AlreadyMember``."""
    members.add_member(session, organization_id=organization_id, person_id=person_id, roles=roles)


def found_operator(session: Session, *, person_id: UUID, market: OrganizationFacts) -> UUID:
    """Make a person an operator: of the market operator there is, else of a new one described by ``market``."""
    found = queries.find_market_operator(session)
    if found is not None:
        members.add_member(session, organization_id=found.id, person_id=person_id, roles=[Role.OPERATOR])
        return found.id
    return organizations.create_market_operator(session, owner_id=person_id, facts=market).id


def find_by_phone(session: Session, *, phone: str) -> UUID | None:
    """Whether somebody with this number is there already: founding twice must not fail."""
    person: Person | None = queries.find_person_by_phone(session, phone)
    return person.id if person else None
