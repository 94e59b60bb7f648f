"""Guards: a route's one declaration of who may call it, and the gate that knows the caller."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request

from marketplace.core.errors import Unauthenticated
from marketplace.core.security.principals import (
    CapabilityMissing,
    CsrfTokenMissing,
    Grant,
    InvalidToken,
    MachineAuthenticator,
    OriginNotAllowed,
    Principal,
    RolePolicy,
    SecondFactorRequired,
    principal_of,
)
from marketplace.core.security.tokens import Tokens
from marketplace.core.settings import Settings

MACHINE_PREFIX = "hr_live_"
SESSION_COOKIE = "hr_access"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
ACTING_FOR = "acting-for"
_ACTING_FOR_RAW = ACTING_FOR.encode()
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


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


def _credentials(request: Request) -> tuple[str | None, str | None]:
    """The headers Authorization and Acting-For, read in one pass."""
    header: str | None = None
    acting_for: str | None = None
    for name, value in request.scope["headers"]:
        if name == b"authorization" and header is None:
            header = value.decode("latin-1")
        elif name == _ACTING_FOR_RAW and acting_for is None:
            acting_for = value.decode("latin-1")
    return header, acting_for


async def identify(request: Request) -> Principal | None:
    """Who calls, None when no credential came; kept on ``request.state.principal``."""
    gate: Gate = request.app.state.gate
    header, acting_for = _credentials(request)
    if header is not None:
        scheme, _, presented = header.partition(" ")
        if scheme.lower() != "bearer" or not presented:
            raise InvalidToken
        presented = presented.strip()
        if presented.startswith(MACHINE_PREFIX):
            principal = await gate.principal(presented, acting_for, client_address(request))
        else:
            principal = gate.person(presented, acting_for)
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
