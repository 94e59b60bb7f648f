"""Feeds of many cars: bounded memory, and never the one write lock of SQLite for long."""

import json
import resource
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.files import file_store
from marketplace.core.ids import new_id
from marketplace.core.settings import get_settings
from marketplace.parallel_import.domain.inbound import SourceScope
from marketplace.parallel_import.models import FeedRun
from marketplace.parallel_import.service.inbound import applying
from tests.imports import verified_pilot
from tests.market import Market
from tests.parallel_import.feeds import car, document, get, push, run_of, settle, source

WRITE_MAX_S = 0.25


@contextmanager
def watched(database: Database) -> Iterator[list[float]]:
    """How long each writing transaction lasted, from BEGIN to COMMIT."""
    lasted: list[float] = []
    began: dict[int, float] = {}

    def begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("read_only"):
            began[id(connection.connection.dbapi_connection)] = time.monotonic()

    def end(connection: sa.Connection) -> None:
        at = began.pop(id(connection.connection.dbapi_connection), None)
        if at is not None:
            lasted.append(time.monotonic() - at)

    sa.event.listen(database.engine, "begin", begin)
    sa.event.listen(database.engine, "commit", end)
    try:
        yield lasted
    finally:
        sa.event.remove(database.engine, "begin", begin)
        sa.event.remove(database.engine, "commit", end)


class TestManyCars:
    def test_cars_are_taken_in_by_short_transactions(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        source_id = source(quick_api, pilot)["id"]
        count = 60
        with watched(quick_api.database) as lasted:  # before any reader's thread: an engine's listeners do not change under it
            assert push(quick_api, pilot, source_id, document(*(car(n) for n in range(count))), 1).status_code == 201
            quick_api.relay()
            run = run_of(quick_api, pilot, source_id)
        assert (run["rows_added"], run["state"]) == (count, "applied")
        assert len(lasted) > count / 10
        lasted.sort()
        assert lasted[int(len(lasted) * 0.98)] < WRITE_MAX_S, lasted[-5:]
        settle(quick_api)
        assert len(quick_api.get("/marketplace/v1/feeds/parallel-import.json").json()["cars"]) == count
        assert get(quick_api, pilot, f"/import-runs/{run['id']}")["rows_done"] == count

    def test_ten_thousand_rows_are_answered_by_short_transactions_in_little_memory(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        run_id = _kept(quick_api, source(quick_api, pilot), pieces(10_000))
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with watched(quick_api.database) as lasted:
            applying.run(quick_api.database, file_store(), run_id=run_id, settings=get_settings())
        run = get(quick_api, pilot, f"/import-runs/{run_id}")
        assert (run["state"], run["rows_total"], run["rows_bad"]) == ("applied", 10_000, 10_000)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 60_000
        lasted.sort()
        assert lasted[int(len(lasted) * 0.98)] < WRITE_MAX_S, lasted[-5:]

    def test_memory_does_not_grow_with_the_feed(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        run_id = _kept(quick_api, source(quick_api, pilot), pieces(2_000))
        tracemalloc.start()
        applying.run(quick_api.database, file_store(), run_id=run_id, settings=get_settings())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8_000_000  # the feed is nine million characters


def pieces(count: int) -> Iterator[bytes]:
    """Cars without a VIN, long-winded."""
    yield b'{"cars":['
    for n in range(count):
        lacking: dict[str, Any] = {name: value for name, value in car(n, differences="差异" * 300).items() if name != "vin"}
        yield (b"," if n else b"") + json.dumps(lacking).encode()
    yield b"]}"


def _kept(api: Market, made: dict[str, Any], content: Iterator[bytes]) -> Any:
    """A run whose file lies ready, as if it had been pulled."""
    with api.database.writing() as session:
        at = clock.now(session)
        stored = file_store().put_sealed("imports", content, expires_at=at + timedelta(days=1))
        found = session.connection().execute(sa.text("SELECT pilot_id FROM import_source")).scalar_one()
        row = FeedRun(
            id=new_id(),
            source_id=UUID(made["id"]),
            pilot_id=UUID(str(found)),
            is_pulled=False,
            scope=SourceScope.DELTA,
            content_hash="0" * 64,
            size_bytes=stored.size,
            file_key=stored.key,
            file_expires_at=at + timedelta(days=1),
            received_at=at,
        )
        session.add(row)
        return row.id
