"""Signing up, in, on and out. Answers that hold a secret take no idempotency key: a stored answer would keep the secret readable."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from marketplace.accounts import doors, queries
from marketplace.accounts.domain import (
    EmailInvalid,
    EmailTaken,
    PasswordTooWeak,
    PeopleOnly,
    PhoneInvalid,
    PhoneTaken,
    RefreshRefused,
    RefreshReused,
    SecondFactorMissing,
    SecondFactorWrong,
    SignInDelayed,
    SignInRefused,
)
from marketplace.accounts.models import SignIn
from marketplace.accounts.router.views import membership_bodies, person_body
from marketplace.accounts.schemas import (
    CodeBody,
    DeviceBody,
    PageSignInBody,
    PersonBody,
    SignInBody,
    SignUpBody,
    StepUpBody,
    TokenBody,
    TokenRequest,
)
from marketplace.accounts.service import people, sign_ins
from marketplace.accounts.service.passphrases import require_person
from marketplace.accounts.service.sign_ins import Granted
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Malformed, NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.limits import RateLimit
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import OriginNotAllowed, PasswordQueueFull, SignedIn, process_now

router = Router(prefix="/marketplace/v1", tags=["sign-ins 登录"])
Open = Annotated[None, Depends(doors.doorway)]


def _hashed(body: SignUpBody) -> str:
    """Before the transaction: hashing must not hold it."""
    return people.hash_new_password(body.password.get_secret_value(), own=body.phone)


@router.post(
    "/sign-ups",
    status_code=201,
    summary="注册 Sign up",
    responses=refusals(PhoneInvalid, EmailInvalid, PasswordTooWeak, PhoneTaken, EmailTaken, PasswordQueueFull),
)
def sign_up(
    body: SignUpBody,
    _open: Open,
    _limit: Annotated[None, Depends(RateLimit("sign_ups", setting="limit_sign_ups", window_s=3_600, by="address"))],
    hashed: Annotated[str, Depends(_hashed)],
    session: WriteSession,
    _key: Idempotency,
) -> PersonBody:
    return person_body(session, people.sign_up(session, phone=body.phone, email=body.email, password_hash=hashed))


async def _token_request(request: Request) -> TokenRequest:
    """OAuth2 clients send a form, others JSON."""
    try:
        if "json" in request.headers.get("content-type", ""):
            return TokenRequest.model_validate(await request.json())
        return TokenRequest.model_validate(dict(await request.form()))
    except ValidationError as error:
        raise RequestValidationError([{**found, "loc": ("body", *found["loc"])} for found in error.errors()]) from error
    except ValueError as error:
        raise Malformed from error


_TOKEN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media: {
                "schema": TokenRequest.model_json_schema(),
                "example": {"grant_type": "password", "username": "13800138000", "password": "…"},
            }
            for media in ("application/x-www-form-urlencoded", "application/json")
        },
    }
}


@router.post(
    "/sign-ins/token",
    summary="取得令牌 Get tokens (OAuth2 password and refresh_token grants)",
    openapi_extra=_TOKEN_BODY,
    responses=refusals(
        SignInRefused,
        SignInDelayed,
        RefreshRefused,
        RefreshReused,
        SecondFactorWrong,
        SecondFactorMissing,
        OriginNotAllowed,
        PasswordQueueFull,
    ),
)
def get_token(_open: Open, asked: Annotated[TokenRequest, Depends(_token_request)], request: Request, response: Response) -> TokenBody:
    if asked.grant_type == "refresh_token":
        if asked.refresh_token is None:
            raise Malformed(errors=[{"field": "body.refresh_token", "code": "missing"}])
        granted = doors.renew(request, refresh_token=asked.refresh_token)
    else:
        if asked.username is None or asked.password is None:
            raise Malformed(errors=[{"field": "body.username", "code": "missing"}, {"field": "body.password", "code": "missing"}])
        granted = doors.enter(
            request,
            username=asked.username,
            password=asked.password.get_secret_value(),
            otp=asked.otp,
            device_token=asked.device_token,
            label=asked.label,
        )
    doors.set_device_cookie(request, response, granted.device_token)
    response.headers["Cache-Control"] = "no-store"
    return TokenBody(
        access_token=doors.access_token(request, granted),
        expires_in=request.app.state.gate.tokens.life_s,
        refresh_token=granted.refresh_token,
        device_token=granted.device_token,
        person_id=granted.person_id,
        sign_in_id=granted.sign_in_id,
        second_factor=granted.second_factor,
        second_factor_enrolled=granted.second_factor_enrolled,
        memberships=membership_bodies(granted.memberships),
    )


@router.post(
    "/sign-ins/page",
    summary="网页登录 Sign a page in (cookies)",
    responses=refusals(SignInRefused, SignInDelayed, SecondFactorWrong, SecondFactorMissing, OriginNotAllowed, PasswordQueueFull),
)
def sign_page_in(
    _open: Open,
    request: Request,
    response: Response,
    username: Annotated[str, Form(max_length=200, examples=["13800138000"])],
    password: Annotated[str, Form(max_length=128, examples=["a long sentence to remember"])],
    otp: Annotated[str | None, Form(max_length=40)] = None,
) -> PageSignInBody:
    granted = doors.enter(request, username=username, password=password, otp=otp or None, device_token=None)
    return _page_body(request, response, granted)


@router.post(
    "/sign-ins/page/refresh", summary="网页续期 Keep a page signed in", responses=refusals(RefreshRefused, RefreshReused, OriginNotAllowed)
)
def refresh_page(_open: Open, request: Request, response: Response) -> PageSignInBody:
    presented = request.cookies.get(doors.REFRESH_COOKIE)
    if presented is None:
        raise RefreshRefused
    return _page_body(request, response, doors.renew(request, refresh_token=presented))


def _page_body(request: Request, response: Response, granted: Granted) -> PageSignInBody:
    response.headers["Cache-Control"] = "no-store"
    return PageSignInBody(
        person_id=granted.person_id,
        csrf_token=doors.set_page_cookies(request, response, granted),
        expires_in=request.app.state.gate.tokens.life_s,
        second_factor=granted.second_factor,
        memberships=membership_bodies(granted.memberships),
    )


@router.post("/sign-ins/page/end", status_code=204, summary="网页退出 Sign a page out", responses=refusals(OriginNotAllowed))
def sign_page_out(_open: Open, request: Request, response: Response, session: WriteSession) -> None:
    presented = request.cookies.get(doors.REFRESH_COOKIE)
    if presented is not None:
        sign_ins.end_by_refresh_token(session, refresh_token=presented)
    doors.clear_page_cookies(response)


@router.post(
    "/sign-ins/current/second-factor",
    summary="二次验证 Step this sign-in up",
    responses=refusals(SecondFactorWrong, SecondFactorMissing, SignInDelayed, PeopleOnly),
)
async def step_up(body: CodeBody, principal: SignedIn, request: Request, response: Response) -> StepUpBody:
    token = await run_in_threadpool(doors.step_up, request, principal=principal, code=body.code)
    response.headers["Cache-Control"] = "no-store"
    return StepUpBody(access_token=token, expires_in=request.app.state.gate.tokens.life_s)


@router.get("/sign-ins", summary="我的登录 My sign-ins", responses=refusals(PeopleOnly))
def list_sign_ins(principal: SignedIn, session: ReadSession, page: Paging) -> Page[SignInBody]:
    found = queries.list_sign_ins(session, require_person(principal), page, process_now())
    return page.page(found, lambda one: [one.id], lambda one: _sign_in_body(one, principal.sign_in_id))


def _sign_in_body(sign_in: SignIn, current: UUID | None) -> SignInBody:
    return SignInBody(
        id=sign_in.id,
        label=sign_in.label,
        current=sign_in.id == current,
        device_id=sign_in.device_id,
        second_factor=sign_in.second_factor_at is not None,
        created_at=sign_in.created_at,
        last_used_at=sign_in.last_used_at,
        expires_at=sign_in.expires_at,
    )


@router.delete("/sign-ins/{sign_in_id}", status_code=204, summary="退出登录 Sign out", responses=refusals(NotFound, PeopleOnly))
def end_sign_in(sign_in_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> None:
    require_person(principal)
    sign_ins.end_sign_in(session, principal=principal, sign_in_id=sign_in_id)


@router.get("/devices", summary="我的设备 My known devices", responses=refusals(PeopleOnly))
def list_devices(principal: SignedIn, session: ReadSession) -> list[DeviceBody]:
    return [
        DeviceBody(id=one.id, label=one.label, created_at=one.created_at, last_seen_at=one.last_seen_at)
        for one in queries.list_devices(session, require_person(principal))
    ]


@router.delete("/devices/{device_id}", status_code=204, summary="移除设备 Forget a device", responses=refusals(NotFound, PeopleOnly))
def forget_device(device_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> None:
    require_person(principal)
    sign_ins.forget_device(session, principal=principal, device_id=device_id)
