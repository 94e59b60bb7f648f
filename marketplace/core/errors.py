"""Refusals: what the market answers when a rule says no.

A refusal is part of the interface. It carries a stable ``code`` (the class name in snake case), a sentence in Chinese and
one in English, the fields a caller needs to mend the request and, where a regulation is the reason, the rule.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from marketplace.core.money import format_yuan

FieldValue: TypeAlias = str | int | bool | None | list[str] | list[int] | list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """The article behind a refusal, e.g. ``Rule("拍卖法 第三十六条", "Auction Law, art. 36")``."""

    article: str
    english: str


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Refusal(Exception):
    """Base of every refusal. Subclasses set ``zh``, ``en`` and, when it is not 409, ``status``.

    ``zh`` and ``en`` may hold ``{name}`` placeholders, filled from ``fields``. Raised by domain rules and services;
    ``problem`` turns it into ``application/problem+json``. Statuses: 401 unauthenticated, 403 and 404 not yours,
    409 the state refuses, 410 gone, 413 too large, 422 malformed, 429 and 503 come again after ``retry_after_s``.
    """

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refusal"
    zh: ClassVar[str] = "请求被拒绝"
    en: ClassVar[str] = "The request was refused."
    rule: ClassVar[Rule | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in cls.__dict__:
            cls.code = _snake(cls.__name__)

    def __init__(self, *, retry_after_s: int | None = None, **fields: FieldValue) -> None:
        self.fields: Mapping[str, FieldValue] = fields
        self.retry_after_s = retry_after_s
        super().__init__(self.code)

    def title(self, language: str = "zh") -> str:
        """The sentence for people, placeholders filled."""
        text = self.zh if language == "zh" else self.en
        return text.format_map(_shown(self.fields)) if "{" in text else text


def _shown(fields: Mapping[str, FieldValue]) -> dict[str, object]:
    """Fields as people read them: lists joined, and beside each ``x_minor`` in fen an ``x_yuan``."""
    shown: dict[str, object] = {name: "、".join(map(str, value)) if isinstance(value, list) else value for name, value in fields.items()}
    for name, value in fields.items():
        if name.endswith("_minor") and isinstance(value, int):
            shown[name.removesuffix("minor") + "yuan"] = format_yuan(value)
    return shown


class NotFound(Refusal):
    """Also the answer for what exists but is not the caller's: existence must not leak."""

    status = 404
    zh = "未找到"
    en = "Not found."


class Forbidden(Refusal):
    status = 403
    zh = "无权执行此操作"
    en = "You may not do this."


class Unauthenticated(Refusal):
    status = 401
    zh = "请先登录"
    en = "Sign in first."


class Malformed(Refusal):
    """The request cannot be understood; ``errors`` names the places."""

    status = 422
    zh = "请求内容有误"
    en = "The request is malformed."


class TooLarge(Refusal):
    status = 413
    zh = "请求内容过大(上限 {limit_bytes} 字节)"
    en = "The body is larger than {limit_bytes} bytes."


class TooManyRequests(Refusal):
    status = 429
    zh = "请求过于频繁,请稍后再试"
    en = "Too many requests; come again later."


class Unavailable(Refusal):
    """Nothing was done; the same request may be sent again."""

    status = 503
    zh = "服务繁忙,请稍后重试"
    en = "The service is busy; send the same request again."


class StaleVersion(Refusal):
    """Somebody else changed the object since the caller read it."""

    zh = "数据已被他人修改,请刷新后重试"
    en = "The object changed since you read it; read it again."
