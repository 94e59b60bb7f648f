"""Who is calling and what they may do: principals, guards, access tokens, passwords, one-time codes.

Every route, sockets too, declares exactly one ``Authorization``::

    @router.post("/lots")
    def open_lot(principal: Annotated[Principal, Depends(require("lots.open"))], …)

Verifying a person's token needs no database: it carries the memberships, and what a role may do is a table in accounts. Tokens
age by the process's clock, not by the market's: a drill that moves the market a week ahead must sign nobody out, and an offset
anybody could set must never revive an expired token.
"""

import hashlib
import hmac
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Protocol
from uuid import UUID

import argon2
import jwt
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request

from marketplace.core.errors import Forbidden, Unauthenticated, Unavailable
from marketplace.core.settings import Settings

ISSUER = "henanroad"
ALGORITHM = "HS256"
MACHINE_PREFIX = "hr_live_"
SESSION_COOKIE = "hr_access"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
ACTING_FOR = "acting-for"
SELF = "self"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class PrincipalKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Membership:
    """One organization a person works for, with the roles held there."""

    organization_id: UUID
    kind: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. ``party_id`` is whom the act belongs to: the organization acted for, else the person.

    ``locked_capabilities`` are those the second factor would add.
    """

    id: UUID
    kind: PrincipalKind
    party_id: UUID
    organization_id: UUID | None = None
    capabilities: frozenset[str] = frozenset()
    second_factor: bool = False
    sign_in_id: UUID | None = None
    organization_kind: str | None = None
    locked_capabilities: frozenset[str] = frozenset()

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


class InvalidToken(Unauthenticated):
    zh = "登录凭证无效或已过期"
    en = "The access token is invalid or has expired."


class NotYourOrganization(Forbidden):
    zh = "您不是该机构的成员"
    en = "You are not a member of the organization named by Acting-For."


class CapabilityMissing(Forbidden):
    zh = "当前角色无权执行此操作(需要 {capability})"
    en = "Your role does not include {capability}."


class SecondFactorRequired(Forbidden):
    zh = "此操作需要二次验证"
    en = "This needs a sign-in with a second factor."


class CsrfTokenMissing(Forbidden):
    zh = "页面已过期,请刷新后重试"
    en = "The form's CSRF token is missing or wrong; reload the page."


class OriginNotAllowed(Forbidden):
    zh = "不允许的来源"
    en = "This origin may not open a socket."


class PasswordQueueFull(Unavailable):
    zh = "登录繁忙,请稍后重试"
    en = "Too many sign-ins at once; try again."


def process_now() -> datetime:
    """Aware UTC of this process, without the market's offset. Only for credentials, which must not follow a drill."""
    return datetime.now(UTC)


# --- what composition puts on app.state -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """What roles give: at once, and only after the second factor."""

    capabilities: frozenset[str]
    locked: frozenset[str]


class RolePolicy(Protocol):
    """The role table. ``kind`` is the organization's, None for a person acting for himself."""

    def __call__(self, kind: str | None, roles: Sequence[str], second_factor: bool) -> Grant: ...


