"""Idempotency keys over HTTP on both databases: one effect, one answer; refusals too; a second request waits for the first."""

import threading
from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlmodel import select

from marketplace.core import clock, problem
from marketplace.core.db import Database, WriteSession
from marketplace.core.errors import Refusal, Unavailable
from marketplace.core.idempotency import Idempotency, Router, StoredAnswer
from marketplace.core.ids import new_id
from marketplace.core.inbox import InboxMessage
from marketplace.core.settings import Settings


class NoteBody(BaseModel):
    text: str


class TextRefused(Refusal):
    zh = "不行"
    en = "No."


class _Somebody:
    def __init__(self, name: str) -> None:
        self.id = name


def somebody(request: Request) -> _Somebody:
    request.state.principal = _Somebody(request.headers.get("x-who", "ann"))
    found: _Somebody = request.state.principal
    return found


router = Router(prefix="/notes")
gate = threading.Event()
gate.set()
inside = threading.Event()


@router.post("", status_code=201)
def write_note(body: NoteBody, session: WriteSession, _who: Annotated[_Somebody, Depends(somebody)], _key: Idempotency) -> dict[str, str]:
    session.add(InboxMessage(sender="note", message_id=body.text, kind="note", received_at=clock.now(session)))
    session.flush()
    inside.set()
    gate.wait(10)
    if body.text == "refused":
        raise TextRefused
    if body.text == "busy":
        raise Unavailable(retry_after_s=1)
    return {"id": str(new_id())}


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.database = db
    app.state.settings = Settings(idempotency_wait_ms=300)
    problem.install(app)
    app.include_router(router)
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


def notes(db: Database) -> list[str]:
    with db.reading() as session:
        return [note.message_id for note in session.exec(select(InboxMessage))]


KEY = {"Idempotency-Key": "k1"}


class TestIdempotency:
    def test_the_same_request_has_one_effect_and_one_answer(self, client: TestClient, db: Database) -> None:
        first = client.post("/notes", json={"text": "a"}, headers=KEY)
        second = client.post("/notes", json={"text": "a"}, headers=KEY)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second.headers["idempotent-replay"] == "true"
        assert notes(db) == ["a"]

    def test_without_a_key_each_request_counts(self, client: TestClient, db: Database) -> None:
        client.post("/notes", json={"text": "a"})
        again = client.post("/notes", json={"text": "a"})
        assert again.status_code == 409
        assert again.json()["code"] == "pk_inbox_message"

    def test_another_body_is_refused_and_changes_nothing(self, client: TestClient, db: Database) -> None:
        client.post("/notes", json={"text": "a"}, headers=KEY)
        other = client.post("/notes", json={"text": "b"}, headers=KEY)
        assert other.status_code == 422
        assert other.json()["code"] == "idempotency_key_reused"
        assert notes(db) == ["a"]

    def test_a_key_is_its_principals_own(self, client: TestClient, db: Database) -> None:
        client.post("/notes", json={"text": "a"}, headers=KEY)
        bob = client.post("/notes", json={"text": "b"}, headers=KEY | {"x-who": "bob"})
        assert bob.status_code == 201
        assert notes(db) == ["a", "b"]

    def test_a_refusal_is_kept_and_its_change_is_not(self, client: TestClient, db: Database) -> None:
        first = client.post("/notes", json={"text": "refused"}, headers=KEY)
        second = client.post("/notes", json={"text": "refused"}, headers=KEY)
        assert first.status_code == second.status_code == 409
        assert first.json()["code"] == second.json()["code"] == "text_refused"
        assert second.headers["idempotent-replay"] == "true"
        assert notes(db) == []

    def test_503_is_not_kept(self, client: TestClient, db: Database) -> None:
        busy = client.post("/notes", json={"text": "busy"}, headers=KEY)
        assert busy.status_code == 503
        assert busy.headers["retry-after"] == "1"
        with db.reading() as session:
            assert session.exec(select(StoredAnswer)).all() == []
        assert notes(db) == []

    def test_a_malformed_request_does_not_use_up_the_key(self, client: TestClient, db: Database) -> None:
        assert client.post("/notes", json={"txt": "a"}, headers=KEY).status_code == 422
        assert client.post("/notes", json={"text": "a"}, headers=KEY).status_code == 201

    def test_the_second_waits_for_the_first_bounded(self, client: TestClient, db: Database) -> None:
        if db.dialect == "sqlite":
            db.engine.dispose()
        gate.clear()
        inside.clear()
        answers: list[int] = []
        first = threading.Thread(target=lambda: answers.append(client.post("/notes", json={"text": "a"}, headers=KEY).status_code))
        first.start()
        assert inside.wait(5)
        if db.dialect == "postgresql":  # SQLite waits for the whole writer, bounded by busy_timeout
            late = client.post("/notes", json={"text": "a"}, headers=KEY)
            assert late.status_code == 409
            assert late.json()["code"] == "request_in_progress"
            assert late.headers["retry-after"] == "1"
        threading.Timer(0.1, gate.set).start()
        second = client.post("/notes", json={"text": "a"}, headers=KEY)
        first.join()
        assert answers == [201]
        assert second.status_code == 201
        assert second.headers["idempotent-replay"] == "true"
        assert notes(db) == ["a"]
