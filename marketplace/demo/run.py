"""``make demo``: starts a fresh market of its own (or takes a running one), tells the story, stops what it started.

``--servers`` runs it as in production, on the servers that ``HENANROAD_TEST_*_URL`` name: PostgreSQL with a database of this run's own,
Redis as broker with a Celery worker and beat, Elasticsearch with an index prefix of its own.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import sqlalchemy as sa

from marketplace.demo.narrator import BrokenPromise, Narrator
from marketplace.demo.story import play

ROOT = Path(__file__).parent.parent.parent
READY_WITHIN_S = 90
STOP_WITHIN_S = 15


def tell(url: str | None, *, servers: bool = False) -> int:
    """Exit status: 0 when every step was as promised, 1 when one was not, 2 when the market did not start."""
    narrator = Narrator()
    try:
        with ExitStack() as stack:
            try:
                address = url or stack.enter_context(fresh_market(servers=servers))
            except (RuntimeError, KeyError) as error:
                print(f"demo: {error}", file=sys.stderr)
                return 2
            with httpx.Client(base_url=address, timeout=30) as client:
                play(client, narrator)
    except (BrokenPromise, httpx.HTTPError, KeyError, IndexError, TypeError) as error:  # outside: the market has kept its logs by now
        narrator.failed(error)
        return 1
    narrator.end()
    return 0


@contextmanager
def fresh_market(*, servers: bool) -> Iterator[str]:
    """The address of a market that is this run's own and gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="henanroad-demo-", ignore_cleanup_errors=True)))
        port = _free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HENANROAD_")},
            "HENANROAD_DEMO": "1",
            "HENANROAD_SECRET_KEY": secrets.token_urlsafe(32),
            "HENANROAD_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "HENANROAD_DATABASE_URL": f"sqlite:///{folder}/market.db",
            "HENANROAD_FILES_PATH": str(folder / "files"),
            "HENANROAD_SEARCH_INDEX_PATH": str(folder / "search.db"),
            "HENANROAD_ACCESS_LOG": "0",
        }
        if servers:
            environment |= stack.enter_context(_production(folder))
        command = [sys.executable, "-m", "marketplace.cli"]
        log = folder / "market.log"
        stack.enter_context(_process([*command, "serve", "--demo", "--cars", "0", "--port", str(port)], environment, log))
        if servers:
            celery = [sys.executable, "-m", "celery", "-A", "marketplace.worker"]
            worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2"]
            stack.enter_context(_process(worker, environment, folder / "worker.log"))
            beat = [*celery, "beat", "--schedule", str(folder / "beat")]
            stack.enter_context(_process(beat, environment, folder / "beat.log"))
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_ready(address, log)
            yield address
        except BaseException:
            _keep_logs(folder)
            raise


@contextmanager
def _production(folder: Path) -> Iterator[dict[str, str]]:
    """Settings for the real servers; what was made there is removed afterwards."""
    name = f"henanroad_demo_{secrets.token_hex(5)}"
    server = sa.make_url(os.environ["HENANROAD_TEST_POSTGRES_URL"])
    redis = os.environ["HENANROAD_TEST_REDIS_URL"]
    elasticsearch = os.environ["HENANROAD_TEST_ELASTICSEARCH_URL"]
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    try:
        yield {
            "HENANROAD_DATABASE_URL": server.set(database=name).render_as_string(hide_password=False),
            "HENANROAD_BROKER_URL": _redis_database(redis, 11),
            "HENANROAD_BROKER_PREFIX": f"{name}.",
            "HENANROAD_LIVE_URL": _redis_database(redis, 12),
            "HENANROAD_ELASTICSEARCH_URL": elasticsearch,
            "HENANROAD_SEARCH_INDEX_PREFIX": f"{name}-",
        }
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        engine.dispose()
        with httpx.Client(base_url=elasticsearch, timeout=10) as client:
            found = client.get(f"/{name}-*").json()
            for index in found if isinstance(found, dict) else ():
                client.delete(f"/{index}")


def _redis_database(url: str, number: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as sink:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(address: str, log: Path) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"{address}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the market did not start within {READY_WITHIN_S} s; the end of its log:\n" + log.read_text()[-3000:])


def _keep_logs(folder: Path) -> None:
    """A story that broke leaves its logs to look at."""
    kept = ROOT / "var" / "demo-logs"
    kept.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy(log, kept / log.name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
