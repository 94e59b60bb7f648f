"""SELECTs of parties, their licences and payout accounts."""

from collections.abc import Collection, Iterable
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from marketplace.accounts.domain import LicenceKind, LicenceState, OrganizationKind, PartyKind
from marketplace.accounts.models import (
    Licence,
    Organization,
    Party,
    PayoutAccount,
    Person,
)
from marketplace.core.crypto import keyed_hashes
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery


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
