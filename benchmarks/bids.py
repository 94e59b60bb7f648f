"""Bids over HTTP against what the framework and a row lock would give: ``python -m benchmarks.bids [--quick] [--embedded]``.

Wants PostgreSQL with synchronous_commit on, named by HENANROAD_TEST_POSTGRES_URL; makes a database of its own there and drops it.
A counted bid was answered 201 and stands in the lot's log, in order, at the price its answer said.
"""

import argparse
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import httpx
import orjson
import sqlalchemy as sa

from auction.bidding import log
from auction.bidding.domain import RegistrationState
from auction.bidding.models import Registration
from auction.bidding.queries import list_log
from auction.lots.domain import LotPhase, ReserveKind
from auction.lots.models import Lot
from auction.sessions.domain import BidRules, ExtendOn, Ladder, LegalMode, SessionMode, SessionState
from auction.sessions.models import AuctionSession
from benchmarks.deciding import AgeingLot, measure_processes, two_deciders
from benchmarks.deciding import tell as tell_deciding
from benchmarks.frames import frame, load_sockets
from benchmarks.lines import Rounds, Sample, emit, percentile, setting
from benchmarks.load import Answer, Run, load, post
from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.ids import new_id
from marketplace.core.security import Tokens
from marketplace.core.settings import Settings
from marketplace.registry import load_models

POSTGRES_VARIABLE = "HENANROAD_TEST_POSTGRES_URL"
SECRET = "a-secret-for-benchmarks-only-0123456789"
CLIENTS = 256
AUCTION = "/auction/v1"
MANY_LOTS = 1_000
BIDDERS_A_LOT = 4
STEP_MINOR = 50_000
START_MINOR = 10_000_000_000  # eleven digits for ever: requests keep their length
ACCEPTED_SHARE = 0.95
ROW_LOCK_CONNECTIONS = 20


# --- the market under load ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def fresh_database(embedded: bool) -> Iterator[str]:
    """URL of an empty database with all tables; gone afterwards."""
    if embedded:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bids.db"
        return
    server = sa.make_url(os.environ[POSTGRES_VARIABLE])
    name = f"henanroad_bench_{uuid4().hex[:12]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.dispose()


