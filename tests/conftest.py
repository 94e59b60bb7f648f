"""Fixtures for every test: a fresh market on SQLite and on PostgreSQL, and a client that speaks HTTP to it."""

import os

os.environ.setdefault("HENANROAD_SECRET_KEY", "a-secret-for-tests-only-0123456789abcdef")
os.environ.setdefault("HENANROAD_DEMO", "1")
os.environ.setdefault("HENANROAD_ARGON2_MEMORY_KIB", "8")  # a password's strength is tested where it belongs
os.environ.setdefault("HENANROAD_ARGON2_TIME_COST", "1")
os.environ.setdefault("HENANROAD_ARGON2_AT_ONCE", "16")
os.environ.setdefault("HENANROAD_LIMIT_SIGN_UPS", "100000")

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from marketplace.core.db import Database
from tests.databases import PostgresTemplate, SqliteTemplate
from tests.market import Market
from tests.services import need, pytest_sessionfinish, pytest_terminal_summary

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary"]

settings.register_profile("tests", deadline=None)  # a busy machine is no mistake of the code
settings.register_profile("mutants", deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    return SqliteTemplate(tmp_path_factory.mktemp("template") / "market.db")


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[PostgresTemplate]:
    template = PostgresTemplate(need("PostgreSQL"))
    yield template
    template.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A fresh, empty market database; each test runs on both kinds."""
    if request.param == "sqlite":
        database = request.getfixturevalue("sqlite_template").fresh(tmp_path / "market.db")
    else:
        database = request.getfixturevalue("postgres_template").fresh()
    yield database
    database.dispose()


@pytest.fixture
def postgres(postgres_template: PostgresTemplate) -> Iterator[Database]:
    """PostgreSQL only, for what SQLite cannot race."""
    database = postgres_template.fresh()
    yield database
    database.dispose()


@pytest.fixture
def sqlite(sqlite_template: SqliteTemplate, tmp_path: Path) -> Iterator[Database]:
    """SQLite only, for tests that do not depend on the database."""
    database = sqlite_template.fresh(tmp_path / "market.db")
    yield database
    database.dispose()


@pytest.fixture
def api(db: Database) -> Iterator[Market]:
    """The whole market over HTTP, on both databases; jobs run when the test says so (``api.relay()``)."""
    with Market(db) as market:
        yield market


@pytest.fixture
def quick_api(sqlite: Database) -> Iterator[Market]:
    """The whole market over HTTP on SQLite only, for shapes and refusals that no database decides."""
    with Market(sqlite) as market:
        yield market
