"""The benchmark's own arithmetic, and that it refuses to measure what would not count."""

import os
from uuid import uuid4

import orjson
import pytest

from auction.bidding.service import list_log, place_bids
from benchmarks.bids import POSTGRES_VARIABLE, Unproven, main, prove
from benchmarks.lines import Rounds, Sample, percentile
from benchmarks.load import Answer
from marketplace.core.db import Database
from tests.auctions import YUAN, OpenLot, open_lot


class TestRounds:
    def test_a_ratio_is_the_median_of_each_rounds_pair(self, capsys: pytest.CaptureFixture[str]) -> None:
        rounds = Rounds()
        for one, other in ((10.0, 5.0), (100.0, 100.0), (9.0, 3.0)):
            rounds.add("one", Sample(one, server_cpu_us=7.0, client_share=0.7))
            rounds.add("other", Sample(other))
        rounds.tell("one", "1/s", against="other", wanted=1.5)
        line = orjson.loads(capsys.readouterr().out)
        assert line == {
            "name": "one", "value": 10.0, "unit": "1/s", "rounds": 3, "server_cpu_us": 7.0, "load_generator_core_share": 0.7,
            "against": "other", "ratio": 2.0, "wanted": 1.5,
        }  # fmt: skip

    def test_percentiles_are_nearest_rank(self) -> None:
        values = [float(value) for value in range(100)]
        assert (percentile(values, 0.5), percentile(values, 0.99), percentile([3.0], 0.99)) == (50.0, 99.0, 3.0)


class TestProve:
    """A counted bid is in the log at the price its answer said."""

    def answers(self, db: Database, lot: OpenLot) -> list[Answer]:
        bids = [lot.bid(number % 2, (10_000 + 500 * number) * YUAN) for number in range(4)]
        with db.writing() as session:
            placed = place_bids(session, bids).answers
        return [
            Answer(number % 2, (lot.id, bid.maximum_minor), answer.status, answer.body, 0.0)
            for number, (bid, answer) in enumerate(zip(bids, placed, strict=True))
        ]

    def test_accepts_what_is_true(self, sqlite: Database) -> None:
        prove(sqlite, self.answers(sqlite, open_lot(sqlite)))

    @pytest.mark.parametrize("change", [{"price_minor": 1}, {"seq": 9}, {"maximum_minor": 1}], ids=["price", "seq", "amount"])
    def test_finds_a_lie(self, sqlite: Database, change: dict[str, int]) -> None:
        answers = self.answers(sqlite, open_lot(sqlite))
        answers[-1].body = orjson.dumps(orjson.loads(answers[-1].body) | change)
        with pytest.raises(Unproven):
            prove(sqlite, answers)

    def test_finds_a_lot_that_has_no_such_log(self, sqlite: Database) -> None:
        lot = open_lot(sqlite)
        answers = self.answers(sqlite, lot)
        answers[0].note = (uuid4(), answers[0].note[1])  # type: ignore[index]  # what the source noted
        with pytest.raises(Unproven):
            prove(sqlite, answers[:1])
        with sqlite.reading() as session:
            assert len(list_log(session, lot_id=lot.id, after_seq=0, limit=10)) == 4


class TestMain:
    def test_without_a_server_it_measures_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(POSTGRES_VARIABLE, raising=False)
        assert main(["--quick"]) == 1

    def test_without_durable_commits_it_measures_nothing(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        if not os.environ.get(POSTGRES_VARIABLE):
            pytest.skip(f"{POSTGRES_VARIABLE} names no server")
        monkeypatch.setattr("benchmarks.bids.synchronous_commit", lambda _database: "off")
        assert main(["--quick"]) == 1
        assert "synchronous_commit" in capsys.readouterr().err