class Field:
    """Lots, bidders and their tokens."""

    def __init__(self, database: Database, settings: Settings, *, many: int = MANY_LOTS) -> None:
        self.database = database
        self.bidder_ids = [new_id() for _ in range(CLIENTS)]
        tokens = Tokens(settings)
        self.tokens = [
            tokens.issue(person_id=bidder_id, sign_in_id=new_id(), second_factor=False, memberships=()) for bidder_id in self.bidder_ids
        ]
        with database.writing() as session:
            self._session_id = self._add_session(session)
        self.many = self._add_lots(many, self._few)
        self.many_of = [[lot_id for number, lot_id in enumerate(self.many) if client in self._few(number)] for client in range(CLIENTS)]

    @staticmethod
    def _few(number: int) -> list[int]:
        return [(number + turn * CLIENTS // BIDDERS_A_LOT) % CLIENTS for turn in range(BIDDERS_A_LOT)]

    def hot_lot(self) -> UUID:
        """A fresh lot on which every client may bid."""
        return self._add_lots(1, lambda _number: list(range(CLIENTS)))[0]

    def _add_session(self, session: Session) -> UUID:
        at = clock.now(session)
        rules = BidRules(Ladder((0,), (STEP_MINOR,)), ExtendOn.CHANGE_OF_LEAD, 60, 60, None, 86_400, True)
        row = AuctionSession(
            title="bench", legal_mode=LegalMode.AGREED_BIDDING, mode=SessionMode.C2C_AUCTION, state=SessionState.OPEN,
            house_id=new_id(), city="天津", place="-", viewing_place="-", viewing_from_at=at, viewing_to_at=at, opens_at=at,
            lot_run_s=86_400, deposit_bps=1_000, payment_days=5, rules=rules.to_json(), rules_frozen_at=at, announced_at=at, created_at=at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id

    def _add_lots(self, count: int, bidders: Callable[[int], list[int]]) -> list[UUID]:
        with self.database.writing() as session:
            at = clock.now(session)
            first = session.connection().scalar(sa.select(sa.func.count()).select_from(Lot)) or 0
            lots = [
                Lot(
                    session_id=self._session_id, number=first + number, vehicle_id=new_id(), consignor_id=new_id(), title="bench",
                    state=LotPhase.OPEN, start_minor=START_MINOR, reserve_kind=ReserveKind.HIDDEN, reserve_minor=START_MINOR * 2,
                    opens_at=at, ends_at=at + (clock.end_of_day(at.date()) - clock.start_of_day(at.date())), created_at=at,
                )
                for number in range(count)
            ]  # fmt: skip
            session.add_all(lots)
            session.flush()
            rows = [
                {
                    "id": new_id(), "lot_id": lot.id, "party_id": self.bidder_ids[client], "person_id": self.bidder_ids[client],
                    "pseudonym": f"B{client:03d}", "state": RegistrationState.REGISTERED, "hold_id": new_id(),
                    "deposit_minor": START_MINOR // 10, "created_at": at,
                }
                for number, lot in enumerate(lots)
                for client in bidders(number)
            ]  # fmt: skip
            session.connection().execute(sa.insert(Registration), rows)
            return [lot.id for lot in lots]


# --- servers -----------------------------------------------------------------------------------------------------------------


class Server:
    """A process that serves."""

    def __init__(self, kind: str, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process is
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bid_server", kind, str(self.port)],
            env=os.environ | environment,
            cwd=Path(__file__).parent.parent,
            stderr=self._log,
            stdout=self._log,
        )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}")

    def wait(self) -> "Server":
        """Until it answers."""
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                self.cpu_s()
                return self
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        self._log.seek(0)
        raise RuntimeError(f"the server did not start: {self._log.read()[-2000:].decode(errors='replace')}")

    def cpu_s(self) -> float:
        """Processor time the process has used."""
        return float(self._http.get("/benchmark/cpu").json()["cpu_s"])

    def resident_bytes(self) -> float:
        """Memory the process holds."""
        return float(self._http.get("/benchmark/cpu").json()["resident_bytes"])

    def kill(self) -> None:
        """As the kernel does when memory is short: at once, without a word."""
        self._process.kill()
        self._process.wait(timeout=20)

    def stop(self) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(timeout=20)


# --- measurements ------------------------------------------------------------------------------------------------------------


_keys = itertools.count(1)


class Bids:
    """A source of bids: amounts rise on each lot by one counter, read at the moment of sending."""

    def __init__(self, field: Field, lots_of: list[list[UUID]]) -> None:
        self._requests = [[(lot_id, self._split(lot_id, field.tokens[client])) for lot_id in lots] for client, lots in enumerate(lots_of)]
        self._turn = [0] * len(lots_of)
        self._next = dict.fromkeys({lot_id for lots in lots_of for lot_id in lots}, START_MINOR)

    @staticmethod
    def _split(lot_id: UUID, token: str) -> tuple[bytes, bytes]:
        body = orjson.dumps({"maximum_minor": START_MINOR})
        whole = post(f"/auction/v1/lots/{lot_id}/bids", body, authorization=f"Bearer {token}", idempotency_key="K" * 20)
        before, _, after = whole.partition(b"K" * 20)
        return before, after.removesuffix(body) + b'{"maximum_minor":'

    def __call__(self, client: int) -> tuple[bytes, object]:
        requests = self._requests[client]
        turn = self._turn[client]
        self._turn[client] = turn + 1
        lot_id, (before, after) = requests[turn % len(requests)]
        amount = self._next[lot_id]
        self._next[lot_id] = amount + STEP_MINOR
        return b"%s%020d%s%d}" % (before, next(_keys), after, amount), (lot_id, amount)


class Empty:
    """A source of requests of the same shape for a route that does nothing."""

    def __init__(self, field: Field) -> None:
        body = orjson.dumps({"maximum_minor": START_MINOR})
        self._requests = [post("/empty", body, authorization=f"Bearer {token}", idempotency_key="0" * 20) for token in field.tokens]

    def __call__(self, client: int) -> tuple[bytes, object]:
        return self._requests[client], None


class SocketBids(Bids):
    """The same bids as socket messages."""

    @staticmethod
    def _split(lot_id: UUID, token: str) -> tuple[bytes, bytes]:
        return b'{"type":"bid","lot_id":"%b","key":"' % str(lot_id).encode(), b'","maximum_minor":'

    def __call__(self, client: int) -> tuple[bytes, object]:
        text, note = super().__call__(client)
        return frame(text), note


class Unproven(RuntimeError):
    """The log does not say what the answers said."""


def prove(database: Database, answers: list[Answer]) -> None:
    """Every 201 stands in its lot's log at its seq and price; the chain is whole; each client's seqs rise."""
    by_lot: dict[UUID, dict[int, int]] = {}
    last: dict[tuple[int, UUID], int] = {}
    for answer in answers:
        lot_id, amount = cast("tuple[UUID, int]", answer.note)
        receipt = orjson.loads(answer.body)
        if receipt["maximum_minor"] != amount or receipt["seq"] <= last.get((answer.client, lot_id), 0):
            raise Unproven(f"an answer for {amount} says {receipt}")
        last[answer.client, lot_id] = receipt["seq"]
        by_lot.setdefault(lot_id, {})[receipt["seq"]] = receipt["price_minor"]
    with database.reading() as session:
        for lot_id, prices in by_lot.items():
            entries = list_log(session, lot_id=lot_id, after_seq=0, limit=10_000_000)
            if (broken := log.find_break(entries)) is not None:
                raise Unproven(f"the chain breaks at {broken}")
            logged = {entry.seq: entry.content()["price_minor"] for entry in entries}
            if any(logged.get(seq) != price for seq, price in prices.items()):
                raise Unproven("an answered bid is not in the log at its price")


def sample(server: Server, *, clients: int, seconds: float, source: "Bids | Empty") -> tuple[Run, Sample]:
    return timed(server, lambda: load(port=server.port, clients=clients, seconds=seconds, source=source))


def timed(server: Server, run_load: Callable[[], Run]) -> tuple[Run, Sample]:
    """A load and its figures."""
    cpu_s = server.cpu_s()
    run = run_load()
    cpu_s = server.cpu_s() - cpu_s
    good = [answer for answer in run.answers if answer.status == 201]
    count = max(len(run.answers), 1)
    return run, Sample(
        rate=len(good) / run.elapsed_s,
        server_cpu_us=cpu_s / count * 1e6,
        client_cpu_us=run.cpu_s / count * 1e6,
        client_share=run.cpu_s / run.elapsed_s,
        more={
            "p50_ms": percentile([answer.took_s for answer in run.answers], 0.50) * 1e3,
            "p99_ms": percentile([answer.took_s for answer in run.answers], 0.99) * 1e3,
            "refused": (len(run.answers) - len(good)) / run.elapsed_s,
            "accepted_share": len(good) / count,
        },
    )


class Benchmark:
    """The figures, round by round."""

    def __init__(self, field: Field, servers: dict[str, Server], seconds: float) -> None:
        self._field = field
        self._servers = servers
        self._seconds = seconds
        self._many = Bids(field, field.many_of)
        self.rounds = Rounds()

    def round(self) -> None:
        self._empty("bare_post_256", "bare")
        self._empty("empty_post_256", "market")
        self._bids("hot_lot_256", "market", 256)
        self._sockets("hot_lot_ws", f"{AUCTION}/live", SocketBids(self._field, [[self._field.hot_lot()]] * CLIENTS))
        self._sockets("ws_echo", "/echo", SocketBids(self._field, [[self._field.hot_lot()]] * CLIENTS))
        self._bids("hot_lot_64", "market", 64)
        self._bids("row_lock_64", "row_lock", 64, all_count=True)
        self._bids("thousand_lots_256", "market", 256, many=True)
        self.rounds.add("fsync_per_s", Sample(fsyncs(self._seconds / 3)))

    def _empty(self, name: str, server: str) -> None:
        self.rounds.add(name, sample(self._servers[server], clients=256, seconds=self._seconds, source=Empty(self._field))[1])

    def _bids(self, name: str, server: str, clients: int, *, many: bool = False, all_count: bool = False) -> None:
        source = self._many if many else Bids(self._field, [[self._field.hot_lot()]] * clients)
        run, found = sample(self._servers[server], clients=clients, seconds=self._seconds, source=source)
        prove(self._field.database, [answer for answer in run.answers if answer.status == 201])
        if all_count:  # bids overtake one another on their way to the lock; refusing one costs as much
            found.rate = len(run.answers) / run.elapsed_s
        self.rounds.add(name, found)

    def _sockets(self, name: str, path: str, source: SocketBids) -> None:
        """One frame, one bid, one answer; the echo answers the same frames without doing anything."""
        server, tokens = self._servers["market"], self._field.tokens
        run, found = timed(server, lambda: load_sockets(port=server.port, path=path, tokens=tokens, seconds=self._seconds, source=source))
        if name != "ws_echo":
            prove(self._field.database, [answer for answer in run.answers if answer.status == 201])
        self.rounds.add(name, found)


def fsyncs(seconds: float) -> float:
    """Durable 8 KiB writes a second, one after the other, on this machine's temporary folder."""
    with tempfile.TemporaryFile() as file:
        page, count, started_s = b"x" * 8_192, 0, time.perf_counter()
        while time.perf_counter() - started_s < seconds:
            os.pwrite(file.fileno(), page, 0)
            os.fsync(file.fileno())
            count += 1
        return count / (time.perf_counter() - started_s)


def tell(rounds: Rounds) -> bool:
    """Print the lines; whether enough bids were accepted."""
    rounds.tell("bare_post_256", "req/s")
    rounds.tell("empty_post_256", "req/s", against="bare_post_256", wanted=0.6)
    rounds.tell("hot_lot_256", "bids/s", against="empty_post_256", wanted=0.7)
    for figure in ("p50_ms", "p99_ms"):
        emit(f"hot_lot_256_{figure}", rounds.median("hot_lot_256", figure), "ms")
    rounds.tell("hot_lot_ws", "bids/s", against="hot_lot_256", wanted=1.0)
    rounds.tell("ws_echo", "frames/s")
    emit("hot_lot_ws_of_echo", rounds.ratio("hot_lot_ws", "ws_echo"), "ratio", wanted=0.5)
    rounds.tell("hot_lot_64", "bids/s", against="row_lock_64", wanted=5.0)
    rounds.tell("thousand_lots_256", "bids/s", against="hot_lot_256", wanted=0.7)
    rounds.tell("row_lock_64", "answers/s", against="fsync_per_s", wanted=0.4)
    rounds.tell("fsync_per_s", "1/s")
    enough = True
    for name in ("hot_lot_256", "hot_lot_ws", "hot_lot_64", "thousand_lots_256", "row_lock_64"):
        share = rounds.median(name, "accepted_share")
        emit(f"{name}_refused", rounds.median(name, "refused"), "bids/s", accepted_share=share)
        enough = enough and (share >= ACCEPTED_SHARE or name == "row_lock_64")
    return enough


def synchronous_commit(database: Database) -> str:
    with database.reading() as session:
        return str(session.connection().exec_driver_sql("SHOW synchronous_commit").scalar_one())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ends within 60 s")
    parser.add_argument("--embedded", action="store_true", help="SQLite instead of PostgreSQL")
    chosen = parser.parse_args(arguments)
    if not chosen.embedded and not os.environ.get(POSTGRES_VARIABLE):
        print(f"{POSTGRES_VARIABLE} names no server; --embedded measures SQLite", file=sys.stderr)
        return 1
    seconds, rounds = (0.6, 5) if chosen.quick else (4.0, 7)
    with fresh_database(chosen.embedded) as url:
        database = Database(url)
        mode = "FULL" if chosen.embedded else synchronous_commit(database)
        if mode not in ("FULL", "on"):
            print("synchronous_commit is off: nothing answered would be on disk", file=sys.stderr)
            return 1
        setting(database=database.dialect, synchronous_commit=mode, quick=chosen.quick)
        load_models().create_all(database.engine)
        return measure(database, url, seconds=seconds, rounds=rounds)


def measure(database: Database, url: str, *, seconds: float, rounds: int) -> int:
    environment = {"HENANROAD_DATABASE_URL": url, "HENANROAD_SECRET_KEY": SECRET, "HENANROAD_DEMO": "0"}
    single = {"HENANROAD_AUCTION_BATCH_LIMIT": "1", "HENANROAD_AUCTION_WRITERS": str(ROW_LOCK_CONNECTIONS),
              "HENANROAD_DATABASE_POOL_SIZE": str(ROW_LOCK_CONNECTIONS)}  # fmt: skip
    servers = {
        "bare": Server("bare", environment),
        "market": Server("market", environment),
        "row_lock": Server("market", environment | single),
    }
    try:
        field = Field(database, Settings(secret_key=SECRET, database_url=url))
        for server in servers.values():
            server.wait()
        benchmark = Benchmark(field, servers, seconds)
        for _ in range(rounds):
            benchmark.round()
    finally:
        for server in servers.values():
            server.stop()
    enough = tell(benchmark.rounds)
    fair = below_the_front(database, url, field, seconds=seconds, rounds=rounds)
    database.dispose()
    return 0 if enough and fair else 1


def below_the_front(database: Database, url: str, field: Field, *, seconds: float, rounds: int) -> bool:
    """Two processes on one lot, and old lots against young ones, at service level; whether neither process starved."""
    found = Rounds()
    with two_deciders(url) as deciders:
        for _ in range(rounds):
            measure_processes(deciders, field, found, seconds=seconds / 2)
    ages = [1_000, 20_000] if seconds < 1 else [1_000, 10_000, 100_000, 1_000_000]
    AgeingLot(database, field, ages=ages).measure(found, seconds=seconds / 3, turns=rounds)
    return tell_deciding(found)


if __name__ == "__main__":
    sys.exit(main())
