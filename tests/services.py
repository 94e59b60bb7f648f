"""The real servers of a test run: which were named, which answered; one table at the end, and failures when one is required."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import pytest

REQUIRE = "REQUIRE_SERVICES"


@dataclass(frozen=True, slots=True)
class Service:
    """One server a run may use, found by one variable. ``version`` asks it who it is and raises when it does not answer."""

    name: str
    variable: str
    version: Callable[[str], str]

    @property
    def url(self) -> str | None:
        return os.environ.get(self.variable) or None

    def state(self) -> tuple[bool, str]:
        """Whether it was reached, and what the table says of it."""
        if self.url is None:
            return False, "not named"
        try:
            return True, _version_of(self.name, self.url)
        except Exception as error:
            return False, f"not reached: {type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}"


def _postgres(url: str) -> str:
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return f"{connection.exec_driver_sql('SHOW server_version').scalar_one()}".split()[0]
    finally:
        engine.dispose()


def _redis(url: str) -> str:
    import redis

    with redis.Redis.from_url(url, socket_timeout=5) as client:
        return str(client.info("server")["redis_version"])


def _elasticsearch(url: str) -> str:
    import httpx

    return str(httpx.get(url, timeout=10).raise_for_status().json()["version"]["number"])


def _listening(url: str) -> str:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=5):
        return "answers"


def _nginx(path: str) -> str:
    found = shutil.which(path)
    if found is None:
        raise FileNotFoundError(path)
    shown = subprocess.run([found, "-v"], capture_output=True, text=True, check=True).stderr
    return shown.rpartition("/")[2].strip()


SERVICES = (
    Service("PostgreSQL", "HENANROAD_TEST_POSTGRES_URL", _postgres),
    Service("Redis", "HENANROAD_TEST_REDIS_URL", _redis),
    Service("Elasticsearch", "HENANROAD_TEST_ELASTICSEARCH_URL", _elasticsearch),
    Service("stripe-mock", "HENANROAD_TEST_STRIPE_MOCK_URL", _listening),
    Service("localstripe", "HENANROAD_TEST_LOCALSTRIPE_URL", _listening),
    Service("nginx", "HENANROAD_TEST_NGINX", _nginx),
)


@lru_cache(maxsize=32)
def _version_of(name: str, url: str) -> str:
    return next(service for service in SERVICES if service.name == name).version(url)


def are_required() -> bool:
    """Whether a missing server is a failure."""
    return os.environ.get(REQUIRE, "") not in {"", "0"}


def need(name: str) -> str:
    """The address of a server for a test that needs it; skips the test, or fails it when servers are required."""
    service = next(service for service in SERVICES if service.name == name)
    reached, told = service.state()
    if reached:
        assert service.url is not None
        return service.url
    if are_required() or service.url is not None:
        pytest.fail(f"{name} ({service.variable}) is {told}", pytrace=False)
    pytest.skip(f"{service.variable} names no server")


def missing() -> list[Service]:
    """Servers that a run needs and has not: named but silent, or any when all are required."""
    return [service for service in SERVICES if (are_required() or service.url) and not service.state()[0]]


def table() -> list[str]:
    """One line a server, for the end of the run."""
    width = max(len(service.name) for service in SERVICES)
    return [f"{'SQLite':<{width}}  reached  embedded default"] + [
        f"{service.name:<{width}}  {'reached' if reached else 'MISSING' if are_required() or service.url else '-      '}  {told}"
        for service in SERVICES
        for reached, told in [service.state()]
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The one table of which servers were reached."""
    terminalreporter.section("servers of this run")
    for line in table():
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A required server that is missing fails the run, even when no selected test needed it."""
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and missing() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