class MachineAuthenticator(Protocol):
    """Looks an API key up in the database; runs in a worker thread."""

    def __call__(self, presented: str, *, address: str) -> Principal:
        """The key's principal; raises ``Unauthenticated`` or ``TooManyRequests``."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    person_id: UUID
    sign_in_id: UUID
    second_factor: bool
    memberships: tuple[Membership, ...]
    expires_at_s: int


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


def _no_roles(kind: str | None, roles: Sequence[str], second_factor: bool) -> Grant:
    return Grant(frozenset(), frozenset())


def _no_machines(presented: str, *, address: str) -> Principal:
    raise InvalidToken


@dataclass(slots=True)
class Gate:
    """Everything an ``Authorization`` needs; on ``app.state.gate``. Accounts fills ``policy`` and ``machines``."""

    settings: Settings
    policy: RolePolicy = _no_roles
    machines: MachineAuthenticator = _no_machines
    tokens: Tokens = field(init=False)
    _principals: dict[tuple[str, str | None], tuple[int, Principal]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.settings)

    def person(self, token: str, acting_for: str | None = None) -> Principal:
        """The principal of an access token; raises ``InvalidToken`` or ``NotYourOrganization``."""
        known = self._principals.get((token, acting_for))
        if known is not None and known[0] > time.time():
            return known[1]
        claims = self.tokens.read(token)
        principal = principal_of(claims, acting_for, self.policy)
        if len(self._principals) >= 20_000:
            self._principals.clear()
        self._principals[token, acting_for] = (claims.expires_at_s, principal)
        return principal

    async def principal(self, presented: str, acting_for: str | None, address: str) -> Principal:
        """The principal behind a bearer credential, a person's token or a machine's key."""
        if presented.startswith(MACHINE_PREFIX):
            return await run_in_threadpool(self.machines, presented, address=address)
        return self.person(presented, acting_for)

    def csrf_token(self, sign_in_id: UUID) -> str:
        """What a page's forms must send back; bound to the sign-in."""
        return hmac.new(self.settings.derive_key("csrf"), sign_in_id.bytes, hashlib.sha256).hexdigest()

    def origins(self) -> frozenset[str]:
        return frozenset({self.settings.public_url.rstrip("/"), *self.settings.allowed_origins})


def principal_of(claims: Claims, acting_for: str | None, policy: RolePolicy) -> Principal:
    """Select the organization: the one named, else the only one, else the person himself."""
    chosen = _membership(claims.memberships, acting_for)
    kind, roles = (chosen.kind, chosen.roles) if chosen else (None, ())
    grant = policy(kind, roles, claims.second_factor)
    return Principal(
        id=claims.person_id,
        kind=PrincipalKind.PERSON,
        party_id=chosen.organization_id if chosen else claims.person_id,
        organization_id=chosen.organization_id if chosen else None,
        organization_kind=kind,
        capabilities=grant.capabilities,
        locked_capabilities=grant.locked,
        second_factor=claims.second_factor,
        sign_in_id=claims.sign_in_id,
    )


def _membership(memberships: Sequence[Membership], acting_for: str | None) -> Membership | None:
    if acting_for == SELF:
        return None
    if acting_for is None:
        return memberships[0] if len(memberships) == 1 else None
    for membership in memberships:
        if str(membership.organization_id) == acting_for.lower():
            return membership
    raise NotYourOrganization


# --- guards -----------------------------------------------------------------------------------------------------------


class Access(StrEnum):
    """What a route asks for."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    CAPABILITY = "capability"
    SOCKET = "socket"


class Authorization:
    """A route's one declaration of who may call it. Used as a dependency; a test finds it in every route's tree."""

    def __init__(self, access: Access, *, capability: str | None = None, second_factor: bool = False) -> None:
        self.access = access
        self.capability = capability
        self.second_factor = second_factor

    def __repr__(self) -> str:
        return f"Authorization({self.access}, {self.capability}, second_factor={self.second_factor})"


class _Public(Authorization):
    async def __call__(self, request: Request) -> Principal | None:
        return await identify(request)


class _Guard(Authorization, SecurityBase):
    """Bearer token, API key or page cookie. Appears in the OpenAPI document as the bearer scheme."""

    model = BearerModel(bearerFormat="JWT", description="Access token of a person, or an API key `hr_live_…` of a machine.")
    scheme_name = "bearer"

    async def __call__(self, request: Request) -> Principal:
        principal = await identify(request)
        if principal is None:
            raise Unauthenticated
        self.check(principal)
        return principal

    def check(self, principal: Principal) -> None:
        """Raises ``CapabilityMissing`` or ``SecondFactorRequired``."""
        if self.capability is not None and self.capability not in principal.capabilities:
            if self.capability in principal.locked_capabilities:
                raise SecondFactorRequired
            raise CapabilityMissing(capability=self.capability)
        if self.second_factor and not principal.second_factor:
            raise SecondFactorRequired


class SocketGate:
    """A socket's door: the handler accepts, reads the first message and calls ``authenticate`` with its token."""

    def __init__(self, gate: Gate, address: str) -> None:
        self._gate = gate
        self._address = address

    async def authenticate(self, token: str, acting_for: str | None = None) -> Principal:
        return await self._gate.principal(token, acting_for, self._address)

    def expires_in_s(self, token: str) -> float:
        """Seconds until a person's token ends: the socket ends with it."""
        return self._gate.tokens.read(token).expires_at_s - time.time()


