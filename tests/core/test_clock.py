"""The one clock: the database's, moved only by its stored offset; legal days are Shanghai's."""

from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from marketplace.core import clock
from marketplace.core.db import Database
from marketplace.core.service import create_service
from marketplace.core.settings import Settings


def test_now_is_aware_utc_and_near_the_machine(db: Database) -> None:
    with db.reading() as session:
        at = clock.now(session)
    assert at.tzinfo is UTC
    assert abs(at - datetime.now(UTC)) < timedelta(seconds=5)


def test_every_session_sees_the_offset_once_committed(db: Database) -> None:
    week = timedelta(days=7, microseconds=3)
    with db.writing() as session:
        before = clock.now(session)
        clock.set_offset(session, offset=week)
    with db.reading() as session:
        assert clock.get_offset(session) == week
        assert week <= clock.now(session) - before < week + timedelta(seconds=5)


def test_now_inside_one_transaction_moves_on(db: Database) -> None:
    """A bid's time is read after its locks: the database's transaction start would be too early."""
    with db.writing() as session:
        first = clock.now(session)
        while clock.now(session) == first:
            pass
        assert clock.now(session) > first


def test_legal_days_are_half_open_in_shanghai() -> None:
    on = date(2026, 3, 1)
    assert clock.start_of_day(on) == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert clock.end_of_day(on) == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert clock.shanghai_day(clock.start_of_day(on)) == on
    assert clock.shanghai_day(clock.end_of_day(on) - timedelta(microseconds=1)) == on
    assert clock.shanghai_day(clock.end_of_day(on)) == date(2026, 3, 2)


class TestWhoMayMoveIt:
    LIVE = {"secret_key": "s" * 32, "stripe_api_key": "sk_live_1", "demo": False}

    def test_only_a_demo_market(self, sqlite: Database) -> None:
        with sqlite.writing() as session, pytest.raises(clock.ClockFixed):
            clock.set_offset(session, offset=timedelta(days=1), settings=Settings(demo=False))
        with sqlite.reading() as session:
            assert clock.get_offset(session) == timedelta(0)

    def test_a_left_over_offset_stops_the_start_beside_real_money(self, sqlite: Database) -> None:
        live = Settings.model_validate(self.LIVE)
        app = create_service(title="t", routers=[], settings=live, database=sqlite)
        with TestClient(app) as client:
            assert client.get("/healthz").status_code == 200
        with sqlite.writing() as session:
            clock.set_offset(session, offset=timedelta(days=1), settings=Settings(demo=True))
        with pytest.raises(clock.ClockFixed), TestClient(create_service(title="t", routers=[], settings=live, database=sqlite)):
            pass
