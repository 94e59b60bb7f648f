"""Every refusal is a problem document, whatever refused: a rule, the shape, the route, the database, a bug, the body's size."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from marketplace.core import errors
from marketplace.core.db import Database, WriteSession
from marketplace.core.errors import Refusal, Rule
from marketplace.core.idempotency import Router
from marketplace.core.problem import Problem, refusals
from marketplace.core.service import create_service
from marketplace.core.settings import Settings


class BidTooLow(Refusal):
    zh = "出价不得低于 {minimum_minor} 分"
    en = "The bid must be at least {minimum_minor}."
    rule: ClassVar[Rule] = Rule("拍卖法 第三十六条", "Auction Law, art. 36")


KINDS = {
    kind.code: kind
    for kind in (
        errors.NotFound,
        errors.Forbidden,
        errors.Unauthenticated,
        errors.Malformed,
        errors.TooManyRequests,
        errors.Unavailable,
        errors.StaleVersion,
    )
}


class BidBody(BaseModel):
    amount_minor: int = Field(gt=0)
    vin: str = Field(default="x", max_length=17)


router = Router(prefix="/t")


@router.get("/refuse/{code}")
def refuse(code: str) -> None:
    if code == "bid_too_low":
        raise BidTooLow(minimum_minor=100)
    if code == "too_large":
        raise errors.TooLarge(limit_bytes=5)
    raise KINDS[code](retry_after_s=7) if KINDS[code].status in {429, 503} else KINDS[code]()


@router.post("/bids", responses=refusals(BidTooLow, errors.NotFound, errors.StaleVersion))
def bid(body: BidBody) -> int:
    return body.amount_minor


@router.post("/small", max_body_size=100)
def small(body: BidBody) -> int:
    return body.amount_minor


@router.get("/broken")
def broken() -> None:
    raise RuntimeError("LSVAA49J132047371 and a password")


@router.post("/twice")
def twice(session: WriteSession) -> None:
    for _ in range(2):
        session.connection().execute(
            sa.text("INSERT INTO inbox_message (sender, message_id, kind, payload, received_at) VALUES ('a', 'b', 'c', '{}', '2026-01-01')")
        )


@router.post("/locked")
def locked(session: WriteSession) -> None:
    session.connection().execute(sa.text("SET LOCAL lock_timeout = 50"))
    session.connection().execute(sa.text("SELECT * FROM inbox_message FOR UPDATE"))


@router.post("/null")
def null(session: WriteSession) -> None:
    session.connection().execute(sa.text("SELECT CAST(:text AS text)"), {"text": "a\0b"})


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    app: FastAPI = create_service(title="t", routers=[router], settings=Settings(body_limit_bytes=2_000, access_log=False), database=db)
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


def is_problem(answer: object, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status  # type: ignore[attr-defined]  # httpx2's, a test dependency only
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]  # as above
    body: dict[str, object] = answer.json()  # type: ignore[attr-defined]  # as above
    assert Problem.model_validate(body).code == code
    assert body["type"] == f"urn:henanroad:problem:{code}"
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]  # type: ignore[attr-defined]  # as above
    return body


class TestRefusals:
    @pytest.mark.parametrize("code", sorted(KINDS))
    def test_each_status(self, client: TestClient, code: str) -> None:
        answer = client.get(f"/t/refuse/{code}")
        body = is_problem(answer, KINDS[code].status, code)
        assert body["title"] == KINDS[code].zh
        assert body["detail"] == KINDS[code].en
        assert answer.headers.get("retry-after") == ("7" if KINDS[code].status in {429, 503} else None)

    def test_fields_and_rule_stand_beside(self, client: TestClient) -> None:
        body = is_problem(client.get("/t/refuse/bid_too_low"), 409, "bid_too_low")
        assert body["minimum_minor"] == 100
        assert body["title"] == "出价不得低于 100 分"
        assert body["rule"] == {"article": "拍卖法 第三十六条", "english": "Auction Law, art. 36"}

    def test_a_missing_route_and_a_wrong_method(self, client: TestClient) -> None:
        is_problem(client.get("/nowhere"), 404, "not_found")
        assert is_problem(client.get("/t/bids"), 405, "method_not_allowed")["title"] == "不支持该方法"


class TestMalformed:
    def test_names_each_place_and_repeats_no_value(self, client: TestClient) -> None:
        answer = client.post("/t/bids", json={"amount_minor": -1, "vin": "LSVAA49J132047371LSVAA49J132047371"})
        body = is_problem(answer, 422, "malformed")
        errors_found = body["errors"]
        assert isinstance(errors_found, list)
        assert [(one["field"], one["code"]) for one in errors_found] == [
            ("body.amount_minor", "greater_than"),
            ("body.vin", "string_too_long"),
        ]
        assert "LSVAA" not in answer.text

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"amount_minor": NaN}', b'{"amount_minor": 1e400}'])
    def test_no_bytes_break_it(self, client: TestClient, content: bytes) -> None:
        is_problem(client.post("/t/bids", content=content, headers={"content-type": "application/json"}), 422, "malformed")

    @pytest.mark.parametrize("path", ["/t/refuse/%00", "/t/refuse/a%00b", "/t/refuse/not_found?x=%00"])
    def test_no_address_holds_a_null(self, client: TestClient, path: str) -> None:
        is_problem(client.get(path), 422, "malformed")

    @pytest.mark.parametrize(
        ("content", "status"),
        [
            (rb'{"amount_minor": 1, "vin": "a\u0000b"}', 422),
            (rb'{"amount_minor": 1, "vin": "a\\\u0000b"}', 422),
            (rb'{"amount_minor": 1, "vin": "a\\u0000b"}', 200),
            (rb'{"amount_minor": 1, "vin": "a\u0001b"}', 200),
        ],
    )
    def test_no_text_of_a_body_holds_a_null(self, client: TestClient, content: bytes, status: int) -> None:
        answer = client.post("/t/bids", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == status
        if status == 422:
            is_problem(answer, 422, "malformed")


class TestTooLarge:
    def test_the_markets_limit_and_a_routes_own(self, client: TestClient) -> None:
        text = {"amount_minor": 1, "more": "x" * 3_000}
        is_problem(client.post("/t/bids", json=text), 413, "too_large")
        is_problem(client.post("/t/small", json={"amount_minor": 1, "more": "x" * 100}), 413, "too_large")
        assert client.post("/t/small", json={"amount_minor": 1}).status_code == 200

    def test_a_body_that_does_not_say_its_length(self, client: TestClient) -> None:
        def chunks() -> Iterator[bytes]:
            yield b'{"amount_minor": 1, "more": "'
            for _ in range(50):
                yield b"x" * 100
            yield b'"}'

        is_problem(client.post("/t/bids", content=chunks(), headers={"content-type": "application/json"}), 413, "too_large")


class TestDatabase:
    def test_a_value_the_database_has_no_place_for_is_malformed(self, postgres: Database) -> None:
        app = create_service(title="t", routers=[router], settings=Settings(access_log=False), database=postgres)
        with TestClient(app) as client:
            is_problem(client.post("/t/null"), 422, "malformed")

    def test_a_constraints_name_is_the_code(self, client: TestClient) -> None:
        is_problem(client.post("/t/twice"), 409, "pk_inbox_message")

    def test_a_lock_held_too_long_is_503(self, postgres: Database) -> None:
        app = create_service(title="t", routers=[router], settings=Settings(access_log=False), database=postgres)
        with postgres.writing() as holder:
            holder.connection().execute(
                sa.text("INSERT INTO inbox_message (sender, message_id, kind, payload, received_at) VALUES ('a', 'b', 'c', '{}', now())")
            )
            holder.commit()
            holder.connection().execute(sa.text("SELECT * FROM inbox_message FOR UPDATE"))
            with TestClient(app) as client:
                answer = client.post("/t/locked")
        is_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"


class TestOurMistake:
    def test_tells_nothing(self, client: TestClient) -> None:
        answer = client.get("/t/broken")
        is_problem(answer, 500, "internal_error")
        assert "password" not in answer.text


def test_a_routes_refusals_stand_in_its_openapi(client: TestClient) -> None:
    responses = client.get("/openapi.json").json()["paths"]["/t/bids"]["post"]["responses"]
    assert responses["409"]["description"] == "bid_too_low, stale_version"
    examples = responses["409"]["content"]["application/problem+json"]["examples"]
    assert examples["bid_too_low"]["value"]["rule"]["english"] == "Auction Law, art. 36"
    assert responses["404"]["description"] == "not_found"


def test_codes_are_snake_case() -> None:
    class VINTaken(Refusal):
        pass

    assert (VINTaken.code, BidTooLow.code) == ("vin_taken", "bid_too_low")
