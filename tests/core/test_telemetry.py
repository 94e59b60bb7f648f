"""Logs that redact, request ids, metrics by route with the outbox' backlog, health and readiness."""

import json
import logging
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from marketplace.core import outbox, telemetry
from marketplace.core.db import Database
from marketplace.core.idempotency import Router
from marketplace.core.service import create_service
from marketplace.core.settings import Settings
from marketplace.core.telemetry import REDACTED, redact, redact_text

router = Router(prefix="/t")


class Noted(outbox.Event):
    name: ClassVar[str] = "test.noted"


@router.get("/cars/{car_id}")
def read_car(car_id: str) -> str:
    logging.getLogger("test.cars").warning("looked at %s", car_id, extra={"vin": car_id, "plate_of": "津A12345"})
    return car_id


@router.get("/broken")
def broken() -> None:
    raise RuntimeError("phone 13812345678")


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(generate_latest().decode())
    await socket.close()


@pytest.fixture
def client(sqlite: Database) -> Iterator[TestClient]:
    app: FastAPI = create_service(title="t", routers=[router], settings=Settings(), database=sqlite)
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def quiet_end() -> Iterator[None]:
    """Give the test runner its handlers back."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    yield
    root.handlers = before
    root.setLevel(level)


@pytest.mark.parametrize(
    "secret",
    [
        "LSVAA49J132047371",
        "11010519491231002X",
        "13812345678",
        "津A12345",
        "津AD12345",
        "沪B1234挂",
        "hr_live_abc123_def-456",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "Bearer abc.def",
    ],
)
class TestShapes:
    @pytest.mark.parametrize("frame", ["{}", "车主 {} 来电", "({}),", "\n{}\n", "vin={};", "名{}名"])
    def test_leave_no_trace(self, secret: str, frame: str) -> None:
        assert redact_text(frame.format(secret)) == frame.format(REDACTED)

    def test_nested(self, secret: str) -> None:
        value = redact({"a": [{"b": (f"x {secret}", 1)}], "c": {secret}})
        assert secret not in json.dumps(value, ensure_ascii=False)


class TestRedact:
    @pytest.mark.parametrize("name", ["password", "Authorization", "VIN", "phone", "totp", "Set-Cookie", "resident_id"])
    def test_named_fields_lose_their_value_whatever_it_is(self, name: str) -> None:
        assert redact({name: "anything", "deep": [{name: 7}]}) == {name: REDACTED, "deep": [{name: REDACTED}]}

    def test_a_url_loses_its_password_only(self) -> None:
        text = redact_text("postgresql+psycopg://market:s3cret@db:5432/henanroad")
        assert "s3cret" not in text
        assert "@db:5432/henanroad" in text

    @pytest.mark.parametrize("text", ["2026-11-24T12:00:00Z", "01a20f84-bf58-7271-9282-751303e6ef72", "88000", "lot 42 sold"])
    def test_leaves_ordinary_texts_alone(self, text: str) -> None:
        assert redact_text(text) == text

    @given(
        st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=10)
    )
    def test_never_raises(self, value: object) -> None:
        redact(value)


@pytest.mark.usefixtures("quiet_end")
class TestLines:
    def test_one_access_line_by_template_with_the_requests_id(self, client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
        telemetry.configure_logging()
        answer = client.get("/t/cars/LSVAA49J132047371?phone=13812345678", headers={"x-request-id": "caller-id-1"})
        assert answer.headers["x-request-id"] == "caller-id-1"
        text = _lines(capsys, '"event":"request"')
        assert "LSVAA" not in text
        assert "1381234" not in text
        assert "A12345" not in text
        lines = [json.loads(line) for line in text.splitlines()]
        (access,) = [line for line in lines if line["event"] == "request"]
        assert (access["method"], access["route"], access["status"], access["request_id"]) == (
            "GET",
            "/t/cars/{car_id}",
            200,
            "caller-id-1",
        )
        (own,) = [line for line in lines if line["event"].startswith("looked")]
        assert (own["request_id"], own["vin"], own["level"]) == ("caller-id-1", REDACTED, "warning")

    @pytest.mark.parametrize("presented", ["short", "x" * 65, 'quote"inside', "line\tbreak", ""])
    def test_a_strange_request_id_is_replaced(self, client: TestClient, presented: str) -> None:
        given_id = client.get("/healthz", headers={"x-request-id": presented}).headers["x-request-id"]
        assert given_id != presented
        assert len(given_id) == 32

    def test_a_failure_is_logged_redacted_with_its_traceback(self, client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
        telemetry.configure_logging()
        answer = client.get("/t/broken")
        text = capsys.readouterr().err
        assert "13812345678" not in text
        (line,) = [json.loads(line) for line in text.splitlines() if "unhandled" in line]
        assert line["request_id"] == answer.headers["x-request-id"]
        assert "RuntimeError" in line["exception"]


class TestMetrics:
    def test_counts_by_template_never_by_path(self, client: TestClient) -> None:
        for number in range(3):
            client.get(f"/t/cars/{number}")
            client.get(f"/nowhere/{number}")
        text = client.get("/metrics").text
        assert 'route="/t/cars/{car_id}"' in text
        assert 'route="unmatched"' in text
        assert "/nowhere/1" not in text
        assert "henanroad_request_seconds_bucket" in text

    def test_an_invented_method_makes_no_series(self, client: TestClient) -> None:
        client.request("BREW", "/healthz")
        text = client.get("/metrics").text
        assert "BREW" not in text
        assert 'method="OTHER"' in text

    def test_the_backlog_of_the_outbox(self, client: TestClient, sqlite: Database) -> None:
        with sqlite.writing() as session:
            outbox.append(session, Noted(), key="a")
        text = client.get("/metrics").text
        assert 'henanroad_outbox{state="unpublished"} 1.0' in text
        assert 'henanroad_outbox{state="dead"} 0.0' in text

    def test_open_sockets(self, client: TestClient) -> None:
        with client.websocket_connect("/t/live") as socket:
            assert 'henanroad_sockets{route="/t/live"} 1.0' in socket.receive_text()
        assert 'henanroad_sockets{route="/t/live"} 0.0' in client.get("/metrics").text


class TestHealth:
    def test_alive_and_ready(self, client: TestClient) -> None:
        assert client.get("/healthz").json() == {"status": "ok", "checks": {}}
        assert client.get("/readyz").json() == {"status": "ok", "checks": {"database": True}}

    def test_without_its_database_alive_but_not_ready(self) -> None:
        gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
        with TestClient(create_service(title="t", routers=[router], settings=Settings(), database=gone)) as client:
            assert client.get("/healthz").status_code == 200
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "checks": {"database": False}})
            text = client.get("/metrics").text
            assert "henanroad_outbox{" not in text
            assert "henanroad_requests_total" in text

    def test_each_part_is_named(self, sqlite: Database) -> None:
        app = create_service(title="t", routers=[router], settings=Settings(), database=sqlite)
        telemetry.add_readiness(app, "search", lambda: 1 / 0)
        with TestClient(app) as client:
            answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]) == (503, {"database": True, "search": False})


def _lines(capsys: pytest.CaptureFixture[str], wanted: str) -> str:
    """Standard error until the wanted line is there: access lines are written a turn of the loop later."""
    text = ""
    for _ in range(100):
        text += capsys.readouterr().err
        if wanted in text:
            break
        time.sleep(0.01)
    return text
