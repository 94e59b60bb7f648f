"""Rows to bodies, masked."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.models import ApiKey, Invitation, Licence, Membership, Organization, Party, PayoutAccount, Person
from marketplace.accounts.schemas import (
    ApiKeyBody,
    InvitationBody,
    LicenceBody,
    MemberBody,
    MembershipBody,
    OrganizationBody,
    PartyBody,
    PayoutAccountBody,
    PersonBody,
)
from marketplace.core.crypto import mask_phone
from marketplace.core.db import Session
from marketplace.core.security import Membership as TokenMembership


def mask_contact(contact: str | None) -> str:
    """138****8000 or z***@example.com."""
    if contact is None:
        return "****"
    name, at, domain = contact.partition("@")
    return f"{name[:1]}***@{domain}" if at else mask_phone(contact)


def person_body(session: Session, person: Person) -> PersonBody:
    party = queries.get_party(session, person.id)
    return PersonBody(
        id=person.id,
        display_name=party.display_name,
        phone_masked=mask_phone(person.phone) if person.phone else None,
        email_masked=mask_contact(person.email) if person.email else None,
        real_name_stated=person.real_name_at is not None,
        second_factor_enrolled=person.totp_enrolled_at is not None,
        state=party.state,
        created_at=party.created_at,
    )


def membership_bodies(memberships: Sequence[TokenMembership]) -> list[MembershipBody]:
    return [MembershipBody(organization_id=one.organization_id, organization_kind=one.kind, roles=list(one.roles)) for one in memberships]


def organization_body(session: Session, organization: Organization) -> OrganizationBody:
    return OrganizationBody(
        id=organization.id,
        kind=organization.kind,
        legal_name=organization.legal_name,
        name_en=organization.name_en,
        credit_code=organization.credit_code,
        city=organization.city,
        address=organization.address,
        state=queries.get_party(session, organization.id).state,
        verification=organization.verification,
        verification_note=organization.verification_note,
    )


def member_body(session: Session, membership: Membership) -> MemberBody:
    return member_bodies(session, [membership])[membership.id]


def member_bodies(session: Session, memberships: Sequence[Membership]) -> dict[UUID, MemberBody]:
    names = {party.id: party.display_name for party in queries.list_parties_by_id(session, {one.person_id for one in memberships})}
    return {
        one.id: MemberBody(
            id=one.id,
            organization_id=one.organization_id,
            person_id=one.person_id,
            display_name=names.get(one.person_id, ""),
            roles=one.roles,
            state=one.state,
            since=one.since,
        )
        for one in memberships
    }


def invitation_body(invitation: Invitation, code: str | None = None) -> InvitationBody:
    return InvitationBody(
        id=invitation.id,
        contact_masked=mask_contact(invitation.contact),
        roles=invitation.roles,
        expires_at=invitation.expires_at,
        code=code,
    )


def licence_body(licence: Licence) -> LicenceBody:
    return LicenceBody.model_validate(licence, from_attributes=True)


def api_key_body(key: ApiKey) -> ApiKeyBody:
    return ApiKeyBody.model_validate(key, from_attributes=True)


def party_body(session: Session, party: Party) -> PartyBody:
    organization = queries.find_organization(session, party.id)
    return PartyBody(
        id=party.id,
        kind=party.kind,
        organization_kind=organization.kind if organization else None,
        display_name=party.display_name,
        state=party.state,
        created_at=party.created_at,
    )


def payout_account_body(account: PayoutAccount, in_use: bool) -> PayoutAccountBody:
    return PayoutAccountBody(
        id=account.id,
        bank=account.bank,
        number_masked=account.number_masked,
        created_at=account.created_at,
        usable_from=account.usable_from,
        in_use=in_use,
    )
