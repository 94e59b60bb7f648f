"""Every SELECT of accounts."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from marketplace.accounts.domain import LicenceKind, LicenceState, MembershipState, OrganizationKind, PartyKind, Role, SubjectKind
from marketplace.accounts.models import (
    ApiKey,
    Device,
    FailureCount,
    Invitation,
    Licence,
    Membership,
    Organization,
    Party,
    PayoutAccount,
    Person,
    RecoveryCode,
    RefreshToken,
    Signature,
    SignIn,
)
from marketplace.core.crypto import keyed_hashes
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery

MEMBERSHIPS_MAX = 50
"""Organizations of one person that a token, or the list of offers, names."""

# --- parties ------------------------------------------------------------------------------------------------------------


def get_party(session: Session, party_id: UUID) -> Party:
    """Raises ``NotFound``."""
    party = session.get(Party, party_id)
    if party is None:
        raise NotFound
    return party


def lock_party(session: Session, party_id: UUID) -> Party:
    """The party's row under lock: what changes its staff, licences, payout account or state waits here. Raises ``NotFound``."""
    party = session.exec(select(Party).where(Party.id == party_id).with_for_update().execution_options(populate_existing=True)).first()
    if party is None:
        raise NotFound
    return party


def get_person(session: Session, person_id: UUID) -> Person:
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound
    return person


def lock_person(session: Session, person_id: UUID) -> Person:
    person = session.exec(select(Person).where(Person.id == person_id).with_for_update().execution_options(populate_existing=True)).first()
    if person is None:
        raise NotFound
    return person


def find_person(session: Session, person_id: UUID) -> Person | None:
    return session.get(Person, person_id)


