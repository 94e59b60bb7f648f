"""People: signing up, their real name, their password."""

from datetime import date
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    EmailTaken,
    NotOfAge,
    PartyKind,
    PhoneTaken,
    RealNameStated,
    born_on,
    check_password,
    compute_age,
    normalize_email,
    normalize_phone,
    normalize_resident_id,
)
from marketplace.accounts.events import PersonSignedUp
from marketplace.accounts.models import Party, Person
from marketplace.accounts.service.passphrases import check_passphrase, passwords, require_person
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import keyed_hash, mask_name, mask_phone, new_signing_key, public_key_of
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.security import Principal, PrincipalKind

FULL_AGE = 18  # 民法典 第十七条


def hash_new_password(password: str, *, own: str = "") -> str:
    """Checked and hashed; call it before the transaction, it takes a tenth of a second. Raises ``PasswordTooWeak``."""
    check_password(password, own=own)
    return passwords().hash(password)


def sign_up(session: Session, *, phone: str, password_hash: str, email: str | None = None, nickname: str | None = None) -> Person:
    """A new person with an own signing key. Raises ``PhoneInvalid``, ``EmailInvalid``, ``PhoneTaken``, ``EmailTaken``."""
    number = normalize_phone(phone)
    address = normalize_email(email) if email else None
    if queries.find_person_by_phone(session, number) is not None:
        raise PhoneTaken
    if address is not None and queries.find_person_by_email(session, address) is not None:
        raise EmailTaken
    now = clock.now(session)
    person_id = new_id()
    signing_key = new_signing_key()
    session.add(Party(id=person_id, kind=PartyKind.PERSON, display_name=nickname or mask_phone(number), created_at=now))
    session.flush()
    person = Person(
        id=person_id,
        phone=number,
        phone_hash=keyed_hash("phone", number),
        email=address,
        email_hash=keyed_hash("email", address) if address else None,
        password_hash=password_hash,
        password_changed_at=now,
        signing_key=signing_key.hex(),
        public_key=public_key_of(signing_key).hex(),
    )
    session.add(person)
    session.flush()
    audit.record(session, principal=as_person(person_id), act="person.sign_up", object_kind="party", object_id=person_id)
    outbox.append(session, PersonSignedUp(person_id=person_id), key=f"party:{person_id}")
    return person


def as_person(person_id: UUID) -> Principal:
    """The person acting for himself, for acts before (or without) a sign-in."""
    return Principal(id=person_id, kind=PrincipalKind.PERSON, party_id=person_id)


def state_real_name(session: Session, *, principal: Principal, name: str, resident_id: str, on: date) -> Person:
    """Name and resident identity number, stated once, kept encrypted. ``on`` is today's legal day.

    Raises ``ResidentIdInvalid``, ``NotOfAge``, ``RealNameStated``.
    """
    number = normalize_resident_id(resident_id)
    if compute_age(born_on(number), on) < FULL_AGE:
        raise NotOfAge
    person = queries.lock_person(session, require_person(principal))
    if person.real_name_at is not None:
        raise RealNameStated
    person.name = name.strip()
    person.resident_id = number
    person.resident_id_hash = keyed_hash("resident_id", number)
    person.real_name_at = clock.now(session)
    queries.get_party(session, person.id).display_name = mask_name(person.name)
    audit.record(session, principal=principal, act="person.state_real_name", object_kind="party", object_id=person.id)
    return person


def change_password(session: Session, *, principal: Principal, passphrase: str, password_hash: str) -> None:
    """Replace the password; other sign-ins are ended by the caller's choice, not here. Raises ``WrongPassphrase``."""
    check_passphrase(session, principal=principal, passphrase=passphrase)
    person = queries.lock_person(session, principal.id)
    person.password_hash = password_hash
    person.password_changed_at = clock.now(session)
    audit.record(session, principal=principal, act="person.change_password", object_kind="party", object_id=person.id)
