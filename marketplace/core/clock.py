"""The one clock: the database's, plus an offset that only tests, drills and the demo may set.

The offset is a row, so every process sees the same market time. Legal days are days in Asia/Shanghai.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.db import Session
from marketplace.core.errors import Forbidden
from marketplace.core.settings import Settings, get_settings

SHANGHAI = ZoneInfo("Asia/Shanghai")


class ClockFixed(Forbidden):
    zh = "本市场的时钟不可调整"
    en = "This market's clock cannot be moved."


class ClockOffset(SQLModel, table=True):
    """At most one row; absent means no offset."""

    __tablename__ = "clock_offset"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    offset_us: int = Field(default=0, sa_type=sa.BigInteger)


_PG = sa.text("SELECT clock_timestamp(), coalesce((SELECT offset_us FROM clock_offset), 0)")
_SQLITE = sa.text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now') || '+00:00', coalesce((SELECT offset_us FROM clock_offset), 0)")


def now(session: Session) -> datetime:
    """Market time, aware UTC. Call it after the locks are held: it is a statement of its own and reads the clock anew.

    On SQLite the resolution is a millisecond.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        text, offset = connection.execute(_SQLITE).one()
        at = datetime.fromisoformat(text)
    else:
        at, offset = connection.execute(_PG).one()
    return at.astimezone(UTC) + timedelta(microseconds=offset)


def require_adjustable(settings: Settings) -> None:
    """Only a demo market's clock moves, never one beside real money. Raises ``ClockFixed``."""
    if not settings.demo or settings.has_real_gateway:
        raise ClockFixed


def refuse_offset(session: Session, settings: Settings) -> None:
    """Start-up beside a real gateway: an offset left behind by a drill would date contracts wrongly. Raises ``ClockFixed``."""
    if settings.has_real_gateway and get_offset(session):
        raise ClockFixed


def set_offset(session: Session, *, offset: timedelta, settings: Settings | None = None) -> None:
    """Move the market's clock, forward or back. Raises ``ClockFixed`` unless the market is a demo or a test."""
    require_adjustable(settings or get_settings())
    row = session.get(ClockOffset, 1) or ClockOffset()
    row.offset_us = round(offset.total_seconds() * 1_000_000)
    session.add(row)
    session.flush()


def get_offset(session: Session) -> timedelta:
    row = session.get(ClockOffset, 1)
    return timedelta(microseconds=row.offset_us if row else 0)


def shanghai_day(at: datetime) -> date:
    """The legal day an instant falls on."""
    return at.astimezone(SHANGHAI).date()


def start_of_day(on: date) -> datetime:
    """First instant of a legal day, aware UTC."""
    return datetime.combine(on, time.min, SHANGHAI).astimezone(UTC)


def end_of_day(on: date) -> datetime:
    """First instant after a legal day (intervals are half-open), aware UTC."""
    return start_of_day(on + timedelta(days=1))
