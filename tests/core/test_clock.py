"""The one clock: the database's, moved only by its stored offset; legal days are Shanghai's."""

from datetime import UTC, date, datetime, timedelta

from marketplace.core import clock
from marketplace.core.db import Database


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
