"""Feeds pulled from a pilot's server: a real one on loopback, well-behaved, slow, broken, huge or hostile; and what it costs the others."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from marketplace.core import http
from marketplace.core.outbox import use_database
from marketplace.core.outbox.lanes import Lane
from marketplace.core.settings import get_settings
from marketplace.parallel_import.tasks import sweep_sources
from tests.imports import verified_pilot
from tests.market import Market
from tests.parallel_import.feeds import BASE, car, document, get, rows_of, run_of, settle, signed, source
from tests.people import Person

Plan = Callable[[BaseHTTPRequestHandler], None]


def answer(body: bytes, status: int = 200, sent: dict[str, str] | None = None, **headers: str) -> Plan:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {**signed(body), **(sent or {}), **{key.replace("_", "-"): value for key, value in headers.items()}}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return write


class Server:
    """A pilot's server: ``plan`` answers the next requests, the last one for ever; ``seen`` are the headers that came."""

    def __init__(self) -> None:
        self.plan: list[Plan] = []
        self.seen: list[dict[str, str]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/feed.json?token=t0p"


@contextmanager
def serving(*plan: Plan) -> Iterator[Server]:
    server = Server()
    server.plan = list(plan)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            server.seen.append({name.lower(): value for name, value in self.headers.items()})
            (server.plan.pop(0) if len(server.plan) > 1 else server.plan[0])(self)

        def log_message(self, *_: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    listener = Listener(("127.0.0.1", 0), Handler)
    server.port = listener.server_port
    threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    with http.allow_in_test("127.0.0.1", server.port):
        yield server
    listener.shutdown()
    listener.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings(), "feed_pull_total_s", 2.0)
    monkeypatch.setattr(get_settings(), "http_read_timeout_s", 1.0)


def sweep(api: Market) -> None:
    with use_database(api.database):
        sweep_sources()
    settle(api)


def pulled(api: Market, pilot: Person, url: str, **changes: Any) -> dict[str, Any]:
    """A source after its first pull."""
    made = source(api, pilot, mode="pull", url=url, **changes)
    sweep(api)
    found: dict[str, Any] = get(api, pilot, f"/import-sources/{made['id']}")
    return found


def later(api: Market, minutes: int) -> None:
    api.advance(timedelta(minutes=minutes))
    sweep(api)


class TestPull:
    def test_pulled_on_its_schedule_and_asked_only_for_what_is_new(self, api: Market) -> None:
        pilot = verified_pilot(api)
        first, second = document(car(1)), document(car(1), car(2))
        unchanged = answer(b"", 304)
        with serving(answer(first, ETag='"one"'), unchanged, answer(second, ETag='"two"'), answer(second, ETag='"two"')) as server:
            found = pulled(api, pilot, server.url)
            assert (found["circuit"], found["problem_code"], found["last_run"]["state"]) == ("closed", None, "applied")
            assert found["last_run"]["rows_added"] == 1
            assert "if-none-match" not in server.seen[0]
            sweep(api)
            assert len(server.seen) == 1
            later(api, 16)
            assert server.seen[1]["if-none-match"] == '"one"'
            assert get(api, pilot, f"/import-sources/{found['id']}/runs")["items"][0]["id"] == found["last_run"]["id"]
            later(api, 16)
            run = run_of(api, pilot, found["id"])
            assert (run["rows_added"], run["rows_unchanged"], run["is_pulled"]) == (1, 1, True)
            later(api, 16)
            assert server.seen[3]["if-none-match"] == '"two"'
            assert run_of(api, pilot, found["id"])["id"] == run["id"]
        prices = [one["price_minor"] for one in api.get(f"{BASE}/feeds/parallel-import.json").json()["cars"]]
        assert prices == [79_900_000, 80_000_000]

    def test_what_was_held_back_is_looked_at_again_though_nothing_changed(self, api: Market) -> None:
        pilot = verified_pilot(api)
        stale = document(car(1, papers=[]))
        with serving(answer(stale, ETag='"one"')) as server:
            found = pulled(api, pilot, server.url)
            assert found["last_run"]["rows_held_back"] == 1
            [held] = get(api, pilot, "/imports")["items"]
            assert held["state"] == "arrived"
            for paper in car(1)["papers"]:
                assert api.post(f"{BASE}/imports/{held['id']}/papers", json=paper, headers=pilot.headers).status_code == 201
            later(api, 16)
            assert "if-none-match" not in server.seen[1]
            assert run_of(api, pilot, found["id"])["rows_changed"] == 1
            assert get(api, pilot, "/imports")["items"][0]["state"] == "on_sale"

    def test_a_pull_at_once(self, api: Market) -> None:
        pilot = verified_pilot(api)
        with serving(answer(document(car(1))), answer(document(car(1), car(2)))) as server:
            found = pulled(api, pilot, server.url)
            asked = api.post(f"{BASE}/import-sources/{found['id']}/pulls", headers=pilot.headers)
            assert asked.status_code == 202, asked.text
            assert run_of(api, pilot, found["id"])["rows_added"] == 1

    def test_a_packed_feed_signed_by_ed25519(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        content = gzip.compress(document(car(1)))
        with serving(answer(content, sent=signed(content, 7, secret=None))) as server:
            found = pulled(quick_api, pilot, server.url, signing="ed25519")
            assert (found["last_run"]["rows_added"], found["last_sequence"]) == (1, 7)

    def test_a_paused_source_is_left_alone(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        with serving(answer(document(car(1)))) as server:
            found = pulled(quick_api, pilot, server.url)
            paused = quick_api.patch(f"{BASE}/import-sources/{found['id']}", json={"state": "paused"}, headers=pilot.headers)
            assert paused.status_code == 200, paused.text
            later(quick_api, 120)
            assert len(server.seen) == 1
            refused = quick_api.post(f"{BASE}/import-sources/{found['id']}/pulls", headers=pilot.headers)
            assert (refused.status_code, refused.json()["code"]) == (409, "source_paused")


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def silent(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65_536)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"[")
    handler.connection.shutdown(socket.SHUT_RDWR)


def packed_in_transit(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(gzip.compress(b"[]"))


BILLION = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l "lol">'
    + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l;" * 10 if n == 1 else b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><feed><car><ref>&l9;</ref></car></feed>"
)

FAILURES: list[tuple[str, Plan, str]] = [
    ("it drips", drip, "too_slow"),
    ("it is silent", silent, "too_slow"),
    ("it hangs up", hang_up, "unreachable"),
    ("it cuts off", cut_off, "unreachable"),
    ("it never ends", endless, "too_large"),
    ("it is huge", answer(b"x" * 3_000_000), "too_large"),
    ("it packs in transit", packed_in_transit, "too_large"),
    ("it fails", answer(b"oops", 500), "status"),
    ("it wants a sign-in", answer(b"", 401), "status"),
    ("it sends to a private address", answer(b"", 302, Location="http://10.0.0.1/feed"), "address_refused"),
    ("it sends to the cloud's metadata", answer(b"", 302, Location="http://169.254.169.254/latest"), "address_refused"),
    ("it sends to a file", answer(b"", 302, Location="file:///etc/passwd"), "address_refused"),
    ("it sends round and round", answer(b"", 302, Location="/again"), "unreachable"),
    ("it is not signed", answer(b"[]", Feed_Signature=""), "signature_wrong"),
    ("it is signed for something else", answer(b"[]", Feed_Signature="AAAA"), "signature_wrong"),
    ("its gzip is a bomb", answer(gzip.compress(b"\0" * 100_000_000)), "feed_too_large"),
]


class TestHostile:
    @pytest.mark.parametrize(("plan", "code"), [one[1:] for one in FAILURES], ids=[one[0] for one in FAILURES])
    def test_what_fails_is_told_counted_and_changes_nothing(
        self, quick_api: Market, monkeypatch: pytest.MonkeyPatch, plan: Plan, code: str
    ) -> None:
        monkeypatch.setattr(get_settings(), "feed_file_limit_bytes", 2_000_000)
        pilot = verified_pilot(quick_api)
        with serving(plan) as server:
            began = time.monotonic()
            found = pulled(quick_api, pilot, server.url)
            assert time.monotonic() - began < 8
        assert (found["problem_code"], found["failures"], found["last_run"]) == (code, 1, None)
        assert found["problem"]
        assert "t0p" not in found["problem"]
        assert get(quick_api, pilot, "/imports")["items"] == []

    @pytest.mark.parametrize(
        ("form", "content"),
        [("xml", BILLION), ("json", b"<html>404</html>"), ("xml", b"<feed>" + b"<a>" * 9), ("csv", b"\xff\xfe"), ("json", b"[" * 99_999)],
    )
    def test_a_feed_that_cannot_be_read_is_a_refused_run_and_a_failure(self, quick_api: Market, form: str, content: bytes) -> None:
        pilot = verified_pilot(quick_api)
        with serving(answer(content, ETag='"x"')) as server:
            found = pulled(quick_api, pilot, server.url, form=form)
            assert (found["last_run"]["state"], found["last_run"]["problem_code"]) == ("refused", "feed_unreadable")
            assert (found["failures"], found["problem_code"]) == (1, "feed_unreadable")
            later(quick_api, 31)
            assert "if-none-match" not in server.seen[-1]
            assert get(quick_api, pilot, f"/import-sources/{found['id']}")["failures"] == 2

    def test_a_private_address_is_refused_when_it_is_set_up(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        body = {"name": "x", "mode": "pull", "form": "json", "signing": "hmac_sha256", "secret": "x" * 20}
        for url in ("http://127.0.0.1:1/", "http://10.1.2.3/x", "ftp://example.com/x", "http://[::1]/", "http://user:pw@example.com/x"):
            refused = quick_api.post(f"{BASE}/import-sources", json=body | {"url": url}, headers=pilot.headers)
            assert (refused.status_code, refused.json()["code"]) == (422, "url_refused"), url
        assert get(quick_api, pilot, "/import-sources") == []


class TestRest:
    def test_failures_double_the_rest_and_open_the_circuit_and_one_success_closes_it(self, api: Market) -> None:
        pilot = verified_pilot(api)
        broken = answer(b"", 503)
        with serving(*[broken] * 5, answer(document(car(1)))) as server:
            found = pulled(api, pilot, server.url, every_s=900)
            rests = []
            for failures in range(1, 5):
                rests.append(_rest_minutes(found))
                assert found["failures"] == failures
                later(api, rests[-1] - 1)
                assert len(server.seen) == failures
                later(api, 2)
                found = get(api, pilot, f"/import-sources/{found['id']}")
            assert rests == [30, 60, 120, 240]
            assert (found["failures"], found["circuit"]) == (5, "open")
            refused = api.post(f"{BASE}/import-sources/{found['id']}/pulls", headers=pilot.headers)
            assert (refused.status_code, refused.json()["code"]) == (503, "circuit_open")
            assert int(refused.headers["retry-after"]) > 3_600
            later(api, 8 * 60 + 1)
            found = get(api, pilot, f"/import-sources/{found['id']}")
            assert (found["failures"], found["circuit"], found["problem_code"]) == (0, "closed", None)
            assert found["last_run"]["rows_added"] == 1
            assert _rest_minutes(found) == 15

    def test_another_address_starts_anew(self, quick_api: Market) -> None:
        pilot = verified_pilot(quick_api)
        with serving(answer(b"", 500)) as bad, serving(answer(document(car(1)))) as good:
            found = pulled(quick_api, pilot, bad.url)
            changed = quick_api.patch(f"{BASE}/import-sources/{found['id']}", json={"url": good.url}, headers=pilot.headers)
            assert changed.json()["failures"] == 0
            sweep(quick_api)
            assert run_of(quick_api, pilot, found["id"])["rows_added"] == 1


def _rest_minutes(found: dict[str, Any]) -> int:
    asked, due = (datetime.fromisoformat(found[name]) for name in ("last_checked_at", "next_pull_at"))
    return round((due - asked).total_seconds() / 60)


class TestNobodyElse:
    def test_while_one_pilot_answers_slowly_another_is_served_and_jobs_go_on(self, quick_api: Market) -> None:
        slow, quick = verified_pilot(quick_api), verified_pilot(quick_api)
        with serving(drip) as bad, serving(answer(document(car(1)))) as good:
            source(quick_api, slow, mode="pull", url=bad.url)
            source(quick_api, slow, mode="pull", url=bad.url)
            made = source(quick_api, quick, mode="pull", url=good.url)
            with use_database(quick_api.database):
                sweep_sources()
            began = time.monotonic()
            quick_api.relay()
            assert time.monotonic() - began < 0.7  # the relay only hands the pulls over
            assert quick_api.get(f"{BASE}/feeds/stock.json").status_code == 200
            while not get(quick_api, quick, f"/import-sources/{made['id']}")["last_run"]:
                assert time.monotonic() - began < 1.8  # before the slow ones' time is over
                quick_api.relay()
                time.sleep(0.02)
            run = run_of(quick_api, quick, made["id"])
            assert run["rows_added"] == 1
            assert rows_of(quick_api, quick, run)[0]["outcome"] == "added"
            settle(quick_api)
            assert [one["problem_code"] for one in get(quick_api, slow, "/import-sources")] == ["too_slow", "too_slow"]

    def test_a_lane_outlives_a_job_that_raises(self) -> None:
        lane, done = Lane("test"), []

        def fail() -> None:
            raise RuntimeError

        lane.submit(fail, width=1)
        lane.submit(lambda: done.append(1), width=1)
        assert lane.wait_idle(within_s=5)
        assert done == [1]
