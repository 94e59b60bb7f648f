"""The feed's cursor under many writers: whoever follows it ends with what the whole feed says."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

from marketplace.core.db import Database
from marketplace.core.settings import get_settings
from marketplace.feeds.domain import FeedName
from marketplace.feeds.service import rendering
from marketplace.parallel_import import queries
from marketplace.parallel_import.service import feed
from tests.imports import publish_import, verified_pilot
from tests.market import Market

FEED = FeedName.PARALLEL_IMPORT
CARS = 4
CHANGES = 15


def follow(database: Database, done: Event) -> dict[str, str]:
    """A reader that only ever asks what is new."""
    seen: dict[str, str] = {}
    since = 0
    while True:
        last_round = done.is_set()
        with database.reading() as session:
            rendering.one_snapshot(session)
            page = rendering.read_page(session, feed=FEED, since=since, limit=2, settings=get_settings())
            cars = list(rendering.documents(session, feed=FEED, page=page, removed=False))
            removed = list(rendering.documents(session, feed=FEED, page=page, removed=True))
        seen |= {car["id"]: car["differences"] for car in cars}
        for gone in removed:
            seen.pop(gone["id"], None)
        assert page.cursor >= since
        since = page.cursor
        if last_round and not page.has_more:
            return seen


class TestCursor:
    def test_never_skips_a_change(self, postgres: Database) -> None:
        with Market(postgres) as api:
            pilot = verified_pilot(api)
            cars = [publish_import(api, pilot) for _ in range(CARS)]
            api.relay()
            done = Event()

            def change(car: dict[str, str]) -> None:
                for turn in range(CHANGES):
                    with postgres.writing() as session:
                        row = queries.lock_car(session, UUID(car["id"]))
                        row.differences = f"第{turn}次"
                        session.add(row)
                        session.flush()
                        feed.refresh(session, vehicle_id=row.vehicle_id, published_no=0)

            with ThreadPoolExecutor(CARS + 2) as pool:
                readers = [pool.submit(follow, postgres, done) for _ in range(2)]
                list(pool.map(change, cars))
                done.set()
                seen = [reader.result() for reader in readers]
            with postgres.reading() as session:
                page = rendering.read_page(session, feed=FEED, since=None, limit=100, settings=get_settings())
                whole = list(rendering.documents(session, feed=FEED, page=page, removed=False))
            expected = {car["id"]: f"第{CHANGES - 1}次" for car in cars}
            assert {car["id"]: car["differences"] for car in whole} == expected
            assert seen == [expected, expected]
