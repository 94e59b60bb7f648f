"""Signing in, refreshing, signing out. Ages by the process's clock, as all credentials do (see ``core.security``).

A try is counted as failed before the password is looked at, in a transaction of its own, and forgiven when it was right: however many
tries arrive at once, no more are looked at than the rule allows, and hashing holds no transaction.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    Attempt,
    DelayRule,
    EmailInvalid,
    Failures,
    PartyState,
    PhoneInvalid,
    RefreshRefused,
    RefreshVerdict,
    Role,
    SignInDelayed,
    SubjectKind,
    VerificationState,
    compute_wait_s,
    count_failure,
    decide_refresh,
    forgiven_by_success,
    normalize_email,
    normalize_phone,
    subjects_of,
)
from marketplace.accounts.events import RefreshTokenReused
from marketplace.accounts.models import Device, FailureCount, Organization, Person, RefreshToken, SignIn
from marketplace.accounts.service.passphrases import delay_rule, passwords
from marketplace.core import outbox
from marketplace.core.crypto import keyed_hash
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Membership, Principal, process_now, token_digest
from marketplace.core.settings import get_settings

KNOWN_DEVICES_MAX = 20
DEVICE_TOKENS_MAX = 8
SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Knock:
    """A try that may be looked at: it stands counted as a failure until ``admit`` forgives it."""

    attempt: Attempt
    person_id: UUID | None
    password_hash: str | None
    device_token: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What a sign-in gives. Tokens are here in clear and nowhere else."""

    person_id: UUID
    sign_in_id: UUID
    refresh_token: str
    second_factor: bool
    second_factor_enrolled: bool
    memberships: tuple[Membership, ...]
    device_token: str | None = None


# --- knocking -----------------------------------------------------------------------------------------------------------


def knock(session: Session, *, username: str, address: str, device_token: str | None) -> Knock:
    """Judge and count a try. ``username`` is a phone number or an e-mail address. Raises ``SignInDelayed``."""
    person = find_person(session, username)
    device = _find_device(session, person, device_token) if person is not None and device_token else None
    attempt = Attempt(
        account=str(person.id) if person else keyed_hash("sign_in_name", username.strip().lower()),
        address=keyed_hash("address", address),
        device=str(device.id) if device else None,
    )
    count_try(session, subjects_of(attempt))
    return Knock(
        attempt=attempt,
        person_id=person.id if person else None,
        password_hash=person.password_hash if person else None,
        device_token=device_token or "",
    )


def take_back(session: Session, *, knocked: Knock) -> None:
    """The password was never looked at (all hashing places were taken): the failure counted in advance was none."""
    forgive(session, (), uncount=subjects_of(knocked.attempt))


def count_try(session: Session, subjects: tuple[tuple[SubjectKind, str], ...]) -> None:
    """One more failure of each subject, unless one of them must wait. Raises ``SignInDelayed``."""
    now = process_now()
    rows = [(kind, subject, _lock_or_make(session, kind, subject, now)) for kind, subject in subjects]
    waits = [compute_wait_s(_failures(row), _rule(kind), now) for kind, _subject, row in rows]
    if wait_s := max(waits):
        raise SignInDelayed(retry_after_s=wait_s, wait_s=wait_s)
    for kind, _subject, row in rows:
        counted = count_failure(_failures(row), _rule(kind), now)
        row.failures, row.last_at = counted.count, counted.last_at


def forgive(session: Session, subjects: tuple[tuple[SubjectKind, str], ...], *, uncount: tuple[tuple[SubjectKind, str], ...] = ()) -> None:
    """Clear ``subjects``; of ``uncount`` take back only the one failure counted in advance."""
    for kind, subject in subjects:
        row = queries.lock_failure_count(session, kind, subject)
        if row is not None:
            session.delete(row)
    for kind, subject in uncount:
        row = queries.lock_failure_count(session, kind, subject)
        if row is not None and row.failures > 0:
            row.failures -= 1


def _lock_or_make(session: Session, kind: SubjectKind, subject: str, now: datetime) -> FailureCount:
    queries.insert_failure_count(session, kind, subject, now)
    row = queries.lock_failure_count(session, kind, subject)
    assert row is not None
    return row


def _failures(row: FailureCount) -> Failures | None:
    return Failures(row.failures, row.last_at) if row.failures else None


def _rule(kind: SubjectKind) -> DelayRule:
    return delay_rule(get_settings().address_failure_free if kind is SubjectKind.ADDRESS else None)


def find_person(session: Session, username: str) -> Person | None:
    """By phone number or e-mail address; None also for what is neither."""
    try:
        if "@" in username:
            return queries.find_person_by_email(session, normalize_email(username))
        return queries.find_person_by_phone(session, normalize_phone(username))
    except (PhoneInvalid, EmailInvalid):
        return None


