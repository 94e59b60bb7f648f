"""Every refusal over HTTP is RFC 9457 ``application/problem+json``: ``code``, the fields to mend it, and the ``rule`` behind it."""

import logging
import re
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from starlette.exceptions import HTTPException

from marketplace.core.db import lock_wait_refusal, violated_constraint
from marketplace.core.errors import Malformed, Refusal, TooLarge

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class RuleBody(BaseModel):
    """The article a refusal rests on."""

    article: str = Field(examples=["拍卖法 第三十六条"])
    english: str = Field(examples=["Auction Law, art. 36"])


class FieldError(BaseModel):
    """One place of a malformed request. The value itself is never repeated."""

    field: str = Field(examples=["body.price_minor"])
    code: str = Field(examples=["greater_than"])
    detail: str = Field(examples=["Input should be greater than 0"])


class Problem(BaseModel):
    """RFC 9457. ``title`` is Chinese, ``detail`` English; a refusal's own fields stand beside these."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:henanroad:problem:bid_too_low"])
    title: str = Field(examples=["出价低于当前最低出价"])
    detail: str = Field(examples=["The bid is below the next minimum."])
    status: int = Field(examples=[409])
    code: str = Field(examples=["bid_too_low"])
    rule: RuleBody | None = None
    errors: list[FieldError] | None = None
    request_id: str | None = None


def problem_body(*, status: int, code: str, title: str, detail: str, request_id: str | None = None, **fields: Any) -> bytes:
    """The JSON document; empty members are left out."""
    body = {
        "type": f"urn:henanroad:problem:{code}",
        "title": title,
        "detail": detail,
        "status": status,
        "code": code,
        "request_id": request_id,
        **fields,
    }
    return orjson.dumps({name: value for name, value in body.items() if value is not None}, default=str)


def refusal_body(refusal: Refusal, request_id: str | None = None) -> bytes:
    """A refusal as problem document; also for sockets and import rows."""
    rule = {"article": refusal.rule.article, "english": refusal.rule.english} if refusal.rule else None
    return problem_body(
        status=refusal.status,
        code=refusal.code,
        title=refusal.title("zh"),
        detail=refusal.title("en"),
        request_id=request_id,
        **{"rule": rule, **dict(refusal.fields)},
    )


def refusal_headers(refusal: Refusal) -> dict[str, str]:
    headers = {} if refusal.retry_after_s is None else {"Retry-After": str(refusal.retry_after_s)}
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def refusal_response(refusal: Refusal, request: Request) -> Response:
    return Response(
        refusal_body(refusal, request_id_of(request)),
        status_code=refusal.status,
        media_type=MEDIA_TYPE,
        headers={**refusal_headers(refusal), **getattr(request.state, "answer_headers", {})},
    )


def request_id_of(request: Request) -> str | None:
    """The request's id, put into the scope by the telemetry middleware."""
    found = request.scope.get("state", {}).get("request_id")
    return str(found) if found else None


def refusals(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` for a route: which refusals it may answer, grouped by status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(kind.status, {"model": Problem, "codes": [], "examples": {}})
        entry["codes"].append(kind.code)
        entry["examples"][kind.code] = {"value": _example(kind)}
    return {
        status: {
            "model": Problem,
            "description": ", ".join(entry["codes"]),
            "content": {MEDIA_TYPE: {"examples": entry["examples"]}},
        }
        for status, entry in responses.items()
    }


def _example(kind: type[Refusal]) -> dict[str, Any]:
    example = {
        "type": f"urn:henanroad:problem:{kind.code}",
        "title": kind.zh,
        "detail": kind.en,
        "status": kind.status,
        "code": kind.code,
    }
    if kind.rule:
        example["rule"] = {"article": kind.rule.article, "english": kind.rule.english}
    return example


# --- handlers ------------------------------------------------------------------------------------------------------------


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refusal_response(error, request)


async def _on_malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in found["loc"]), "code": found["type"], "detail": _safe(found["msg"])}
        for found in error.errors()[:50]
    ]
    body = problem_body(
        status=422,
        code=Malformed.code,
        title=Malformed.zh,
        detail=Malformed.en,
        request_id=request_id_of(request),
        errors=errors,
    )
    return Response(body, status_code=422, media_type=MEDIA_TYPE)


def _safe(message: str) -> str:
    """Library messages may end in a repr of the input; keep the sentence only."""
    return message.split(", input_value", maxsplit=1)[0][:200]


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    body = problem_body(
        status=error.status_code,
        code=TooLarge.code if error.status_code == TooLarge.status else phrase.lower().replace(" ", "_").replace("-", "_"),
        title=_ZH.get(error.status_code, "请求无法处理"),
        detail=f"{phrase}.",
        request_id=request_id_of(request),
    )
    return Response(body, status_code=error.status_code, media_type=MEDIA_TYPE, headers=dict(error.headers or {}))


_ZH = {404: "未找到", 405: "不支持该方法", 406: "无法提供所需格式", 413: "请求内容过大", 415: "不支持的内容类型"}


_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


async def refuse_nul(request: Request) -> None:
    """No text holds U+0000: PostgreSQL has no such text, so SQLite shall have none either. Looks at path, query and JSON body.

    Raises ``Malformed``.
    """
    if b"%00" in request.scope.get("query_string", b"") or "\0" in request.scope["path"]:
        raise Malformed
    if request.headers.get("content-type", "").startswith("application/json") and _ESCAPED_NUL.search(await request.body()):
        raise Malformed


async def _on_database(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    if isinstance(error, DataError):  # a value that the database has no place for, e.g. U+0000 in a form's field
        return refusal_response(Malformed(), request)
    if (busy := lock_wait_refusal(error)) is not None:
        return refusal_response(busy, request)
    if isinstance(error, IntegrityError):
        code = violated_constraint(error) or "constraint_violated"
        body = problem_body(
            status=409,
            code=code,
            title="数据约束不允许此操作",
            detail=f"The database refused the change: {code}.",
            request_id=request_id_of(request),
        )
        return Response(body, status_code=409, media_type=MEDIA_TYPE)
    return await _on_failure(request, error)


async def _on_failure(request: Request, error: Exception) -> Response:
    logger.error("unhandled", exc_info=error, extra={"error_kind": type(error).__name__})
    body = problem_body(
        status=500,
        code="internal_error",
        title="服务器内部错误,未作任何更改",
        detail="Something failed on our side; nothing was changed. Quote the request id.",
        request_id=request_id_of(request),
    )
    request_id = request_id_of(request)  # this answer is made outside the middleware that names it
    return Response(body, status_code=500, media_type=MEDIA_TYPE, headers={"X-Request-Id": request_id} if request_id else None)


def install(app: FastAPI) -> None:
    """Problem answers for everything that can go wrong in ``app``."""
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DBAPIError, _on_database)
    app.add_exception_handler(Exception, _on_failure)
