"""Rate limits in the process and on Redis: counted by caller, told by headers, refused with Retry-After; Redis may go."""

import os
from collections.abc import Iterator
from typing import Annotated
from uuid import uuid4

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient

from marketplace.core import problem
from marketplace.core.errors import NotFound
from marketplace.core.limits import Limiter, RateLimit
from marketplace.core.settings import Settings

REDIS_VARIABLE = "HENANROAD_TEST_REDIS_URL"


class _Somebody:
    def __init__(self, name: str) -> None:
        self.id = name


def somebody(request: Request) -> None:
    if (name := request.headers.get("x-who")) is not None:
        request.state.principal = _Somebody(name)


@pytest.fixture(params=["process", "redis"])
def limits_url(request: pytest.FixtureRequest) -> str:
    if request.param == "process":
        return ""
    url = os.environ.get(REDIS_VARIABLE)
    if not url:
        pytest.skip(f"{REDIS_VARIABLE} names no server")
    return url


def market(settings: Settings) -> TestClient:
    app = FastAPI()
    app.state.limiter = Limiter(settings)
    problem.install(app)
    name = f"searches-{uuid4().hex}"

    @app.get("/search", dependencies=[Depends(somebody), Depends(RateLimit(name, setting="limit_searches"))])
    def search(missing: bool = False) -> str:
        if missing:
            raise NotFound
        return "ok"

    @app.get("/sign-up")
    def sign_up(
        _who: Annotated[None, Depends(somebody)],
        _limit: Annotated[None, Depends(RateLimit(f"sign-up-{name}", setting="limit_sign_ups", by="address"))],
    ) -> str:
        return "ok"

    return TestClient(app)


@pytest.fixture
def client(limits_url: str) -> Iterator[TestClient]:
    with market(Settings(limits_url=limits_url, limit_searches=3, limit_sign_ups=2)) as found:
        yield found


class TestRateLimit:
    def test_counts_down_and_refuses_with_retry_after(self, client: TestClient) -> None:
        answers = [client.get("/search") for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert [one.headers["ratelimit"].split(";")[1] for one in answers] == ["r=2", "r=1", "r=0", "r=0"]
        assert answers[0].headers["ratelimit-policy"].endswith(";q=3;w=60")
        assert answers[3].json()["code"] == "too_many_requests"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60

    def test_each_principal_has_a_window_of_its_own(self, client: TestClient) -> None:
        for _ in range(3):
            client.get("/search", headers={"x-who": "ann"})
        assert client.get("/search", headers={"x-who": "ann"}).status_code == 429
        assert client.get("/search", headers={"x-who": "bob"}).status_code == 200
        assert client.get("/search").status_code == 200  # the address

    def test_by_address_whoever_signs_in(self, client: TestClient) -> None:
        answers = [client.get("/sign-up", headers={"x-who": name}).status_code for name in "abc"]
        assert answers == [200, 200, 429]

    def test_a_refusal_of_the_handler_tells_the_standing_too(self, client: TestClient) -> None:
        answer = client.get("/search?missing=1")
        assert answer.status_code == 404
        assert ";r=2;" in answer.headers["ratelimit"]


def test_without_redis_each_process_counts_for_itself() -> None:
    settings = Settings(limits_url="redis://127.0.0.1:1/0", limit_searches=2, limits_timeout_ms=50)
    with market(settings) as client:
        assert [client.get("/search").status_code for _ in range(3)] == [200, 200, 429]


def test_two_processes_share_a_window_on_redis() -> None:
    url = os.environ.get(REDIS_VARIABLE)
    if not url:
        pytest.skip(f"{REDIS_VARIABLE} names no server")
    name = uuid4().hex
    limiters = [Limiter(Settings(limits_url=url)) for _ in range(2)]
    standings = [limiters[turn % 2].hit(name, caller="a", quota=3, window_s=60) for turn in range(4)]
    assert [one.allowed for one in standings] == [True, True, True, False]


def test_a_limit_names_a_setting() -> None:
    with pytest.raises(ValueError, match="no setting"):
        RateLimit("x", setting="limit_of_nothing")
