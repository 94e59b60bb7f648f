"""The edge where people and machines come in: from HTTP to the services of signing in, each step with its own transaction.

Hashing a password holds no transaction, and a failure stays counted though the answer is a refusal; so these steps are here and not in a
request's one session.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from marketplace.accounts import queries
from marketplace.accounts.domain import PASSWORD_MAX, RefreshReused, SignInRefused, compute_capabilities
from marketplace.accounts.service import api_keys, second_factor, sign_ins
from marketplace.accounts.service.passphrases import prove_passphrase
from marketplace.accounts.service.sign_ins import Granted
from marketplace.core.db import Database
from marketplace.core.errors import Unauthenticated
from marketplace.core.limits import Limiter, refuse_beyond
from marketplace.core.security import (
    SESSION_COOKIE,
    Access,
    Authorization,
    Gate,
    Grant,
    OriginNotAllowed,
    PasswordQueueFull,
    Principal,
    client_address,
    process_now,
)

DEVICE_COOKIE = "hr_device"
REFRESH_COOKIE = "hr_refresh"
REFRESH_PATH = "/marketplace/v1/sign-ins"


class Doorway(Authorization):
    """Guard of the sign-in routes: open to all, and blind to credentials, so that a stale cookie keeps nobody out."""

    def __init__(self) -> None:
        super().__init__(Access.PUBLIC)

    async def __call__(self, request: Request) -> None:
        """A page of another site must not sign our visitor in or out: a browser says where a form comes from."""
        origin = request.headers.get("origin")
        if origin is None:
            return
        gate: Gate = request.app.state.gate
        if origin.rstrip("/") not in gate.origins() and urlsplit(origin).netloc != request.headers.get("host"):
            raise OriginNotAllowed


doorway = Doorway()


def enter(request: Request, *, username: str, password: str, otp: str | None, device_token: str | None, label: str = "") -> Granted:
    """Sign in with password, and with the second factor when its code comes along.

    Raises ``SignInDelayed`` (429), ``SignInRefused`` (401), ``SecondFactorWrong``, ``SecondFactorMissing``, ``PasswordQueueFull`` (503).
    """
    database: Database = request.app.state.database
    address = client_address(request)
    tokens = device_token or request.cookies.get(DEVICE_COOKIE)
    with database.writing() as session:
        knocked = sign_ins.knock(session, username=username, address=address, device_token=tokens)
    try:
        is_right = sign_ins.verify_password(knocked, password)
    except PasswordQueueFull:
        with database.writing() as session:
            sign_ins.take_back(session, knocked=knocked)
        raise
    if not is_right or knocked.person_id is None:
        raise SignInRefused
    with database.writing() as session:
        if otp is not None:
            second_factor.use_code(session, person=queries.lock_person(session, knocked.person_id), code=otp)
        described = label or request.headers.get("user-agent", "")[:120]
        return sign_ins.admit(session, knocked=knocked, label=described, second_factor=otp is not None)


def renew(request: Request, *, refresh_token: str) -> Granted:
    """The next token of a family. Raises ``RefreshRefused``, ``RefreshReused``."""
    database: Database = request.app.state.database
    with database.writing() as session:
        granted = sign_ins.refresh(session, refresh_token=refresh_token)
    if granted is None:
        raise RefreshReused
    return granted


def step_up(request: Request, *, principal: Principal, code: str) -> str:
    """A new access token of this sign-in, with the second factor. Raises ``SecondFactorWrong``, ``SignInDelayed``."""
    database: Database = request.app.state.database
    with database.writing() as session:
        second_factor.count_code(session, principal=principal)
    with database.writing() as session:
        sign_in = second_factor.step_up(session, principal=principal, code=code)
        memberships = sign_ins.memberships_of(session, principal.id)
    gate: Gate = request.app.state.gate
    return gate.tokens.issue(person_id=principal.id, sign_in_id=sign_in.id, second_factor=True, memberships=memberships)


def access_token(request: Request, granted: Granted) -> str:
    gate: Gate = request.app.state.gate
    return gate.tokens.issue(
        person_id=granted.person_id,
        sign_in_id=granted.sign_in_id,
        second_factor=granted.second_factor,
        memberships=granted.memberships,
    )


async def reentered(request: Request) -> None:
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is None:
        raise Unauthenticated
    try:
        body = await request.json()
    except ValueError:
        return  # the handler's own reading of the body refuses it
    passphrase = body.get("passphrase") if isinstance(body, dict) else None
    if isinstance(passphrase, str) and len(passphrase) <= PASSWORD_MAX:
        await run_in_threadpool(prove_passphrase, request.app.state.database, principal=principal, passphrase=passphrase)


Reentered = Annotated[None, Depends(reentered)]
"""Behind the principal and before ``Idempotency`` in every route whose body has ``passphrase``: it is verified before the transaction."""


# --- cookies of pages ---------------------------------------------------------------------------------------------------


def set_device_cookie(request: Request, response: Response, device_token: str | None) -> None:
    if device_token is not None:
        settings = request.app.state.settings
        life_s = int(timedelta(days=settings.known_device_days).total_seconds())
        response.set_cookie(
            DEVICE_COOKIE, device_token, max_age=life_s, path="/", httponly=True, secure=settings.cookie_secure, samesite="lax"
        )


def set_page_cookies(request: Request, response: Response, granted: Granted) -> str:
    """HttpOnly cookies of a page's sign-in; returns the form token. The refresh cookie goes to the sign-in routes only."""
    settings = request.app.state.settings
    gate: Gate = request.app.state.gate
    life_s = int(timedelta(days=settings.refresh_token_days).total_seconds())
    secure = settings.cookie_secure
    response.set_cookie(
        SESSION_COOKIE,
        access_token(request, granted),
        max_age=gate.tokens.life_s,
        path="/",
        httponly=True,
        secure=secure,
        samesite="lax",
    )
    response.set_cookie(
        REFRESH_COOKIE, granted.refresh_token, max_age=life_s, path=REFRESH_PATH, httponly=True, secure=secure, samesite="strict"
    )
    set_device_cookie(request, response, granted.device_token)
    return gate.csrf_token(granted.sign_in_id)