def _find_device(session: Session, person: Person, device_token: str) -> Device | None:
    """The person's own device among the tokens presented: a browser shared by several people holds one for each."""
    oldest = process_now() - timedelta(days=get_settings().known_device_days)
    for token in device_token.split(SEPARATOR)[:DEVICE_TOKENS_MAX]:
        device = queries.find_device(session, token_digest(token))
        if device is not None and device.person_id == person.id and device.last_seen_at > oldest:
            return device
    return None


# --- admission ----------------------------------------------------------------------------------------------------------


def admit(session: Session, *, knocked: Knock, label: str, second_factor: bool) -> Granted:
    """Open a sign-in for a knock whose password was right. Raises ``RefreshRefused`` when the account was closed meanwhile."""
    assert knocked.person_id is not None
    person = queries.get_person(session, knocked.person_id)
    if queries.get_party(session, person.id).state is PartyState.CLOSED:
        raise RefreshRefused
    cleared = forgiven_by_success(knocked.attempt)
    forgive(session, cleared, uncount=tuple(subject for subject in subjects_of(knocked.attempt) if subject not in cleared))
    now = process_now()
    device_id, device_token = _recognize(session, person, knocked, label, now)
    sign_in = SignIn(
        person_id=person.id,
        device_id=device_id,
        label=label,
        created_at=now,
        last_used_at=now,
        expires_at=now + timedelta(days=get_settings().refresh_token_days),
        second_factor_at=now if second_factor else None,
        address_hash=knocked.attempt.address,
    )
    session.add(sign_in)
    session.flush()
    refresh_token = secrets.token_urlsafe(32)
    session.add(RefreshToken(digest=token_digest(refresh_token), sign_in_id=sign_in.id, issued_at=now))
    return _granted(session, person, sign_in, refresh_token, device_token)


def _recognize(session: Session, person: Person, knocked: Knock, label: str, now: datetime) -> tuple[UUID, str]:
    """The known device, or a new one with its token in front of those the browser has."""
    if knocked.attempt.device is not None:
        device = session.get_one(Device, UUID(knocked.attempt.device))
        device.last_seen_at = now
        return device.id, knocked.device_token
    known = queries.list_devices(session, person.id)
    for oldest in sorted(known, key=lambda one: one.last_seen_at)[: max(0, len(known) - KNOWN_DEVICES_MAX + 1)]:
        oldest.forgotten_at = now
    token = secrets.token_urlsafe(24)
    device = Device(
        person_id=person.id,
        token_digest=token_digest(token),
        label=label,
        created_at=now,
        last_seen_at=now,
        browser=_find_browser(session, knocked.device_token),
    )
    session.add(device)
    session.flush()
    others = [other for other in knocked.device_token.split(SEPARATOR) if other][: DEVICE_TOKENS_MAX - 1]
    return device.id, SEPARATOR.join([token, *others])


def _find_browser(session: Session, device_token: str) -> UUID | None:
    """Which browser presented these tokens, by the first device it ever was."""
    for token in device_token.split(SEPARATOR)[:DEVICE_TOKENS_MAX]:
        device = queries.find_device(session, token_digest(token)) if token else None
        if device is not None:
            return device.browser or device.id
    return None


def _granted(session: Session, person: Person, sign_in: SignIn, refresh_token: str, device_token: str | None = None) -> Granted:
    return Granted(
        person_id=person.id,
        sign_in_id=sign_in.id,
        refresh_token=refresh_token,
        second_factor=sign_in.second_factor_at is not None,
        second_factor_enrolled=person.totp_enrolled_at is not None,
        memberships=memberships_of(session, person.id),
        device_token=device_token,
    )


def memberships_of(session: Session, person_id: UUID) -> tuple[Membership, ...]:
    """What an access token says about the organizations a person works for; only ``applicant`` where it may not trade.

    A suspended person acts for nobody but himself.
    """
    if queries.get_party(session, person_id).state is not PartyState.ACTIVE:
        return ()
    return tuple(
        Membership(organization.id, organization.kind.value, _roles_now(session, organization, membership.roles))
        for membership, organization in queries.list_memberships_of_person(session, person_id)
    )


def _roles_now(session: Session, organization: Organization, roles: list[str]) -> tuple[str, ...]:
    active = queries.get_party(session, organization.id).state is PartyState.ACTIVE
    if active and organization.verification is VerificationState.VERIFIED:
        return tuple(roles)
    return (Role.APPLICANT.value,) if Role.OWNER in roles else ()


# --- refreshing and ending ----------------------------------------------------------------------------------------------


