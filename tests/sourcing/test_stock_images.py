"""Pictures that stock files name, fetched from a real server on loopback: good, absent, slow to come, hostile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from marketplace.core import http
from marketplace.core.settings import Settings
from marketplace.sourcing.service import images
from tests.market import Market
from tests.people import Person
from tests.stock import BASE, HEADER, dealer, stock_of, stock_row, upload_stock


def jpeg(colour: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG")
    return out.getvalue()


@contextmanager
def serving(answers: dict[str, list[tuple[int, bytes]]], *, allowed: bool = True) -> Iterator[int]:
    """Each path's answers in turn, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            waiting = answers[self.path]
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        if allowed:
            with http.allow_in_test("127.0.0.1", server.server_port):
                yield server.server_port
        else:
            yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def imported(api: Market, *urls: str) -> tuple[Person, dict[str, Any]]:
    seller = dealer(api)
    row = stock_row(1)
    lines = [",".join([*HEADER, "图片"]), ",".join([*(row[name] for name in HEADER), "|".join(urls)])]
    made = upload_stock(api, seller, "\n".join(lines).encode()).json()
    assert (made["state"], made["rows_added"]) == ("applied", 1), made
    return seller, made


def fetch(api: Market, **settings: Any) -> int:
    return images.fetch_due(api.database, api.app.state.files, settings=Settings(**settings))


def states(api: Market, seller: Person, made: dict[str, Any]) -> list[tuple[str, int, str | None]]:
    found = api.get(f"{BASE}/stock-imports/{made['id']}/images", headers=seller.headers).json()["items"]
    return [(one["state"], one["attempts"], one["problem"]) for one in sorted(found, key=lambda one: one["position"])]


def photos(api: Market, seller: Person) -> list[dict[str, Any]]:
    [car] = stock_of(api, seller)
    found: list[dict[str, Any]] = api.get(f"{BASE}/vehicles/{car['vehicle_id']}", headers=seller.headers).json()["photos"]
    return found


def test_they_are_fetched_later_encoded_anew_and_each_only_once(api: Market) -> None:
    with serving({"/1.jpg": [(200, jpeg("red"))], "/2.jpg": [(200, jpeg("blue"))]}) as port:
        seller, made = imported(api, f"http://127.0.0.1:{port}/1.jpg", f"http://127.0.0.1:{port}/2.jpg")
        assert states(api, seller, made) == [("waiting", 0, None)] * 2
        assert photos(api, seller) == []
        assert fetch(api) == 2
        assert states(api, seller, made) == [("fetched", 1, None)] * 2
        assert len(photos(api, seller)) == 2
        assert fetch(api) == 0


def test_a_server_that_fails_is_asked_again_later_and_given_up_in_the_end(api: Market) -> None:
    with serving({"/1.jpg": [(503, b""), (200, jpeg("red"))], "/2.jpg": [(500, b"")], "/3.jpg": [(404, b"")]}) as port:
        seller, made = imported(api, *(f"http://127.0.0.1:{port}/{n}.jpg" for n in (1, 2, 3)))
        fetch(api, stock_image_attempts=2)
        assert states(api, seller, made) == [("waiting", 1, "http_503"), ("waiting", 1, "http_500"), ("failed", 1, "http_404")]
        assert fetch(api, stock_image_attempts=2) == 0  # not at once
        api.advance(timedelta(minutes=3))
        seller.sign_in(api)
        assert fetch(api, stock_image_attempts=2) == 2
        assert states(api, seller, made) == [("fetched", 2, None), ("failed", 2, "http_500"), ("failed", 1, "http_404")]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, b"no picture"), "photo_not_usable"),
        ((200, b"\xff\xd8" + b"x" * 70_000), "too_large"),
        ((302, b"http://169.254.169.254/"), "url_refused"),
    ],
)
def test_what_is_no_picture_too_large_or_leads_inside_is_refused_for_good(
    quick_api: Market, answer: tuple[int, bytes], problem: str
) -> None:
    with serving({"/1.jpg": [answer]}) as port:
        seller, made = imported(quick_api, f"http://127.0.0.1:{port}/1.jpg")
        fetch(quick_api, stock_image_limit_bytes=60_000)
        assert states(quick_api, seller, made) == [("failed", 1, problem)]
        assert photos(quick_api, seller) == []


def test_private_addresses_are_never_called(quick_api: Market) -> None:
    with serving({"/1.jpg": [(200, jpeg("red"))]}, allowed=False) as port:
        seller, made = imported(quick_api, f"http://127.0.0.1:{port}/1.jpg", "http://10.0.0.1/x.jpg", "http://[::1]/y.jpg")
        fetch(quick_api)
        assert states(quick_api, seller, made) == [("failed", 1, "url_refused")] * 3


def test_what_is_no_address_is_named_and_the_car_comes_in(quick_api: Market) -> None:
    seller, made = imported(quick_api, "ftp://x/y.jpg", "javascript:alert(1)")
    assert made["rows_warned"] == 1
    rows = quick_api.get(f"{BASE}/stock-imports/{made['id']}/rows", headers=seller.headers).json()["items"]
    assert [finding["code"] for finding in rows[0]["findings"]] == ["images_ignored"]
    assert states(quick_api, seller, made) == []
