"""A process that decides bids at service level, without a web front: ``python -m benchmarks.decider URL``.

It reads one JSON line a turn (lot, bidders, seconds, when to start) and answers one. Amounts follow the clock both processes share, so a
batch that waited for the other's is still above it.
"""

import itertools
import sys
import time
from dataclasses import dataclass
from uuid import UUID

import orjson

from auction.bidding.domain import BidCommand
from auction.bidding.service import place_bids
from marketplace.core.db import Database
from marketplace.registry import load_models

BATCH = 256
STEP_MINOR = 50_000
START_MINOR = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Turn:
    """``origin_s`` (CLOCK_MONOTONIC, shared by processes) is when the amounts begin; ``batches`` bounds a turn without a time."""

    lot_id: UUID
    bidder_ids: list[UUID]
    starts_at_s: float
    seconds: float
    origin_s: float

    @classmethod
    def read(cls, line: bytes) -> "Turn":
        told = orjson.loads(line)
        bidders = [UUID(one) for one in told["bidder_ids"]]
        return cls(UUID(told["lot_id"]), bidders, told["starts_at_s"], told["seconds"], told["origin_s"])


def batch(turn: Turn, *, now_s: float) -> list[BidCommand]:
    """One microsecond, one step: amounts rise from bid to bid and from batch to batch, whoever places them."""
    first = int((now_s - turn.origin_s) * 1e6)
    bidders = itertools.islice(itertools.cycle(turn.bidder_ids), BATCH)
    return [
        BidCommand(turn.lot_id, party_id, party_id, START_MINOR + (first + number) * STEP_MINOR, None)
        for number, party_id in enumerate(bidders)
    ]


def decide(database: Database, turn: Turn) -> dict[str, float]:
    """Batch after batch until the time is over: how many were decided, how many accepted, the longest wait for one batch."""
    time.sleep(max(0.0, turn.starts_at_s - time.monotonic()))
    started_s, cpu_s = time.monotonic(), time.process_time()
    decided = accepted = 0
    longest_s = 0.0
    now_s = started_s
    while now_s - started_s < turn.seconds:
        with database.writing() as session:
            answers = place_bids(session, batch(turn, now_s=now_s)).answers
        decided += len(answers)
        accepted += sum(answer.status == 201 for answer in answers)
        before_s, now_s = now_s, time.monotonic()
        longest_s = max(longest_s, now_s - before_s)
    took_s = now_s - started_s
    return {"decided": decided, "accepted": accepted, "took_s": took_s, "cpu_s": time.process_time() - cpu_s, "longest_s": longest_s}


def main(url: str) -> None:
    load_models()
    database = Database(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin.buffer:
        sys.stdout.write(orjson.dumps(decide(database, Turn.read(line))).decode() + "\n")
        sys.stdout.flush()
    database.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