def refresh(session: Session, *, refresh_token: str) -> Granted | None:
    """Exchange a refresh token for the next one. Raises ``RefreshRefused``.

    None means that a spent token came back: the sign-in has been ended in this transaction, which the caller must commit
    before it answers ``RefreshReused``.
    """
    digest = token_digest(refresh_token)
    found = queries.find_refresh_token(session, digest)
    sign_in = queries.lock_sign_in(session, found.sign_in_id) if found else None
    now = process_now()
    if sign_in is None or sign_in.ended_at is not None or sign_in.expires_at <= now:
        raise RefreshRefused
    token = queries.find_refresh_token(session, digest)  # again: whoever held the lock may have used it
    assert token is not None
    successor = queries.find_refresh_token(session, token.successor_digest) if token.successor_digest else None
    verdict = decide_refresh(token.used_at, successor is not None and successor.used_at is not None, now, get_settings().refresh_grace_s)
    person = queries.get_person(session, sign_in.person_id)
    if verdict is RefreshVerdict.REUSE:
        _end(sign_in, now, "reuse")
        outbox.append(session, RefreshTokenReused(person_id=person.id, sign_in_id=sign_in.id), key=f"party:{person.id}")
        return None
    if verdict is RefreshVerdict.REPEAT:
        return _granted(session, person, sign_in, _successor_again(refresh_token, token))
    sign_in.last_used_at = now
    sign_in.expires_at = now + timedelta(days=get_settings().refresh_token_days)
    return _granted(session, person, sign_in, _rotate(session, refresh_token, token, now))


def _rotate(session: Session, presented: str, token: RefreshToken, now: datetime) -> str:
    token.nonce = secrets.token_urlsafe(16)
    following = _derive(get_settings().derive_key("refresh-successor"), presented, token.nonce)
    token.used_at = now
    token.successor_digest = token_digest(following)
    session.add(RefreshToken(digest=token.successor_digest, sign_in_id=token.sign_in_id, issued_at=now))
    return following


def _successor_again(presented: str, token: RefreshToken) -> str:
    assert token.nonce is not None
    for key in get_settings().derive_keys("refresh-successor"):
        following = _derive(key, presented, token.nonce)
        if token_digest(following) == token.successor_digest:
            return following
    raise RefreshRefused


def _derive(key: bytes, presented: str, nonce: str) -> str:
    """The next token: whoever has this one and our key can compute it again, whoever has only the database cannot."""
    return urlsafe_b64encode(hmac.digest(key, f"{presented}\0{nonce}".encode(), hashlib.sha256)).decode().rstrip("=")


def end_sign_in(session: Session, *, principal: Principal, sign_in_id: UUID, reason: str = "sign_out") -> SignIn:
    """Sign out: no more refreshing; an access token in somebody's hands ends within its minutes. Raises ``NotFound`` for another's."""
    sign_in = queries.lock_sign_in(session, sign_in_id)
    if sign_in is None or sign_in.person_id != principal.id:
        raise NotFound
    if sign_in.ended_at is None:
        _end(sign_in, process_now(), reason)
    return sign_in


def end_by_refresh_token(session: Session, *, refresh_token: str) -> None:
    """Sign out a page whose access token may be over. An unknown token is nothing to end."""
    found = queries.find_refresh_token(session, token_digest(refresh_token))
    sign_in = queries.lock_sign_in(session, found.sign_in_id) if found else None
    if sign_in is not None and sign_in.ended_at is None:
        _end(sign_in, process_now(), "sign_out")


def end_other_sign_ins(session: Session, *, person_id: UUID, keep: UUID | None, reason: str) -> int:
    """End every living sign-in but ``keep``; returns how many."""
    ended = 0
    for sign_in in queries.lock_living_sign_ins(session, person_id):
        if sign_in.id != keep:
            _end(sign_in, process_now(), reason)
            ended += 1
    return ended


def _end(sign_in: SignIn, now: datetime, reason: str) -> None:
    sign_in.ended_at = now
    sign_in.end_reason = reason


def forget_device(session: Session, *, principal: Principal, device_id: UUID) -> None:
    """The device is a stranger from now on. Raises ``NotFound`` for another's."""
    device = session.get(Device, device_id)
    if device is None or device.person_id != principal.id or device.forgotten_at is not None:
        raise NotFound
    device.forgotten_at = process_now()


def sweep_failures(session: Session) -> int:
    """Delete counts nobody will ask for any more; returns how many."""
    return queries.delete_failures_before(session, process_now() - timedelta(hours=get_settings().failure_forget_hours))


def verify_password(knocked: Knock, password: str) -> bool:
    """Outside every transaction. The same work is done for an account that does not exist."""
    return passwords().verify(knocked.password_hash, password)
