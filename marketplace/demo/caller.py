"""How the story speaks to the market: HTTP as anybody would, one ``Caller`` a person."""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from marketplace.demo.narrator import BrokenPromise

T = TypeVar("T")
Body = dict[str, Any]


class Caller:
    """A person or machine with its own credential. Every mutating call carries an idempotency key."""

    def __init__(self, client: httpx.Client, *, name: str, token: str | None = None, acting_for: str | None = None) -> None:
        self._client = client
        self.name = name
        self.token = token
        self.acting_for = acting_for

    def with_token(self, token: str, acting_for: str | None = None) -> "Caller":
        return Caller(self._client, name=self.name, token=token, acting_for=acting_for)

    def get(self, path: str, **params: Any) -> Any:
        return self._expect(self._send("GET", path, params=params), 200)

    def post(self, path: str, body: Any = None, *, status: int = 201, **options: Any) -> Any:
        return self._expect(self._send("POST", path, json=body, **options), status)

    def put(self, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        return self._expect(self._send("PUT", path, json=body, **options), status)

    def patch(self, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        return self._expect(self._send("PATCH", path, json=body, **options), status)

    def refused(self, method: str, path: str, body: Any = None, *, status: int, code: str, **options: Any) -> Body:
        """A call that must be refused; the problem document."""
        response = self._send(method, path, json=body, **options)
        problem: Body = response.json()
        if response.status_code != status or problem.get("code") != code:
            raise BrokenPromise(f"{method} {path} should be refused {status} {code}, got {response.status_code} {response.text[:400]}")
        return problem

    def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._send(method, path, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.acting_for is not None:
            headers["Acting-For"] = self.acting_for
        if method != "GET":
            headers.setdefault("Idempotency-Key", str(uuid4()))
        if options.get("json") is None:
            options.pop("json", None)
        return self._client.request(method, path, headers=headers, **options)

    @staticmethod
    def _expect(response: httpx.Response, status: int) -> Any:
        if response.status_code != status:
            request = response.request
            raise BrokenPromise(f"{request.method} {request.url.path} answered {response.status_code}, not {status}: {response.text[:600]}")
        return response.json() if response.content else None


def wait_until(what: str, ask: Callable[[], T | None], *, within_s: float) -> tuple[T, float]:
    """Ask again and again until there is an answer; the answer and the seconds it took. Raises ``BrokenPromise`` when it is late."""
    started = time.monotonic()
    while True:
        found = ask()
        elapsed_s = time.monotonic() - started
        if found is not None and found is not False:
            return found, elapsed_s
        if elapsed_s > within_s:
            raise BrokenPromise(f"{what} did not come within {within_s:g} s")
        time.sleep(0.05)
