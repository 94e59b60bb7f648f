"""``kill -9`` at random moments: nothing that was answered is lost, nothing is done twice."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from sqlmodel import col, select

from marketplace.core.db import Database
from marketplace.core.inbox import InboxMessage
from marketplace.core.outbox import OutboxDelivery
from marketplace.core.outbox.writing import DeliveryState
from tests.kills.victim import RECEIVER, WRITER
from tests.production.deployment import free_port
from tests.services import need

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(240)]

ROOT = Path(__file__).parent.parent.parent
NOTES = 60
KILLS = 6
LEASE_S = 1
DICE = random.Random(20261124)


class Victim:
    """A process that is started again each time it was killed."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self.kills = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as sink:
            return subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)

    def kill_and_restart(self) -> None:
        self.end()
        self.kills += 1
        self._process = self._start()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def _environment(database: Database, **more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("HENANROAD_TEST_")}
    settings = {"HENANROAD_DATABASE_URL": database.url, "HENANROAD_RELAY_LEASE_S": str(LEASE_S), "HENANROAD_RELAY_POLL_MS": "20"}
    return {**own, **settings, "PYTHONPATH": str(ROOT), **more}


def _serve(database: Database, folder: Path, **more: str) -> tuple[Victim, str]:
    port = free_port()
    victim = Victim([sys.executable, "-m", "tests.kills.victim", "serve", str(port)], _environment(database, **more), folder / "served.log")
    return victim, f"http://127.0.0.1:{port}"


def _write(client: httpx.Client, number: int, broken: list[int] | None = None) -> str:
    """Send until it is answered, always with the same key; which run it was. ``broken`` collects the numbers cut off on their way."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            answer = client.post("/kills/notes", json={"number": number}, headers={"Idempotency-Key": f"note-{number}"})
        except httpx.ConnectError:
            time.sleep(0.05)
            continue
        except httpx.TransportError:
            if broken is not None:
                broken.append(number)
            continue
        if answer.status_code == 201:
            return str(answer.json()["run"])
        assert answer.status_code in {409, 503}, answer.text
        time.sleep(0.05)
    raise AssertionError(f"note {number} was never answered")


def _rows(database: Database, sender: str) -> Counter[int]:
    with database.reading() as session:
        found = session.exec(select(InboxMessage.message_id).where(InboxMessage.sender == sender)).all()
    return Counter(int(message.partition(":")[0]) for message in found)


def _runs(database: Database) -> set[str]:
    with database.reading() as session:
        return {message.partition(":")[2] for message in session.exec(select(InboxMessage.message_id).where(InboxMessage.sender == WRITER))}


def _wait(until: Callable[[], bool], *, within_s: float) -> None:
    end = time.monotonic() + within_s
    while not until() and time.monotonic() < end:
        time.sleep(0.1)


def _states(database: Database) -> set[str]:
    with database.reading() as session:
        return {str(state) for state in session.exec(select(OutboxDelivery.state))}


ONCE = Counter(dict.fromkeys(range(NOTES), 1))


def test_the_api_and_its_relay_killed_while_they_work(db: Database, tmp_path: Path) -> None:
    """The embedded market: HTTP and relay die together, six times, in the middle of sixty keyed requests."""
    victim, address = _serve(db, tmp_path, KILLS_DAWDLE_S="0.05")
    broken: list[int] = []
    try:
        with httpx.Client(base_url=address, timeout=10) as client, ThreadPoolExecutor(1) as pool:
            answered = set()
            for number in range(NOTES):
                writing = pool.submit(_write, client, number, broken)
                if number % (NOTES // KILLS) == NOTES // KILLS // 2:
                    time.sleep(DICE.uniform(0.0, 0.06))
                    victim.kill_and_restart()
                answered.add(writing.result())
            _wait(lambda: _rows(db, RECEIVER).total() >= NOTES, within_s=30)
            again = {_write(client, number) for number in range(NOTES)}
    finally:
        victim.end()
    assert victim.kills == KILLS
    assert broken, "no kill fell into a request: the test proves nothing"
    assert _rows(db, WRITER) == ONCE, "written once each"
    assert answered == again == _runs(db), "every answer tells what is on disk, the second time too"
    assert _rows(db, RECEIVER) == ONCE, "delivered once each"
    assert _states(db) == {"done"}
    for key in range(4):
        assert _order(db, key) == sorted(_order(db, key)), "in order within a key"


def test_a_celery_worker_killed_while_it_works(postgres: Database, tmp_path: Path) -> None:
    """Relay and handlers are on the worker; a killed one's deliveries come again after their lease."""
    broker = urlunsplit(urlsplit(need("Redis"))._replace(path="/10"))
    prefix = {"HENANROAD_BROKER_URL": broker, "HENANROAD_BROKER_PREFIX": f"kills-{os.getpid()}-{time.time_ns()}."}
    api, address = _serve(postgres, tmp_path, **prefix)
    try:
        with httpx.Client(base_url=address, timeout=10) as client:
            for number in range(NOTES):
                _write(client, number)
    finally:
        api.end()
    command = [sys.executable, "-m", "celery", "-A", "tests.kills.victim", "worker", "--pool", "threads", "--concurrency", "2"]
    environment = _environment(postgres, **prefix, KILLS_DAWDLE_S="0.3")
    worker = Victim([*command, "--without-gossip", "--without-mingle"], environment, tmp_path / "worker.log")
    cut_off = 0
    for _ in range(KILLS // 2):
        goal = _rows(postgres, RECEIVER).total() + 1
        _wait(partial(_has_received, postgres, goal), within_s=30)
        time.sleep(0.2)
        worker.kill_and_restart()
        cut_off += _leased(postgres)
    _wait(lambda: _states(postgres) == {"done"}, within_s=60)
    worker.end()
    assert cut_off, "no kill fell into a delivery: the test proves nothing"
    log = (tmp_path / "worker.log").read_text(encoding="utf-8", errors="replace")[-2000:]
    assert _rows(postgres, RECEIVER) == ONCE, log
    assert _states(postgres) == {"done"}


def _has_received(database: Database, goal: int) -> bool:
    return _rows(database, RECEIVER).total() >= goal


def _order(database: Database, key: int) -> list[int]:
    """The key's sequence numbers as they were delivered."""
    with database.reading() as session:
        found = session.exec(select(InboxMessage).where(InboxMessage.sender == RECEIVER).order_by(col(InboxMessage.received_at))).all()
    return [message.payload["key_seq"] for message in found if int(message.message_id.partition(":")[0]) % 4 == key]


def _leased(database: Database) -> int:
    """Open deliveries that somebody had taken."""
    with database.reading() as session:
        statement = select(OutboxDelivery.id).where(
            OutboxDelivery.state == DeliveryState.OPEN, col(OutboxDelivery.leased_until).is_not(None)
        )
        return len(session.exec(statement).all())
