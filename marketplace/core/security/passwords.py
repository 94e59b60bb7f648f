"""Passwords (Argon2id) and one-time codes (RFC 6238)."""

import hashlib
import hmac
import struct
import threading

import argon2

from marketplace.core.errors import Unavailable
from marketplace.core.settings import Settings


class PasswordQueueFull(Unavailable):
    zh = "登录繁忙,请稍后重试"
    en = "Too many sign-ins at once; try again."


class Passwords:
    """Argon2id, a bounded number at a time: sixteen sign-ins at once must not take a gibibyte."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=settings.argon2_time_cost, memory_cost=settings.argon2_memory_kib, parallelism=1)
        self._places = threading.BoundedSemaphore(settings.argon2_at_once)
        self._wait_s = settings.argon2_wait_s
        self._nobody = self._hasher.hash("nobody's password")

    def hash(self, password: str) -> str:
        with self._place():
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the one. With no account the same work is done, so that time does not tell who exists."""
        with self._place():
            try:
                return self._hasher.verify(stored or self._nobody, password) and stored is not None
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False

    def needs_rehash(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def _place(self) -> "_Place":
        if not self._places.acquire(timeout=self._wait_s):
            raise PasswordQueueFull(retry_after_s=2)
        return _Place(self._places)


class _Place:
    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._places.release()


TOTP_STEP_S = 30
TOTP_DIGITS = 6


def totp_code(secret: bytes, step: int) -> str:
    """RFC 6238 code (HMAC-SHA1, six digits) of one 30-second step."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**TOTP_DIGITS).zfill(TOTP_DIGITS)


def totp_step(secret: bytes, code: str, *, at_s: float, last_step: int | None = None, drift: int = 1) -> int | None:
    """The step a code belongs to, None when it is wrong. A step at or before ``last_step`` is spent: a code works once."""
    current = int(at_s) // TOTP_STEP_S
    for step in range(current - drift, current + drift + 1):
        if (last_step is None or step > last_step) and hmac.compare_digest(totp_code(secret, step).encode(), code.encode()):
            return step
    return None
