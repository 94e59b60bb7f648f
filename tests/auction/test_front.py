"""The bid's fast front answers what the ordinary route answers. A query, which the front leaves alone, asks the route itself."""

from typing import Any

import httpx
import pytest

from auction.bidding.front import BidFront
from auction.bidding.sequencer import CommitUnknown, Sequencer
from marketplace.core.telemetry import _series
from tests.auction.test_http import Scene
from tests.market import Market

PLAIN = b'{"maximum_minor":8500000}'
NOT_PLAIN: list[tuple[bytes, dict[str, str]]] = [
    (b'{"maximum_minor":0}', {}), (b'{"maximum_minor":8500000.0}', {}), (b'{"maximum_minor":"8500000"}', {}), (b"[]", {}),
    (b"", {}),
    (b'{"maximum_minor":08500000}', {}), (b'{"maximum_minor":10000000000001}', {}), (b'{"maximum_minor":85000000000000000}', {}),
    (b'{"maximum_minor":8500000,"maximum_minor":1}', {}), (b'{"maximum_minor":8500000} x', {}), (b'{"maximum_minor":\x00}', {}),
    (b'{"maximum_minor":8500000' + b" " * 300 + b",}", {}), ('{"maximum_minor":８５０００００}'.encode(), {}),
    (PLAIN, {"Content-Type": "text/plain"}), (PLAIN, {"Content-Type": "application/jsonx"}),
    (PLAIN, {"Idempotency-Key": ""}), (PLAIN, {"Idempotency-Key": "k" * 1_000}),
    (PLAIN, {"Authorization": "Bearer nonsense"}), (PLAIN, {"Authorization": "Basic eA=="}),
    (PLAIN, {"Authorization": "Bearer hr_live_nothing"}), (PLAIN, {"Authorization": ""}),
    (PLAIN, {"Acting-For": "nobody"}),
]  # fmt: skip
TEMPLATE = "/auction/v1/lots/{lot_id}/bids"


@pytest.fixture
def scene(quick_api: Market) -> Scene:
    return Scene(quick_api)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The amounts of bids that the front took."""
    amounts: list[int] = []
    ordinary = BidFront._answer

    async def counting(self: BidFront, command: Any, *rest: Any) -> None:
        amounts.append(command.maximum_minor)
        await ordinary(self, command, *rest)

    monkeypatch.setattr(BidFront, "_answer", counting)
    return amounts


def send(scene: Scene, content: bytes, headers: dict[str, str], *, by_route: bool) -> httpx.Response:
    found: httpx.Response = scene.api.post(scene.path + ("?by=route" if by_route else ""), content=content, headers=headers)
    return found


def plain(scene: Scene, **more: str) -> dict[str, str]:
    return scene.dealers[0].headers | {"Content-Type": "application/json"} | more


class TestTheFront:
    def test_takes_a_plain_bid_and_the_same_key_gets_the_same_bytes_from_the_route(self, scene: Scene, taken: list[int]) -> None:
        for content, status in (
            (b'{"maximum_minor":8500000}', 201),
            (b' {\n"maximum_minor" : 8500000 }\t', 409),
            (b'{"maximum_minor":7}', 409),
        ):
            headers = plain(scene, **{"Idempotency-Key": f"key-{len(taken)}"})
            quick, ordinary = (send(scene, content, headers, by_route=by_route) for by_route in (False, True))
            assert quick.status_code == status
            assert (quick.status_code, quick.content) == (ordinary.status_code, ordinary.content)
            same = ("content-type", "content-length")
            assert [quick.headers[name] for name in same] == [ordinary.headers[name] for name in same]
            assert quick.headers.keys() == ordinary.headers.keys()
        assert taken == [8_500_000, 8_500_000, 7]

    def test_leaves_to_the_route_what_is_not_plain(self, scene: Scene, taken: list[int]) -> None:
        for content, change in NOT_PLAIN:
            headers = plain(scene) | {"X-Request-Id": "the-same-request"} | change
            quick, ordinary = (send(scene, content, headers, by_route=by_route) for by_route in (False, True))
            assert 400 <= quick.status_code < 500, (content, change)
            assert (quick.status_code, quick.content, quick.headers) == (ordinary.status_code, ordinary.content, ordinary.headers)
            assert taken == [], (content, change)
        assert scene.api.get(f"/auction/v1/lots/{scene.lot_id}/log", params={"after_seq": 1}).json() == []

    def test_leaves_those_who_may_not_bid_to_the_route(self, scene: Scene, taken: list[int]) -> None:
        headers = scene.house.clerk.headers | {"Content-Type": "application/json", "X-Request-Id": "the-same-request"}
        quick, ordinary = (send(scene, PLAIN, headers, by_route=by_route) for by_route in (False, True))
        assert (quick.status_code, quick.json()["code"], taken) == (403, "capability_missing", [])
        assert quick.content == ordinary.content

    def test_tells_a_full_queue_and_an_unknown_commit_as_the_route_does(
        self, scene: Scene, taken: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def unknown(self: Sequencer, command: Any) -> None:
            raise CommitUnknown(retry_after_s=1)

        monkeypatch.setattr(Sequencer, "submit", unknown)
        headers = plain(scene, **{"X-Request-Id": "the-same-request"})
        quick, ordinary = (send(scene, PLAIN, headers, by_route=by_route) for by_route in (False, True))
        assert (quick.status_code, quick.json()["code"], quick.headers["Retry-After"]) == (503, "commit_unknown", "1")
        assert (quick.content, quick.headers) == (ordinary.content, ordinary.headers)
        assert taken == [8_500_000]

    def test_a_failure_of_ours_is_told_as_the_route_tells_it(self, scene: Scene, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        async def broken(self: Sequencer, command: Any) -> None:
            raise RuntimeError("nobody must read this")

        monkeypatch.setattr(Sequencer, "submit", broken)
        headers = plain(scene, **{"X-Request-Id": "the-same-request"})
        quick, ordinary = (send(scene, PLAIN, headers, by_route=by_route) for by_route in (False, True))
        assert (quick.status_code, quick.json()["code"]) == (500, "internal_error")
        assert (quick.content, quick.headers) == (ordinary.content, ordinary.headers)
        assert taken == [8_500_000]

    def test_counts_in_the_same_series_as_the_route(self, scene: Scene, taken: list[int]) -> None:
        before = _series.answers.get(("POST", TEMPLATE, 201), 0)
        send(scene, PLAIN, plain(scene), by_route=False)
        send(scene, b'{"maximum_minor":9500000}', plain(scene), by_route=True)
        assert _series.answers["POST", TEMPLATE, 201] == before + 2
        assert taken == [8_500_000]