class _Socket(Authorization):
    async def __call__(self, connection: HTTPConnection) -> SocketGate:
        gate: Gate = connection.app.state.gate
        origin = connection.headers.get("origin")
        if origin is not None and origin.rstrip("/") not in gate.origins():
            raise OriginNotAllowed
        return SocketGate(gate, client_address(connection))


def require(capability: str, *, second_factor: bool = False) -> "_Guard":
    """Guard: a principal that has ``capability`` (named in accounts' role table)."""
    return _Guard(Access.CAPABILITY, capability=capability, second_factor=second_factor)


def signed_in_with_second_factor() -> "_Guard":
    """Guard: anybody signed in, with the second factor verified in this sign-in."""
    return _Guard(Access.SIGNED_IN, second_factor=True)


def public() -> "_Public":
    """Explicitly open. Gives the principal when a valid credential is presented, else None; a bad one is still 401."""
    return _Public(Access.PUBLIC)


def socket_auth() -> "_Socket":
    """Guard of a socket: checks Origin now, the token arrives in the first message. Gives a ``SocketGate``."""
    return _Socket(Access.SOCKET)


signed_in = _Guard(Access.SIGNED_IN)
"""Guard: anybody signed in, machines too."""

SignedIn = Annotated[Principal, Depends(signed_in)]
Viewer = Annotated[Principal | None, Depends(public())]
"""A public route's caller: a principal when signed in, else None."""


def client_address(connection: HTTPConnection) -> str:
    """The peer's address. Behind the gateway uvicorn's proxy headers have already replaced it."""
    return connection.client.host if connection.client else "unknown"


async def identify(request: Request) -> Principal | None:
    """Who calls, None when no credential came; kept on ``request.state.principal``."""
    gate: Gate = request.app.state.gate
    header = request.headers.get("authorization")
    acting_for = request.headers.get(ACTING_FOR)
    if header is not None:
        scheme, _, presented = header.partition(" ")
        if scheme.lower() != "bearer" or not presented:
            raise InvalidToken
        principal = await gate.principal(presented.strip(), acting_for, client_address(request))
    elif (cookie := request.cookies.get(SESSION_COOKIE)) is not None:
        principal = gate.person(cookie, acting_for)
        await _check_csrf(request, gate, principal)
    else:
        return None
    request.state.principal = principal
    return principal


async def _check_csrf(request: Request, gate: Gate, principal: Principal) -> None:
    """A cookie comes along by itself; only our own page knows the token."""
    if request.method in SAFE_METHODS:
        return
    presented = request.headers.get(CSRF_HEADER)
    if presented is None and "form" in request.headers.get("content-type", ""):
        presented = str((await request.form()).get(CSRF_FIELD, ""))
    assert principal.sign_in_id is not None
    if presented is None or not hmac.compare_digest(presented.encode(), gate.csrf_token(principal.sign_in_id).encode()):
        raise CsrfTokenMissing


# --- passwords and one-time codes -------------------------------------------------------------------------------------


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
        if (last_step is None or step > last_step) and hmac.compare_digest(totp_code(secret, step), code):
            return step
    return None


def token_digest(token: str) -> str:
    """SHA-256 of a high-entropy secret, for storing. Passwords need argon2, random tokens do not."""
    return hashlib.sha256(token.encode()).hexdigest()


__all__ = [
    "Access",
    "Authorization",
    "Claims",
    "Gate",
    "Grant",
    "Membership",
    "Passwords",
    "Principal",
    "PrincipalKind",
    "SignedIn",
    "SocketGate",
    "Tokens",
    "Viewer",
    "public",
    "require",
    "signed_in",
    "socket_auth",
]
