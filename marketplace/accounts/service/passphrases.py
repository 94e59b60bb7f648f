"""Re-entering the password for acts that need it: signing, payout accounts, second factor, closing the account."""

import hashlib
import hmac
import secrets
import threading
import time
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from marketplace.accounts.domain import (
    DelayRule,
    Failures,
    PeopleOnly,
    SignInDelayed,
    WrongPassphrase,
    compute_wait_s,
    count_failure,
)
from marketplace.accounts.models import Person
from marketplace.accounts.queries import get_person
from marketplace.core.db import Database, Session
from marketplace.core.security import Passwords, Principal, PrincipalKind, process_now
from marketplace.core.settings import get_settings

REMEMBERED = 10_000
PROOF_S = 30.0


@lru_cache(maxsize=1)
def passwords() -> Passwords:
    """The process's hashing places: one semaphore for all who sign in or re-enter a password here."""
    return Passwords(get_settings())


def require_person(principal: Principal) -> UUID:
    """The person behind the principal. Raises ``PeopleOnly`` for a machine."""
    if principal.kind is not PrincipalKind.PERSON:
        raise PeopleOnly
    return principal.id


class _Guesses:
    """Wrong re-entries of this process, per person. Beside the transaction, because a refusal rolls that back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[UUID, Failures] = {}

    def wait_s(self, person_id: UUID, rule: DelayRule, now: datetime) -> int:
        return compute_wait_s(self._failures.get(person_id), rule, now)

    def count(self, person_id: UUID, rule: DelayRule, now: datetime) -> None:
        with self._lock:
            if len(self._failures) >= REMEMBERED:
                self._failures.pop(next(iter(self._failures)))
            self._failures[person_id] = count_failure(self._failures.get(person_id), rule, now)

    def forgive(self, person_id: UUID) -> None:
        with self._lock:
            self._failures.pop(person_id, None)


guesses = _Guesses()


class _Proofs:
    """Passwords this process verified in the last half minute, as keyed hashes, so that a transaction need not hash again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._until_s: dict[bytes, float] = {}

    def _digest(self, stored: str | None, passphrase: str) -> bytes:
        return hmac.digest(self._key, f"{stored}\0{passphrase}".encode(), hashlib.sha256)

    def remember(self, stored: str | None, passphrase: str) -> None:
        with self._lock:
            if len(self._until_s) >= REMEMBERED:
                self._until_s.pop(next(iter(self._until_s)))
            self._until_s[self._digest(stored, passphrase)] = time.monotonic() + PROOF_S

    def has(self, stored: str | None, passphrase: str) -> bool:
        until_s = self._until_s.get(self._digest(stored, passphrase))
        return until_s is not None and until_s > time.monotonic()


proofs = _Proofs()


def prove_passphrase(database: Database, *, principal: Principal, passphrase: str) -> None:
    """Verify a re-entered password before the transaction that asks for it: hashing takes a tenth of a second, and no lock may wait for
    it. Raises as ``check_passphrase`` does.
    """
    with database.reading() as session:
        stored = get_person(session, require_person(principal)).password_hash
    _verify(principal.id, stored, passphrase)
    proofs.remember(stored, passphrase)


def check_passphrase(session: Session, *, principal: Principal, passphrase: str) -> Person:
    """The person, when ``passphrase`` is his password. Raises ``WrongPassphrase``, after several of them ``SignInDelayed``.

    Whoever calls this is signed in already, so these delays are nobody's but his own. A route puts ``Reentered`` behind its principal,
    then nothing is hashed here.
    """
    person = get_person(session, require_person(principal))
    if not proofs.has(person.password_hash, passphrase):
        _verify(person.id, person.password_hash, passphrase)
    return person


def _verify(person_id: UUID, stored: str | None, passphrase: str) -> None:
    rule = delay_rule()
    now = process_now()
    if wait_s := guesses.wait_s(person_id, rule, now):
        raise SignInDelayed(retry_after_s=wait_s, wait_s=wait_s)
    if not passwords().verify(stored, passphrase):
        guesses.count(person_id, rule, now)
        raise WrongPassphrase
    guesses.forgive(person_id)


def delay_rule(free: int | None = None) -> DelayRule:
    """The growing delay, by settings; ``free`` overrides how many failures cost nothing."""
    settings = get_settings()
    return DelayRule(
        free=settings.failure_free if free is None else free,
        base_s=settings.failure_delay_base_s,
        max_s=settings.failure_delay_max_s,
        forget_s=settings.failure_forget_hours * 3600,
    )
