"""Re-entering the password for acts that need it: signing, payout accounts, second factor, closing the account."""

import threading
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
from marketplace.core.db import Session
from marketplace.core.security import Passwords, Principal, PrincipalKind, process_now
from marketplace.core.settings import get_settings

REMEMBERED = 10_000


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


def check_passphrase(session: Session, *, principal: Principal, passphrase: str) -> Person:
    """The person, when ``passphrase`` is his password. Raises ``WrongPassphrase``, after several of them ``SignInDelayed``.

    Whoever calls this is signed in already, so these delays are nobody's but his own.
    """
    person = get_person(session, require_person(principal))
    rule = delay_rule()
    now = process_now()
    if wait_s := guesses.wait_s(person.id, rule, now):
        raise SignInDelayed(retry_after_s=wait_s, wait_s=wait_s)
    if not passwords().verify(person.password_hash, passphrase):
        guesses.count(person.id, rule, now)
        raise WrongPassphrase
    guesses.forgive(person.id)
    return person


def delay_rule(free: int | None = None) -> DelayRule:
    """The growing delay, by settings; ``free`` overrides how many failures cost nothing."""
    settings = get_settings()
    return DelayRule(
        free=settings.failure_free if free is None else free,
        base_s=settings.failure_delay_base_s,
        max_s=settings.failure_delay_max_s,
        forget_s=settings.failure_forget_hours * 3600,
    )
