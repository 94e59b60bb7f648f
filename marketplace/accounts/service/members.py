"""Staff of an organization. Every change waits for the organization's row, so its owners are counted truly."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    AlreadyMember,
    InvitationInvalid,
    MembershipState,
    Role,
    check_owner_remains,
    check_roles,
    normalize_email,
    normalize_phone,
)
from marketplace.accounts.events import MemberEnded, MemberJoined
from marketplace.accounts.models import Invitation, Membership
from marketplace.accounts.service.organizations import require_own
from marketplace.accounts.service.passphrases import require_person
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import keyed_hash
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal, token_digest
from marketplace.core.settings import get_settings


def offer_membership(session: Session, *, principal: Principal, organization_id: UUID, person_id: UUID, roles: list[str]) -> Membership:
    """The owner adds a person who has an account; it counts once that person accepts.

    Raises ``RoleUnknown``, ``AlreadyMember``, ``NotFound``.
    """
    queries.lock_party(session, organization_id)
    organization = require_own(session, principal=principal, organization_id=organization_id)
    assert organization is not None
    wanted = check_roles(organization.kind, roles)
    queries.get_person(session, person_id)
    if queries.find_open_membership(session, organization_id, person_id) is not None:
        raise AlreadyMember
    membership = Membership(
        organization_id=organization_id,
        person_id=person_id,
        roles=wanted,
        state=MembershipState.OFFERED,
        offered_by=principal.id,
        created_at=clock.now(session),
    )
    session.add(membership)
    session.flush()
    _record(session, principal, "member.offer", organization_id, {"person_id": str(person_id), "roles": wanted})
    return membership


def answer_offer(session: Session, *, principal: Principal, membership_id: UUID, accept: bool) -> Membership:
    """The person's own answer to an offer. Raises ``NotFound`` for another's or one already answered."""
    person_id = require_person(principal)
    found = session.get(Membership, membership_id)
    if found is None or found.person_id != person_id:
        raise NotFound
    queries.lock_party(session, found.organization_id)
    session.refresh(found)
    if found.state is not MembershipState.OFFERED:
        raise NotFound
    if not accept:
        found.state = MembershipState.DECLINED
        found.ended_at = clock.now(session)
        return found
    _activate(session, principal, found)
    return found


def invite(session: Session, *, principal: Principal, organization_id: UUID, contact: str, roles: list[str]) -> tuple[Invitation, str]:
    """An invitation for a phone number or e-mail address, and the code the owner hands over himself; shown once.

    Raises ``RoleUnknown``, ``PhoneInvalid``, ``EmailInvalid``, ``NotFound``.
    """
    queries.lock_party(session, organization_id)
    organization = require_own(session, principal=principal, organization_id=organization_id)
    assert organization is not None
    wanted = check_roles(organization.kind, roles)
    address = _normalize(contact)
    code = secrets.token_urlsafe(18)
    now = clock.now(session)
    invitation = Invitation(
        organization_id=organization_id,
        contact=address,
        contact_hash=keyed_hash("contact", address),
        roles=wanted,
        code_digest=token_digest(code),
        invited_by=principal.id,
        created_at=now,
        expires_at=now + timedelta(days=get_settings().invitation_days),
    )
    session.add(invitation)
    session.flush()
    _record(session, principal, "member.invite", organization_id, {"invitation_id": str(invitation.id), "roles": wanted})
    return invitation, code


def _normalize(contact: str) -> str:
    return normalize_email(contact) if "@" in contact else normalize_phone(contact)


def accept_invitation(session: Session, *, principal: Principal, code: str) -> Membership:
    """Join by a code, with the very phone number or address it was for. Raises ``InvitationInvalid``, ``AlreadyMember``."""
    person = queries.get_person(session, require_person(principal))
    invitation = queries.lock_invitation_by_code(session, token_digest(code.strip()))
    now = clock.now(session)
    if invitation is None or invitation.used_at or invitation.withdrawn_at or invitation.expires_at <= now:
        raise InvitationInvalid
    if invitation.contact is None or invitation.contact not in {person.phone, person.email}:
        raise InvitationInvalid
    queries.lock_party(session, invitation.organization_id)
    if queries.find_open_membership(session, invitation.organization_id, person.id) is not None:
        raise AlreadyMember
    invitation.used_at, invitation.used_by = now, person.id
    membership = Membership(
        organization_id=invitation.organization_id,
        person_id=person.id,
        roles=invitation.roles,
        state=MembershipState.OFFERED,
        offered_by=invitation.invited_by,
        created_at=now,
    )
    session.add(membership)
    session.flush()
    _activate(session, principal, membership)
    return membership


def withdraw_invitation(session: Session, *, principal: Principal, organization_id: UUID, invitation_id: UUID) -> Invitation:
    """Raises ``NotFound``, ``InvitationInvalid`` for one that was used."""
    require_own(session, principal=principal, organization_id=organization_id)
    invitation = queries.lock_invitation(session, organization_id, invitation_id)
    if invitation.used_at is not None:
        raise InvitationInvalid
    invitation.withdrawn_at = clock.now(session)
    return invitation


def add_member(session: Session, *, organization_id: UUID, person_id: UUID, roles: list[str]) -> Membership:
    """Make a person a member at once: for installation and seeding, where nobody is there to accept.

    Raises ``RoleUnknown``, ``AlreadyMember``.
    """
    queries.lock_party(session, organization_id)
    wanted = check_roles(queries.get_organization(session, organization_id).kind, roles)
    if queries.find_open_membership(session, organization_id, person_id) is not None:
        raise AlreadyMember
    membership = Membership(
        organization_id=organization_id,
        person_id=person_id,
        roles=wanted,
        state=MembershipState.OFFERED,
        created_at=clock.now(session),
    )
    session.add(membership)
    session.flush()
    _activate(session, None, membership)
    return membership


def change_roles(session: Session, *, principal: Principal, organization_id: UUID, person_id: UUID, roles: list[str]) -> Membership:
    """Raises ``RoleUnknown``, ``LastOwner``, ``NotFound``. Access tokens say the old roles for their last minutes."""
    membership = _lock_member(session, principal, organization_id, person_id)
    wanted = check_roles(queries.get_organization(session, organization_id).kind, roles)
    if Role.OWNER not in wanted:
        check_owner_remains(queries.list_owner_ids(session, organization_id), leaving=person_id)
    membership.roles = wanted
    _record(session, principal, "member.change_roles", organization_id, {"person_id": str(person_id), "roles": wanted})
    return membership


def remove_member(session: Session, *, principal: Principal, organization_id: UUID, person_id: UUID) -> Membership:
    """The owner ends a membership, or takes an offer back. Raises ``LastOwner``, ``NotFound``."""
    membership = _lock_member(session, principal, organization_id, person_id)
    return _end(session, principal, membership, MembershipState.REMOVED)


def leave(session: Session, *, principal: Principal, organization_id: UUID) -> Membership:
    """A member goes by himself. Raises ``LastOwner``, ``NotFound``."""
    queries.lock_party(session, organization_id)
    membership = queries.find_membership(session, organization_id, require_person(principal))
    if membership is None:
        raise NotFound
    return _end(session, principal, membership, MembershipState.LEFT)


def _lock_member(session: Session, principal: Principal, organization_id: UUID, person_id: UUID) -> Membership:
    queries.lock_party(session, organization_id)
    require_own(session, principal=principal, organization_id=organization_id)
    membership = queries.find_open_membership(session, organization_id, person_id)
    if membership is None:
        raise NotFound
    return membership


def _activate(session: Session, principal: Principal | None, membership: Membership) -> None:
    membership.state = MembershipState.ACTIVE
    membership.since = clock.now(session)
    facts = {"person_id": str(membership.person_id), "roles": membership.roles}
    _record(session, principal, "member.join", membership.organization_id, facts)
    outbox.append(
        session,
        MemberJoined(organization_id=membership.organization_id, person_id=membership.person_id, roles=membership.roles),
        key=f"party:{membership.organization_id}",
    )


def _end(session: Session, principal: Principal, membership: Membership, state: MembershipState) -> Membership:
    if membership.state is MembershipState.ACTIVE:
        check_owner_remains(queries.list_owner_ids(session, membership.organization_id), leaving=membership.person_id)
    membership.state = state
    membership.ended_at = clock.now(session)
    _record(session, principal, f"member.{state.value}", membership.organization_id, {"person_id": str(membership.person_id)})
    outbox.append(
        session,
        MemberEnded(organization_id=membership.organization_id, person_id=membership.person_id, state=state.value),
        key=f"party:{membership.organization_id}",
    )
    return membership


def _record(session: Session, principal: Principal | None, act: str, organization_id: UUID, facts: dict[str, Any]) -> None:
    audit.record(session, principal=principal, act=act, object_kind="party", object_id=organization_id, facts=facts)
