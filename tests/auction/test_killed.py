"""``kill -9`` in mid-load: every answered bid stands, the chain is whole, and a retried key gets the truth."""

import threading

import httpx
from sqlmodel import col, select

from auction.bidding import log
from auction.bidding.models import LogEntry
from auction.bidding.service import list_log
from benchmarks.bids import SECRET, Bids, Field, Server, prove
from benchmarks.load import load
from marketplace.core.db import Database
from marketplace.core.settings import Settings

CLIENTS = 32


def resend(server: Server, request: bytes) -> httpx.Response:
    """The same bytes once more, on a connection of its own."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    headers.pop("content-length")
    return httpx.post(f"http://127.0.0.1:{server.port}{first.split()[1]}", content=body, headers=headers)


class TestKilled:
    def test_nothing_answered_is_lost_and_nothing_counts_twice(self, postgres: Database) -> None:
        environment = {"HENANROAD_DATABASE_URL": postgres.url, "HENANROAD_SECRET_KEY": SECRET, "HENANROAD_DEMO": "0"}
        field = Field(postgres, Settings(secret_key=SECRET, database_url=postgres.url), many=1)
        lot_id = field.hot_lot()
        first = Server("market", environment).wait()
        killer = threading.Timer(1.5, first.kill)
        killer.start()
        run = load(port=first.port, clients=CLIENTS, seconds=20, source=Bids(field, [[lot_id]] * CLIENTS))
        killer.join()
        accepted = [answer for answer in run.answers if answer.status == 201]
        assert accepted
        assert len(run.unanswered) == CLIENTS
        prove(postgres, accepted)
        second = Server("market", environment).wait()
        try:
            statuses = [resend(second, request).status_code for request, _note in run.unanswered]
            again = [resend(second, request).status_code for request, _note in run.unanswered]
        finally:
            second.stop()
        assert statuses == again
        assert set(statuses) <= {201, 409}
        with postgres.reading() as session:
            assert log.find_break(list_log(session, lot_id=lot_id, after_seq=0, limit=1_000_000)) is None
            keys = session.exec(select(LogEntry.key).where(LogEntry.lot_id == lot_id, col(LogEntry.key).is_not(None))).all()
        assert len(keys) == len(set(keys)) == len(accepted) + statuses.count(201)
