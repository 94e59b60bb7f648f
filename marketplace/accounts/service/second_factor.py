"""The second factor: a time-based code (RFC 6238), enrolled by password, with recovery codes for a lost phone."""

import base64
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import SecondFactorMissing, SecondFactorWrong, SubjectKind
from marketplace.accounts.models import Person, RecoveryCode, SignIn
from marketplace.accounts.service.passphrases import check_passphrase, require_person
from marketplace.accounts.service.sign_ins import count_try, forgive
from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal, SecondFactorRequired, process_now, token_digest, totp_step
from marketplace.core.settings import get_settings

RECOVERY_CODES = 10
SECRET_BYTES = 20
_TOTP = re.compile(r"\d{6}")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Shown once. ``uri`` is what the authenticator app scans."""

    secret: str
    uri: str


def begin_enrolment(session: Session, *, principal: Principal, passphrase: str) -> Enrolment:
    """A new secret, not in force before its first code. Replacing one in force needs it.

    Raises ``WrongPassphrase``, ``SecondFactorRequired``.
    """
    check_passphrase(session, principal=principal, passphrase=passphrase)
    person = queries.lock_person(session, principal.id)
    if person.totp_enrolled_at is not None and not principal.second_factor:
        raise SecondFactorRequired
    secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    person.totp_pending = secret
    issuer = get_settings().market_name_en
    return Enrolment(secret=secret, uri=f"otpauth://totp/{quote(issuer)}:{person.id}?secret={secret}&issuer={quote(issuer)}")


def confirm_enrolment(session: Session, *, principal: Principal, code: str) -> list[str]:
    """Put the pending secret in force by its first code; this sign-in has the second factor from now on. Returns recovery codes.

    Raises ``SecondFactorMissing`` when nothing is pending, ``SecondFactorWrong``.
    """
    person = queries.lock_person(session, require_person(principal))
    if person.totp_pending is None:
        raise SecondFactorMissing
    step = totp_step(base64.b32decode(person.totp_pending), code, at_s=process_now().timestamp())
    if step is None:
        raise SecondFactorWrong
    put_in_force(person, person.totp_pending, step)
    sign_in = _sign_in(session, principal)
    sign_in.second_factor_at = process_now()
    audit.record(session, principal=principal, act="second_factor.enrol", object_kind="party", object_id=person.id)
    return renew_recovery_codes(session, person_id=person.id)


def put_in_force(person: Person, secret: str, step: int | None) -> None:
    """``step`` is spent: its code does not work again."""
    person.totp_secret, person.totp_pending = secret, None
    person.totp_enrolled_at = process_now()
    person.totp_last_step = step


def renew_recovery_codes(session: Session, *, person_id: UUID) -> list[str]:
    """Ten new ones; the old ones are void."""
    now = process_now()
    for code in queries.list_unused_recovery_codes(session, person_id):
        code.used_at = now
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(person_id=person_id, digest=token_digest(code), created_at=now) for code in codes)
    return codes


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, 16, 4))


def count_code(session: Session, *, principal: Principal) -> None:
    """Count a try with a code before it is looked at, in a transaction of its own. Raises ``SignInDelayed``."""
    count_try(session, ((SubjectKind.SECOND_FACTOR, str(require_person(principal))),))


def step_up(session: Session, *, principal: Principal, code: str) -> SignIn:
    """Give this sign-in the second factor. Raises ``SecondFactorMissing``, ``SecondFactorWrong``."""
    person = queries.lock_person(session, require_person(principal))
    use_code(session, person=person, code=code)
    forgive(session, ((SubjectKind.SECOND_FACTOR, str(person.id)),))
    sign_in = _sign_in(session, principal)
    sign_in.second_factor_at = process_now()
    return sign_in


def use_code(session: Session, *, person: Person, code: str) -> None:
    """Spend a code of the app or a recovery code; the person's row is locked. Raises ``SecondFactorMissing``, ``SecondFactorWrong``."""
    if person.totp_enrolled_at is None or person.totp_secret is None:
        raise SecondFactorMissing
    presented = code.strip().lower()
    if _TOTP.fullmatch(presented):
        secret = base64.b32decode(person.totp_secret)
        step = totp_step(secret, presented, at_s=process_now().timestamp(), last_step=person.totp_last_step)
        if step is None:
            raise SecondFactorWrong
        person.totp_last_step = step
        return
    for recovery in queries.list_unused_recovery_codes(session, person.id):
        if secrets.compare_digest(recovery.digest, token_digest(presented)):
            recovery.used_at = process_now()
            return
    raise SecondFactorWrong


def _sign_in(session: Session, principal: Principal) -> SignIn:
    sign_in = queries.lock_sign_in(session, principal.sign_in_id) if principal.sign_in_id else None
    if sign_in is None or sign_in.ended_at is not None:
        raise NotFound
    return sign_in