def lock_due_identities(session: Session, today: date, limit: int) -> list[Person]:
    """Closed accounts whose retention term is over."""
    return list(
        session.exec(
            select(Person)
            .where(col(Person.identity_kept_to) <= today)
            .order_by(col(Person.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
    )


def get_organization(session: Session, organization_id: UUID) -> Organization:
    organization = session.get(Organization, organization_id)
    if organization is None:
        raise NotFound
    return organization


def find_organization(session: Session, organization_id: UUID) -> Organization | None:
    return session.get(Organization, organization_id)


def find_organization_by_code(session: Session, credit_code: str) -> Organization | None:
    return session.exec(select(Organization).where(Organization.credit_code == credit_code)).first()


def find_market_operator(session: Session) -> Organization | None:
    return session.exec(select(Organization).where(Organization.kind == OrganizationKind.MARKET_OPERATOR)).first()


def find_person_by_phone(session: Session, phone: str) -> Person | None:
    return session.exec(select(Person).where(col(Person.phone_hash).in_(keyed_hashes("phone", phone)))).first()


def find_person_by_email(session: Session, email: str) -> Person | None:
    return session.exec(select(Person).where(col(Person.email_hash).in_(keyed_hashes("email", email)))).first()


def list_parties_by_id(session: Session, party_ids: Collection[UUID]) -> list[Party]:
    return list(session.exec(select(Party).where(col(Party.id).in_(party_ids)))) if party_ids else []


def list_people_with_resident_ids(session: Session, resident_ids: Iterable[str]) -> list[UUID]:
    """Every account of the people who hold these resident identity numbers."""
    hashes = [hashed for number in resident_ids for hashed in keyed_hashes("resident_id", number)]
    return list(session.exec(select(Person.id).where(col(Person.resident_id_hash).in_(hashes)))) if hashes else []


def list_resident_ids(session: Session, person_ids: Collection[UUID]) -> list[str]:
    found = session.exec(select(Person.resident_id).where(col(Person.id).in_(person_ids), col(Person.resident_id).is_not(None)))
    return [number for number in found if number is not None]


def list_parties(session: Session, page: PageQuery, *, kind: PartyKind | None, person_id: UUID | None) -> list[Party]:
    """Newest first; one person only when ``person_id`` is given."""
    statement = select(Party).where(page.where_after(col(Party.id), descending=True))
    if kind is not None:
        statement = statement.where(Party.kind == kind)
    if person_id is not None:
        statement = statement.where(Party.id == person_id)
    return list(session.exec(statement.order_by(col(Party.id).desc()).limit(page.limit + 1)))


# --- staff --------------------------------------------------------------------------------------------------------------


def list_memberships_of_person(
    session: Session, person_id: UUID, state: MembershipState = MembershipState.ACTIVE
) -> list[tuple[Membership, Organization]]:
    """In the order of their beginning: tokens list them so."""
    statement = (
        select(Membership, Organization)
        .join(Organization, col(Organization.id) == col(Membership.organization_id))
        .where(Membership.person_id == person_id, Membership.state == state)
        .order_by(col(Membership.id))
        .limit(MEMBERSHIPS_MAX)
    )
    return [(membership, organization) for membership, organization in session.exec(statement)]


def find_membership(session: Session, organization_id: UUID, person_id: UUID) -> Membership | None:
    """The active one."""
    return session.exec(
        select(Membership)
        .where(
            Membership.organization_id == organization_id,
            Membership.person_id == person_id,
            Membership.state == MembershipState.ACTIVE,
        )
        .execution_options(populate_existing=True)
    ).first()


def find_open_membership(session: Session, organization_id: UUID, person_id: UUID) -> Membership | None:
    """Offered or active."""
    return session.exec(
        select(Membership)
        .where(
            Membership.organization_id == organization_id,
            Membership.person_id == person_id,
            col(Membership.state).in_([MembershipState.OFFERED, MembershipState.ACTIVE]),
        )
        .execution_options(populate_existing=True)
    ).first()


def list_members(session: Session, organization_id: UUID, page: PageQuery) -> list[Membership]:
    """Offered and active ones, oldest first."""
    return list(
        session.exec(
            select(Membership)
            .where(
                Membership.organization_id == organization_id,
                col(Membership.state).in_([MembershipState.OFFERED, MembershipState.ACTIVE]),
                page.where_after(col(Membership.id)),
            )
            .order_by(col(Membership.id))
            .limit(page.limit + 1)
        )
    )


def list_owner_ids(session: Session, organization_id: UUID) -> list[UUID]:
    """Active owners; read after the party's row is locked."""
    members = session.exec(
        select(Membership)
        .where(Membership.organization_id == organization_id, Membership.state == MembershipState.ACTIVE)
        .execution_options(populate_existing=True)
    )
    return [member.person_id for member in members if Role.OWNER in member.roles]


def list_staff_ids(session: Session, organization_ids: Collection[UUID]) -> list[UUID]:
    return list(
        session.exec(
            select(Membership.person_id).where(
                col(Membership.organization_id).in_(organization_ids), Membership.state == MembershipState.ACTIVE
            )
        )
    )


def list_employer_ids(session: Session, person_ids: Collection[UUID]) -> list[UUID]:
    return list(
        session.exec(
            select(Membership.organization_id).where(col(Membership.person_id).in_(person_ids), Membership.state == MembershipState.ACTIVE)
        )
    )


def lock_invitation_by_code(session: Session, code_digest: str) -> Invitation | None:
    return session.exec(
        select(Invitation).where(Invitation.code_digest == code_digest).with_for_update().execution_options(populate_existing=True)
    ).first()


def lock_invitation(session: Session, organization_id: UUID, invitation_id: UUID) -> Invitation:
    """Raises ``NotFound``, also for another organization's."""
    invitation = session.exec(
        select(Invitation)
        .where(Invitation.id == invitation_id, Invitation.organization_id == organization_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if invitation is None:
        raise NotFound
    return invitation


def list_open_invitations(session: Session, organization_id: UUID, page: PageQuery, now: datetime) -> list[Invitation]:
    return list(
        session.exec(
            select(Invitation)
            .where(
                Invitation.organization_id == organization_id,
                col(Invitation.used_at).is_(None),
                col(Invitation.withdrawn_at).is_(None),
                Invitation.expires_at > now,
                page.where_after(col(Invitation.id)),
            )
            .order_by(col(Invitation.id))
            .limit(page.limit + 1)
        )
    )


# --- licences and payout accounts ---------------------------------------------------------------------------------------


def list_checked_licences(session: Session, party_id: UUID, kind: LicenceKind) -> list[Licence]:
    """The longest valid first."""
    return list(
        session.exec(
            select(Licence)
            .where(Licence.party_id == party_id, Licence.kind == kind, Licence.state == LicenceState.CHECKED)
            .order_by(col(Licence.valid_to).desc().nulls_first(), col(Licence.id))
        )
    )


def list_licences(session: Session, party_id: UUID, page: PageQuery) -> list[Licence]:
    return list(
        session.exec(
            select(Licence)
            .where(Licence.party_id == party_id, page.where_after(col(Licence.id)))
            .order_by(col(Licence.id))
            .limit(page.limit + 1)
        )
    )


def list_all_licences(session: Session, party_id: UUID) -> list[Licence]:
    """For an export."""
    return list(session.exec(select(Licence).where(Licence.party_id == party_id).order_by(col(Licence.id))))


def list_claimed_licences(session: Session, page: PageQuery) -> list[Licence]:
    """What waits for an operator, oldest first."""
    return list(
        session.exec(
            select(Licence)
            .where(Licence.state == LicenceState.CLAIMED, page.where_after(col(Licence.id)))
            .order_by(col(Licence.id))
            .limit(page.limit + 1)
        )
    )


def get_licence(session: Session, licence_id: UUID) -> Licence:
    licence = session.get(Licence, licence_id)
    if licence is None:
        raise NotFound
    return licence


def lock_licence(session: Session, licence_id: UUID) -> Licence:
    licence = session.exec(
        select(Licence).where(Licence.id == licence_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if licence is None:
        raise NotFound
    return licence


def list_payout_accounts(session: Session, party_id: UUID) -> list[PayoutAccount]:
    """Not withdrawn, newest first."""
    return list(
        session.exec(
            select(PayoutAccount)
            .where(PayoutAccount.party_id == party_id, col(PayoutAccount.withdrawn_at).is_(None))
            .order_by(col(PayoutAccount.id).desc())
        )
    )


def get_payout_account(session: Session, party_id: UUID, payout_account_id: UUID) -> PayoutAccount:
    """One of the party's own, not withdrawn. Raises ``NotFound``."""
    account = session.exec(
        select(PayoutAccount).where(
            PayoutAccount.id == payout_account_id,
            PayoutAccount.party_id == party_id,
            col(PayoutAccount.withdrawn_at).is_(None),
        )
    ).first()
    if account is None:
        raise NotFound
    return account


# --- credentials --------------------------------------------------------------------------------------------------------


def find_refresh_token(session: Session, digest: str) -> RefreshToken | None:
    return session.get(RefreshToken, digest, populate_existing=True)


def lock_sign_in(session: Session, sign_in_id: UUID) -> SignIn | None:
    return session.exec(select(SignIn).where(SignIn.id == sign_in_id).with_for_update().execution_options(populate_existing=True)).first()


def find_sign_in(session: Session, sign_in_id: UUID) -> SignIn | None:
    return session.get(SignIn, sign_in_id)


def list_sign_ins(session: Session, person_id: UUID, page: PageQuery, now: datetime) -> list[SignIn]:
    """Living ones, newest first."""
    return list(
        session.exec(
            select(SignIn)
            .where(
                SignIn.person_id == person_id,
                col(SignIn.ended_at).is_(None),
                SignIn.expires_at > now,
                page.where_after(col(SignIn.id), descending=True),
            )
            .order_by(col(SignIn.id).desc())
            .limit(page.limit + 1)
        )
    )


def list_all_sign_ins(session: Session, person_id: UUID, limit: int = 1_000) -> list[SignIn]:
    """For an export: the newest thousand, ended ones too."""
    return list(session.exec(select(SignIn).where(SignIn.person_id == person_id).order_by(col(SignIn.id).desc()).limit(limit)))


def delete_credentials(session: Session, person_id: UUID) -> int:
    """Everything that let a person in, after his sign-ins are ended; returns how many rows."""
    own = sa.select(col(SignIn.id)).where(col(SignIn.person_id) == person_id)
    session.flush()
    connection = session.connection()
    deleted = 0
    for statement in (
        sa.delete(RefreshToken).where(col(RefreshToken.sign_in_id).in_(own)),
        sa.delete(SignIn).where(col(SignIn.person_id) == person_id),
        sa.delete(Device).where(col(Device.person_id) == person_id),
        sa.delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id),
    ):
        deleted += connection.execute(statement).rowcount
    return deleted


def forget_invitations(session: Session, person_id: UUID) -> int:
    """Take the contact out of invitations this person used; returns how many."""
    statement = sa.update(Invitation).where(col(Invitation.used_by) == person_id, col(Invitation.contact).is_not(None))
    return session.connection().execute(statement.values(contact=None, contact_hash=None)).rowcount


def delete_ended_sign_ins(session: Session, before: datetime, limit: int) -> int:
    """Sign-ins that ended or expired before; returns how many."""
    over = sa.or_(col(SignIn.ended_at) < before, col(SignIn.expires_at) < before)
    ids = list(session.exec(select(SignIn.id).where(over).order_by(col(SignIn.id)).limit(limit)))
    if ids:
        session.connection().execute(sa.delete(RefreshToken).where(col(RefreshToken.sign_in_id).in_(ids)))
        session.connection().execute(sa.delete(SignIn).where(col(SignIn.id).in_(ids)))
    return len(ids)


def find_device(session: Session, token_digest: str) -> Device | None:
    return session.exec(select(Device).where(Device.token_digest == token_digest, col(Device.forgotten_at).is_(None))).first()


def list_devices(session: Session, person_id: UUID) -> list[Device]:
    return list(
        session.exec(
            select(Device)
            .where(Device.person_id == person_id, col(Device.forgotten_at).is_(None))
            .order_by(col(Device.id).desc())
            .limit(100)
        )
    )


def lock_failure_count(session: Session, kind: SubjectKind, subject: str) -> FailureCount | None:
    return session.get(FailureCount, (kind, subject), with_for_update=True, populate_existing=True)


def insert_failure_count(session: Session, kind: SubjectKind, subject: str, now: datetime) -> None:
    """An empty row when there is none, so that there is something to lock."""
    insert = postgresql.insert if session.connection().dialect.name == "postgresql" else sqlite.insert
    session.connection().execute(insert(FailureCount).values(kind=kind, subject=subject, failures=0, last_at=now).on_conflict_do_nothing())


def delete_failures_before(session: Session, before: datetime) -> int:
    return session.connection().execute(sa.delete(FailureCount).where(col(FailureCount.last_at) < before)).rowcount


def lock_living_sign_ins(session: Session, person_id: UUID) -> list[SignIn]:
    return list(
        session.exec(
            select(SignIn)
            .where(SignIn.person_id == person_id, col(SignIn.ended_at).is_(None))
            .order_by(col(SignIn.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_unused_recovery_codes(session: Session, person_id: UUID) -> list[RecoveryCode]:
    return list(
        session.exec(
            select(RecoveryCode)
            .where(RecoveryCode.person_id == person_id, col(RecoveryCode.used_at).is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def find_api_key(session: Session, key_id: UUID) -> ApiKey | None:
    return session.get(ApiKey, key_id)


def list_api_keys(session: Session, organization_id: UUID, page: PageQuery) -> list[ApiKey]:
    return list(
        session.exec(
            select(ApiKey)
            .where(ApiKey.organization_id == organization_id, page.where_after(col(ApiKey.id), descending=True))
            .order_by(col(ApiKey.id).desc())
            .limit(page.limit + 1)
        )
    )


def list_signatures(session: Session, document_kind: str, document_id: UUID) -> list[Signature]:
    """A document's signatures, oldest first."""
    return list(
        session.exec(
            select(Signature)
            .where(Signature.document_kind == document_kind, Signature.document_id == document_id)
            .order_by(col(Signature.id))
        )
    )


def list_signatures_of_person(session: Session, person_id: UUID) -> list[Signature]:
    return list(session.exec(select(Signature).where(Signature.person_id == person_id).order_by(col(Signature.id))))
