"""Organizations: they register themselves, an operator verifies them; the market's own is made at installation."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    AlreadyDecided,
    KindNotOpen,
    MembershipState,
    OrganizationExists,
    OrganizationKind,
    PartyKind,
    PartyState,
    Role,
    VerificationState,
    normalize_credit_code,
)
from marketplace.accounts.events import OrganizationDecided, OrganizationRegistered, PartyReinstated, PartyWasSuspended
from marketplace.accounts.models import Membership, Organization, Party
from marketplace.accounts.service.passphrases import require_person
from marketplace.accounts.service.people import as_person
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.ids import new_id
from marketplace.core.security import Principal


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """What an organization states about itself."""

    kind: OrganizationKind
    legal_name: str
    credit_code: str
    city: str
    address: str
    name_en: str | None = None
    contact_phone: str | None = None


def register_organization(session: Session, *, principal: Principal, facts: OrganizationFacts) -> Organization:
    """A new organization with the caller as its owner; it may prepare, but not trade before an operator verified it.

    Raises ``KindNotOpen``, ``CreditCodeInvalid``, ``OrganizationExists``.
    """
    if facts.kind is OrganizationKind.MARKET_OPERATOR:
        raise KindNotOpen
    return _create(session, owner_id=require_person(principal), facts=facts, roles=[Role.OWNER], verified=False)


def create_market_operator(session: Session, *, owner_id: UUID, facts: OrganizationFacts) -> Organization:
    """The one market operator, at installation: its first member is owner and operator. Raises ``OrganizationExists``."""
    return _create(session, owner_id=owner_id, facts=facts, roles=[Role.OPERATOR, Role.OWNER], verified=True)


def _create(session: Session, *, owner_id: UUID, facts: OrganizationFacts, roles: list[Role], verified: bool) -> Organization:
    code = normalize_credit_code(facts.credit_code)
    if queries.find_organization_by_code(session, code) is not None:
        raise OrganizationExists
    now = clock.now(session)
    organization_id = new_id()
    session.add(Party(id=organization_id, kind=PartyKind.ORGANIZATION, display_name=facts.legal_name, created_at=now))
    session.flush()
    organization = Organization(
        id=organization_id,
        kind=facts.kind,
        legal_name=facts.legal_name,
        name_en=facts.name_en,
        credit_code=code,
        city=facts.city,
        address=facts.address,
        contact_phone=facts.contact_phone,
        verification=VerificationState.VERIFIED if verified else VerificationState.PENDING,
        verified_at=now if verified else None,
    )
    session.add(organization)
    session.flush()
    session.add(
        Membership(
            organization_id=organization_id,
            person_id=owner_id,
            roles=[role.value for role in roles],
            state=MembershipState.ACTIVE,
            created_at=now,
            since=now,
        )
    )
    session.flush()
    audit.record(
        session,
        principal=as_person(owner_id),
        act="organization.register",
        object_kind="party",
        object_id=organization_id,
        facts={"kind": facts.kind.value},
    )
    outbox.append(
        session,
        OrganizationRegistered(organization_id=organization_id, kind=facts.kind.value, owner_id=owner_id),
        key=f"party:{organization_id}",
    )
    return organization


def decide_organization(session: Session, *, principal: Principal, organization_id: UUID, verified: bool, note: str) -> Organization:
    """An operator's answer to a registration; a rejected one may be decided again. Raises ``NotFound``, ``AlreadyDecided``."""
    queries.lock_party(session, organization_id)
    organization = queries.get_organization(session, organization_id)
    if organization.verification is VerificationState.VERIFIED:
        raise AlreadyDecided(state=organization.verification)
    organization.verification = VerificationState.VERIFIED if verified else VerificationState.REJECTED
    organization.verified_by = principal.id
    organization.verified_at = clock.now(session)
    organization.verification_note = note
    audit.record(
        session,
        principal=principal,
        act="organization.decide",
        object_kind="party",
        object_id=organization_id,
        facts={"verification": organization.verification.value},
        reason=note or None,
    )
    outbox.append(
        session,
        OrganizationDecided(organization_id=organization_id, kind=organization.kind.value, verification=organization.verification.value),
        key=f"party:{organization_id}",
    )
    return organization


def require_own(session: Session, *, principal: Principal, organization_id: UUID | None = None) -> Organization | None:
    """The organization acted for, if the caller is its member *now* (his token may be minutes old), None for a person for himself.

    With ``organization_id`` it must be that one. Raises ``NotFound``, so that others' organizations do not show.
    """
    if organization_id is not None and principal.organization_id != organization_id:
        raise NotFound
    if principal.organization_id is None:
        return None
    organization = queries.get_organization(session, principal.organization_id)
    if principal.id != principal.party_id and queries.find_membership(session, organization.id, principal.id) is None:
        key = queries.find_api_key(session, principal.id)
        if key is None or key.organization_id != organization.id:
            raise NotFound
    return organization


def suspend_party(session: Session, *, principal: Principal, party_id: UUID, reason: str) -> Party:
    """Stop a party's new acts; its sign-ins live on, so that it can see why. Raises ``NotFound``, ``AlreadyDecided``."""
    party = queries.lock_party(session, party_id)
    if party.state is not PartyState.ACTIVE:
        raise AlreadyDecided(state=party.state)
    _move(session, principal=principal, party=party, state=PartyState.SUSPENDED, reason=reason)
    outbox.append(session, PartyWasSuspended(party_id=party_id), key=f"party:{party_id}")
    return party


def reinstate_party(session: Session, *, principal: Principal, party_id: UUID, reason: str) -> Party:
    """End a suspension. Raises ``NotFound``, ``AlreadyDecided``."""
    party = queries.lock_party(session, party_id)
    if party.state is not PartyState.SUSPENDED:
        raise AlreadyDecided(state=party.state)
    _move(session, principal=principal, party=party, state=PartyState.ACTIVE, reason=reason)
    outbox.append(session, PartyReinstated(party_id=party_id), key=f"party:{party_id}")
    return party


def _move(session: Session, *, principal: Principal, party: Party, state: PartyState, reason: str) -> None:
    before = party.state
    party.state = state
    party.state_changed_at = clock.now(session)
    audit.record(
        session,
        principal=principal,
        act=f"party.{'suspend' if state is PartyState.SUSPENDED else 'reinstate'}",
        object_kind="party",
        object_id=party.id,
        facts={"from": before.value, "to": state.value},
        reason=reason,
    )