def clear_page_cookies(response: Response) -> None:
    """The device stays known: signing out must not make it a stranger."""
    response.delete_cookie(SESSION_COOKIE, path="/")
    response.delete_cookie(REFRESH_COOKIE, path=REFRESH_PATH)


# --- what the kernel's gate asks ----------------------------------------------------------------------------------------


def _policy(kind: str | None, roles: Sequence[str], second_factor: bool) -> Grant:
    capabilities, locked = compute_capabilities(kind, roles, second_factor)
    return Grant(capabilities, locked)


class Machines:
    """Authenticates API keys: one read of the key, one hit of its own limit, a write at most once a minute."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def __call__(self, presented: str, *, address: str) -> Principal:
        """Raises ``InvalidToken``, ``TooManyRequests``."""
        database: Database = self._app.state.database
        limiter: Limiter = self._app.state.limiter
        with database.reading() as session:
            key, principal = api_keys.authenticate_key(session, presented=presented)
        refuse_beyond(limiter.hit("api_key", caller=str(key.id), quota=key.rate_per_minute))
        if api_keys.is_touch_due(key, process_now()):
            self._touch(database, key.id)
        return principal

    @staticmethod
    def _touch(database: Database, key_id: UUID) -> None:
        with database.writing() as session:
            api_keys.touch_key(session, key_id=key_id)


def configure(app: FastAPI) -> None:
    """Fill the kernel's gate: what roles may do, and who a machine is."""
    gate: Gate = app.state.gate
    gate.policy = _policy
    gate.machines = Machines(app)
