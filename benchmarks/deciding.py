"""Lines of ``benchmarks.bids`` below the web front: two processes on one lot, and the millionth bid against the first."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

import orjson

from auction.bidding.service import place_bids
from benchmarks.decider import Turn, batch, decide
from benchmarks.lines import Rounds, Sample, emit
from marketplace.core.db import Database

STARVING = 0.30
"""Below this share of two processes' decisions one of them starves."""
LEAD_S = 0.05


class Lots(Protocol):
    """Where fresh lots come from."""

    bidder_ids: list[UUID]

    def hot_lot(self) -> UUID: ...


class Decider:
    """One deciding process."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.decider", url],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("a deciding process did not start")

    def tell(self, turn: Turn) -> None:
        assert self._process.stdin is not None
        line = {"lot_id": str(turn.lot_id), "bidder_ids": [str(one) for one in turn.bidder_ids], "starts_at_s": turn.starts_at_s}
        self._process.stdin.write(orjson.dumps({**line, "seconds": turn.seconds, "origin_s": turn.origin_s}) + b"\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        found: dict[str, float] = orjson.loads(self._process.stdout.readline())
        return found

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)


@contextlib.contextmanager
def two_deciders(url: str) -> Iterator[list[Decider]]:
    deciders = [Decider(url) for _ in range(2)]
    try:
        yield deciders
    finally:
        for decider in deciders:
            decider.stop()


def measure_processes(deciders: Sequence[Decider], lots: Lots, rounds: Rounds, *, seconds: float) -> None:
    """One round: one process on a lot, two on one, two on a lot each."""
    hot = lots.hot_lot()
    rounds.add("one_process", _together(deciders[:1], [lots.hot_lot()], lots, seconds))
    rounds.add("two_processes", _together(deciders, [hot, hot], lots, seconds))
    rounds.add("two_processes_own_lots", _together(deciders, [lots.hot_lot(), lots.hot_lot()], lots, seconds))


def _together(deciders: Sequence[Decider], lot_ids: Sequence[UUID], lots: Lots, seconds: float) -> Sample:
    origin_s = time.monotonic()
    for decider, lot_id in zip(deciders, lot_ids, strict=True):
        decider.tell(Turn(lot_id, lots.bidder_ids, origin_s + LEAD_S, seconds, origin_s))
    answers = [decider.answer() for decider in deciders]
    decided = sum(answer["decided"] for answer in answers)
    return Sample(
        rate=sum(answer["decided"] / answer["took_s"] for answer in answers),
        server_cpu_us=sum(answer["cpu_s"] for answer in answers) / decided * 1e6,
        more={
            "accepted_share": sum(answer["accepted"] for answer in answers) / decided,
            "least_share": min(answer["decided"] for answer in answers) / decided,
            "longest_ms": max(answer["longest_s"] for answer in answers) * 1e3,
        },
    )


class AgeingLot:
    """A lot that is bid on until it is old, beside one that is always young: rounds take turns between them."""

    def __init__(self, database: Database, lots: Lots, *, ages: Sequence[int]) -> None:
        self._database, self._lots, self._ages = database, lots, ages
        self._old = lots.hot_lot()
        self._origin_s = time.monotonic() - 1.0
        self._bids = 0

    def measure(self, rounds: Rounds, *, seconds: float, turns: int) -> None:
        """``late_bid`` at the last age; the curve has a point an age."""
        for age in self._ages:
            self._grow(age)
            old = self._rate(self._old, seconds)
            young = self._rate(self._lots.hot_lot(), seconds)
            emit(f"bid_at_{age}", old.rate, "bids/s", against="first_bid", ratio=young.rate / old.rate)
        for _ in range(turns):
            rounds.add("first_bid", self._rate(self._lots.hot_lot(), seconds))
            rounds.add("late_bid", self._rate(self._old, seconds))

    def _grow(self, age: int) -> None:
        while self._bids < age:
            turn = Turn(self._old, self._lots.bidder_ids, 0.0, 0.0, self._origin_s)
            with self._database.writing() as session:
                self._bids += sum(answer.status == 201 for answer in place_bids(session, batch(turn, now_s=time.monotonic())).answers)

    def _rate(self, lot_id: UUID, seconds: float) -> Sample:
        origin_s = self._origin_s if lot_id == self._old else time.monotonic()
        found = decide(self._database, Turn(lot_id, self._lots.bidder_ids, 0.0, seconds, origin_s))
        if lot_id == self._old:
            self._bids += int(found["accepted"])
        return Sample(
            rate=found["decided"] / found["took_s"],
            server_cpu_us=found["cpu_s"] / found["decided"] * 1e6,
            more={"accepted_share": found["accepted"] / found["decided"]},
        )


def tell(rounds: Rounds) -> bool:
    """Print the lines; whether neither process starved."""
    rounds.tell("one_process", "bids/s", accepted_share=rounds.median("one_process", "accepted_share"))
    least = rounds.median("two_processes", "least_share")
    more = {name: rounds.median("two_processes", name) for name in ("accepted_share", "longest_ms")}
    rounds.tell("two_processes", "bids/s", against="one_process", wanted=0.8, least_share=least, wanted_share=STARVING, **more)
    rounds.tell("two_processes_own_lots", "bids/s", against="one_process")
    rounds.tell("late_bid", "bids/s")
    rounds.tell("first_bid", "bids/s", against="late_bid", at_most=1.2)
    return least >= STARVING
