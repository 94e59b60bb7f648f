"""The traps that small programs fell into, each with the test that keeps it shut; those without a place of their own are here."""

import ast
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from marketplace.core import inbox
from marketplace.core.db import Database, Session, WriteSession
from marketplace.core.idempotency import Router
from marketplace.core.inbox import InboxMessage
from marketplace.core.security import Viewer
from marketplace.core.service import create_service
from marketplace.core.settings import Settings
from tests.architecture.code import ROOT

TRAPS = {
    "1 an answer before its commit": "tests/architecture/test_traps.py::TestCommitBeforeAnswer::test_a_failed_commit_does_not_answer_201",
    "1 yield dependencies": "tests/architecture/test_rules.py::TestTransactions::test_yield_dependencies_end_before_the_answer",
    "2 alembic/__init__.py": "tests/migrations/test_migrations.py::TestFiles::test_the_folder_does_not_shadow_the_library",
    "3 enums": "tests/architecture/test_models.py::TestTable::test_enums_are_text_with_a_check",
    "3 amounts": "tests/architecture/test_models.py::TestTable::test_amounts_are_64_bit",
    "3 names": "tests/architecture/test_models.py::TestTable::test_every_constraint_has_a_name",
    "3 instants": "tests/architecture/test_traps.py::test_instants_come_back_aware_utc",
    "4 stale rows": "tests/architecture/test_rules.py::TestTransactions::test_a_locking_select_reads_the_row_anew",
    "5 the clock before the wait": "tests/architecture/test_rules.py::TestTransactions::test_no_clock_inside_a_locking_select",
    "6 order within a key": "tests/core/test_outbox.py::TestRelay::test_a_failed_delivery_holds_back_its_key_and_no_other",
    "6 two relays": "tests/core/test_outbox.py::TestRelay::test_two_relays_run_each_delivery_once",
    "7 Celery ETA": "tests/architecture/test_rules.py::TestClock::test_no_deadline_is_a_celery_eta",
    "8 an empty feed": "tests/sourcing/test_imports.py::TestModes::test_trap_8_a_mass_deletion_stops_and_asks",
    "9 nothing is mounted": "tests/architecture/test_rules.py::TestEdges::test_nothing_is_mounted",
    "9 one lifespan": "tests/architecture/test_traps.py::test_the_lifespans_of_all_parts_run_and_end_in_reverse",
    "10 one model registry": "tests/architecture/test_models.py::TestRegistry::test_every_models_module_is_loaded",
    "10 foreign keys": "tests/architecture/test_models.py::TestTable::test_foreign_keys_point_to_known_tables",
    "11 the walk recurses": "tests/architecture/test_authorization.py::TestWalk::test_goes_down_into_routers_of_routers_and_sockets",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_its_test(trap: str) -> None:
    path, *names = TRAPS[trap].split("::")
    scope: list[ast.stmt] = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    for name in names:
        found = next((node for node in scope if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name), None)
        assert found is not None, TRAPS[trap]
        scope = found.body


class TestCommitBeforeAnswer:
    @pytest.fixture
    def client(self, db: Database) -> TestClient:
        router = Router(prefix="/traps")

        @router.post("/notes", status_code=201)
        def write_note(viewer: Viewer, session: WriteSession) -> dict[str, bool]:
            session.add(InboxMessage(sender="trap", message_id="1", kind="note", payload={}, received_at=datetime.now(UTC)))
            return {"written": True}

        app = create_service(title="traps", routers=[router], settings=Settings(), database=db)
        return TestClient(app, raise_server_exceptions=False)

    def test_a_failed_commit_does_not_answer_201(self, client: TestClient, db: Database) -> None:
        def fail(session: sa.orm.Session) -> None:
            raise RuntimeError("the disk is full")

        event.listen(Session, "before_commit", fail)
        try:
            answer = client.post("/traps/notes")
        finally:
            event.remove(Session, "before_commit", fail)
        assert answer.status_code == 500
        with db.reading() as session:
            assert session.get(InboxMessage, ("trap", "1")) is None

    def test_what_was_answered_is_on_disk(self, client: TestClient, db: Database) -> None:
        assert client.post("/traps/notes").status_code == 201
        with db.reading() as session:
            assert session.get(InboxMessage, ("trap", "1")) is not None


def test_instants_come_back_aware_utc(db: Database) -> None:
    """An explicit ``DateTime(timezone=True)`` comes back naive from SQLite; SQLModel's own does not."""
    noon_in_shanghai = datetime(2026, 11, 24, 12, tzinfo=timezone(timedelta(hours=8)))
    with db.writing() as session:
        session.add(InboxMessage(sender="trap", message_id="2", kind="note", payload={}, received_at=noon_in_shanghai))
    with db.reading() as session:
        found = session.get(InboxMessage, ("trap", "2"))
        assert found is not None
        assert found.received_at == noon_in_shanghai
        assert found.received_at.utcoffset() == timedelta(0)


def test_the_lifespans_of_all_parts_run_and_end_in_reverse(sqlite: Database) -> None:
    told: list[str] = []

    def part(name: str) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            told.append(f"{name} starts")
            yield
            told.append(f"{name} ends")

        return lifespan

    app = create_service(title="traps", routers=[], lifespans=[part("relay"), part("closer")], settings=Settings(), database=sqlite)
    with TestClient(app):
        assert told == ["relay starts", "closer starts"]
    assert told[2:] == ["closer ends", "relay ends"]


def test_the_inbox_is_the_only_way_in_twice(db: Database) -> None:
    """What comes from outside is keyed by its sender's id: the second time is known."""
    with db.writing() as session:
        assert inbox.accept(session, sender="trap", message_id="3", kind="note", payload={})
    with db.writing() as session:
        assert not inbox.accept(session, sender="trap", message_id="3", kind="note", payload={})
