"""Bids and the stream over HTTP: keys, malformed requests, back-pressure; a real server for what streams."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from auction.bidding.sequencer import Sequencer
from auction.closing.tasks import turn_due
from marketplace.core.db import Database
from tests.auctions import AuctionHouse
from tests.market import Market
from tests.people import Person, operator, organization


class Scene:
    """An open lot with one dealer registered."""

    def __init__(self, api: Market) -> None:
        self.api = api
        clerk = operator(api)
        self.house = AuctionHouse(api, clerk=clerk)
        self.dealers = [organization(api, "dealer", by=clerk) for _ in range(2)]
        self.lot_id = self.house.open_lot_for(self.dealers)
        self.path = f"/auction/v1/lots/{self.lot_id}/bids"

    def post(self, body: Any, *, person: Person | None = None, key: str | None = None) -> httpx.Response:
        headers = (person or self.dealers[0]).headers | ({"Idempotency-Key": key} if key else {})
        found: httpx.Response = self.api.post(self.path, json=body, headers=headers)
        return found


@pytest.fixture
def scene(quick_api: Market) -> Scene:
    return Scene(quick_api)


class TestPostBid:
    def test_answers_a_receipt_that_the_log_confirms(self, scene: Scene) -> None:
        answer = scene.post({"maximum_minor": 8_500_000})
        assert answer.status_code == 201
        receipt = answer.json()
        log = scene.api.get(f"/auction/v1/lots/{scene.lot_id}/log", params={"after_seq": 1}).json()
        assert [(entry["seq"], entry["hash"]) for entry in log] == [(receipt["seq"], receipt["hash"])]
        assert log[0]["entry"]["bidder"] == receipt["bidder"]

    def test_the_same_key_gets_the_same_bytes_refusals_too(self, scene: Scene) -> None:
        for body in ({"maximum_minor": 8_500_000}, {"maximum_minor": 1}):
            key = f"k{body['maximum_minor']}"
            first, again = scene.post(body, key=key), scene.post(body, key=key)
            assert (first.status_code, first.content) == (again.status_code, again.content)
        other = scene.post({"maximum_minor": 9_000_000}, key="k8500000")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    @pytest.mark.parametrize(
        "body",
        [{}, {"maximum_minor": 0}, {"maximum_minor": 1.5}, {"maximum_minor": "8500000"}, {"maximum_minor": 10**14},
         {"maximum_minor": 8_500_000, "lot_id": "x"}, {"maximum_minor": True}],
        ids=["nothing", "zero", "fraction", "text", "too much", "more", "boolean"],
    )  # fmt: skip
    def test_refuses_what_it_cannot_understand(self, scene: Scene, body: dict[str, Any]) -> None:
        answer = scene.post(body)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed")

    def test_wants_a_sign_in_and_a_lot(self, scene: Scene) -> None:
        assert scene.api.post(scene.path, json={"maximum_minor": 1}).status_code == 401
        path = f"/auction/v1/lots/{scene.house.owner.id}/bids"
        answer = scene.api.post(path, json={"maximum_minor": 1}, headers=scene.dealers[0].headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "lot_unknown")
        assert scene.post({"maximum_minor": 8_500_000}, person=scene.house.clerk).status_code == 403

    def test_an_accepted_bid_has_no_cancel(self, scene: Scene) -> None:
        """Rule 13 (拍卖法 36): it lapses exactly when it is outbid."""
        scene.post({"maximum_minor": 8_500_000})
        assert scene.api.delete(scene.path, headers=scene.dealers[0].headers).status_code == 405
        lower = scene.post({"maximum_minor": 8_400_000})
        assert (lower.status_code, lower.json()["code"]) == (409, "maximum_not_raised")
        assert lower.json()["rule"] == {"article": "拍卖法 第三十六条", "english": "Auction Law, art. 36"}

    def test_a_full_queue_says_when_to_come_again(self, scene: Scene) -> None:
        scene.api.app.state.sequencer = Sequencer(scene.api.database, queue_limit=0)
        answer = scene.post({"maximum_minor": 8_500_000})
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "bid_queue_full", "1")


class Served:
    """A market behind a real server."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self._server = uvicorn.Server(uvicorn.Config(api.app, port=0, log_config=None, access_log=False))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)


class TestStream:
    @pytest.fixture
    def served(self, sqlite: Database) -> Iterator[tuple[Served, Scene]]:
        api = Market(sqlite)
        with api:
            scene = Scene(api)
        served = Served(Market(sqlite))
        yield served, scene
        served.stop()

    def test_tells_bids_as_they_land_and_resumes_behind_the_last_id(self, served: tuple[Served, Scene]) -> None:
        server, scene = served
        with httpx.Client(base_url=server.url, timeout=20) as client:
            path = f"/auction/v1/lots/{scene.lot_id}/stream"
            with client.stream("GET", path) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                events = self.events(stream)
                assert next(events)["entry"]["kind"] == "opened"
                receipts = [
                    client.post(scene.path, json={"maximum_minor": 8_500_000 + 500_000 * step}, headers=dealer.headers).json()
                    for step, dealer in enumerate(scene.dealers)
                ]
                told = [next(events), next(events)]
                assert [(one["seq"], one["hash"]) for one in told] == [(one["seq"], one["hash"]) for one in receipts]
            with client.stream("GET", path, headers={"Last-Event-ID": "2"}) as stream:
                assert next(self.events(stream))["seq"] == 3

    @staticmethod
    def events(stream: httpx.Response) -> Iterator[dict[str, Any]]:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                yield orjson.loads(line.removeprefix("data: "))

    def test_a_lot_that_ends_is_told(self, served: tuple[Served, Scene]) -> None:
        server, scene = served
        path = f"{server.url}/auction/v1/lots/{scene.lot_id}/stream"
        with httpx.stream("GET", path, timeout=20) as stream:
            events = self.events(stream)
            assert next(events)["entry"]["kind"] == "opened"
            server.api.advance(timedelta(minutes=10))
            turn_due(server.api.database, publish=server.api.app.state.live.publish)
            assert next(events)["entry"]["kind"] == "closed"
