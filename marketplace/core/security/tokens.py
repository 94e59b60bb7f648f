"""Access tokens. They age by the process's clock, not by the market's: a drill that moves the market a week ahead must sign nobody
out, and an offset anybody could set must never revive an expired token.

Verifying a person's token needs no database: it carries the memberships, and what a role may do is a table in accounts.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt

from marketplace.core.security.principals import Claims, InvalidToken, Membership
from marketplace.core.settings import Settings

ISSUER = "henanroad"
ALGORITHM = "HS256"


def process_now() -> datetime:
    """Aware UTC of this process, without the market's offset. Only for credentials, which must not follow a drill."""
    return datetime.now(UTC)


class Tokens:
    """Issues and reads access tokens. Verified tokens are remembered until they expire: reading one again costs a dict look-up."""

    def __init__(self, settings: Settings, *, remember: int = 20_000) -> None:
        self._keys = settings.derive_keys("access-token")
        self._life_s = settings.access_token_minutes * 60
        self._remember = remember
        self._seen: dict[str, Claims] = {}

    @property
    def life_s(self) -> int:
        return self._life_s

    def issue(self, *, person_id: UUID, sign_in_id: UUID, second_factor: bool, memberships: Sequence[Membership]) -> str:
        """A signed access token, valid for ``access_token_minutes``."""
        at = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": str(person_id),
            "sid": str(sign_in_id),
            "amr": ["pwd", "otp"] if second_factor else ["pwd"],
            "org": [[str(one.organization_id), one.kind, list(one.roles)] for one in memberships],
            "iat": at,
            "exp": at + self._life_s,
        }
        return jwt.encode(claims, self._keys[0], algorithm=ALGORITHM)

    def read(self, token: str) -> Claims:
        """Verified claims; raises ``InvalidToken``."""
        claims = self._seen.get(token)
        if claims is None:
            claims = self._verify(token)
            if len(self._seen) >= self._remember:
                self._seen.clear()
            self._seen[token] = claims
        if claims.expires_at_s <= time.time():
            self._seen.pop(token, None)
            raise InvalidToken
        return claims

    def _verify(self, token: str) -> Claims:
        for key in self._keys:
            try:
                found = jwt.decode(token, key, algorithms=[ALGORITHM], issuer=ISSUER, options={"require": ["exp", "sub", "sid"]})
                return _claims(found)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
                raise InvalidToken from error
        raise InvalidToken


def _claims(found: dict[str, Any]) -> Claims:
    return Claims(
        person_id=UUID(found["sub"]),
        sign_in_id=UUID(found["sid"]),
        second_factor="otp" in found["amr"],
        memberships=tuple(Membership(UUID(org), kind, tuple(roles)) for org, kind, roles in found["org"]),
        expires_at_s=int(found["exp"]),
    )


def token_digest(token: str) -> str:
    """SHA-256 of a high-entropy secret, for storing. Passwords need argon2, random tokens do not."""
    return hashlib.sha256(token.encode()).hexdigest()
