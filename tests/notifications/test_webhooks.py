"""Webhooks to a real listener: signed, thin, filtered, tried again, given up, read again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import orjson
import pytest

from marketplace.core import http, outbox
from marketplace.core.settings import get_settings
from marketplace.notifications.domain import RETRY_AFTER_S, sign
from marketplace.notifications.tasks import SENDING, forget_messages, send_letters
from tests.auctions import AuctionHouse
from tests.market import Market
from tests.people import Person, operator, organization, sign_up


@dataclass
class Listening:
    """A machine that takes webhooks; ``status`` is what it answers."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        return [str(orjson.loads(body)["type"]).removeprefix("auction.") for _, body in self.heard]


@contextmanager
def listening() -> Iterator[Listening]:
    found = Listening()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            body = self.rfile.read(int(self.headers["content-length"]))
            found.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/hooks?token=abc"
    try:
        with http.allow_in_test("127.0.0.1", server.server_port):
            yield found
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def machine() -> Iterator[Listening]:
    with listening() as found:
        yield found


@pytest.fixture
def house(api: Market) -> AuctionHouse:
    return AuctionHouse(api, clerk=operator(api))


@pytest.fixture
def dealer(api: Market, house: AuctionHouse) -> Person:
    return organization(api, "dealer", by=house.clerk)


def register(api: Market, person: Person, url: str, *, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = api.post("/marketplace/v1/webhook-endpoints", json={"url": url, **more}, headers=person.headers)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def send(api: Market) -> None:
    api.relay()
    with outbox.use_database(api.database):
        send_letters()
    assert SENDING.wait_idle(within_s=60)


def announce(house: AuctionHouse) -> None:
    """A session's notice."""
    session_id = house.session()
    house.lot(session_id, sign_up(house.api, "卖车人"))
    house.publish(session_id)


def letters(api: Market, person: Person, endpoint: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    answer = api.get(f"/marketplace/v1/webhook-endpoints/{endpoint['id']}/letters", params=query, headers=person.headers)
    return list(answer.json()["items"])


class TestDelivery:
    def test_a_lots_life_is_told_signed_and_thin(self, api: Market, house: AuctionHouse, dealer: Person, machine: Listening) -> None:
        endpoint = register(api, dealer, machine.url)
        assert (endpoint["host"], endpoint["secret"][:6]) == ("127.0.0.1", "whsec_")
        lot_id = house.open_lot_for([dealer])
        house.bid(dealer, lot_id, 8_500_000)
        house.turn(timedelta(minutes=10))
        send(api)
        assert [one for one in machine.kinds if one.startswith("lot")] == ["lot_announced", "lot_opened", "lot_moved", "lot_closed"]
        assert [one for one in machine.kinds if one.startswith("session")] == ["session_announced", "session_closed"]
        headers, body = machine.heard[machine.kinds.index("lot_closed")]
        told = orjson.loads(body)
        assert told["data"] == {"lot_id": lot_id, "session_id": told["data"]["session_id"], "result": "sold"}
        assert not [part for part in (b"price", b"winner", b"bidder") if part in body]
        signed = sign(endpoint["secret"], message_id=headers["webhook-id"], timestamp_s=int(headers["webhook-timestamp"]), body=body)
        assert headers["webhook-signature"] == signed
        assert [one["state"] for one in letters(api, dealer, endpoint)] == ["done"] * 6
        send(api)
        assert len(machine.heard) == 6
        read = api.get("/marketplace/v1/webhook-messages", params={"subject": lot_id}, headers=dealer.headers).json()
        assert [one["body"]["type"] for one in read["items"]] == [
            "auction.lot_announced", "auction.lot_opened", "auction.lot_moved", "auction.lot_closed",
        ]  # fmt: skip
        numbers = [one["number"] for one in read["items"]]
        assert numbers == sorted(numbers)
        behind = api.get("/marketplace/v1/webhook-messages", params={"after": numbers[-1], "subject": lot_id}, headers=dealer.headers)
        assert behind.json() == {"items": [], "last": numbers[-1]}

    def test_filters_by_kind_and_subject(self, api: Market, house: AuctionHouse, dealer: Person, machine: Listening) -> None:
        first = house.open_lot_for([dealer])
        register(api, dealer, machine.url, kinds=["auction.lot_moved", "auction.lot_closed"], subjects=[first])
        house.bid(dealer, first, 8_500_000)
        house.bid(dealer, house.open_lot_for([dealer]), 8_500_000)
        house.turn(timedelta(minutes=10))
        send(api)
        assert machine.kinds == ["lot_moved", "lot_closed"]
        assert {orjson.loads(body)["data"]["lot_id"] for _, body in machine.heard} == {first}

    def test_of_a_lots_moves_that_wait_the_newest_is_sent(
        self, api: Market, house: AuctionHouse, dealer: Person, machine: Listening
    ) -> None:
        endpoint = register(api, dealer, machine.url, kinds=["auction.lot_moved"])
        lot_id = house.open_lot_for([dealer])
        for amount in (8_500_000, 8_600_000, 8_700_000):
            house.bid(dealer, lot_id, amount)
            api.relay()
        send(api)
        assert [orjson.loads(body)["data"]["to_seq"] for _, body in machine.heard] == [4]
        assert [one["state"] for one in letters(api, dealer, endpoint)] == ["done", "superseded", "superseded"]


class TestFailures:
    def test_tries_again_with_growing_waits_then_gives_up_and_is_sent_by_hand(
        self, api: Market, house: AuctionHouse, dealer: Person, machine: Listening
    ) -> None:
        machine.status = 500
        endpoint = register(api, dealer, machine.url, kinds=["auction.session_announced"])
        announce(house)
        send(api)
        for wait in RETRY_AFTER_S:
            (letter,) = letters(api, dealer.sign_in(api), endpoint)
            assert (letter["state"], letter["last_failure"], letter["last_status"]) == ("open", "http_500", 500)
            send(api)
            assert letters(api, dealer, endpoint)[0]["attempts"] == letter["attempts"]  # not before its time
            api.advance(timedelta(seconds=wait))
            dealer.sign_in(api)
            send(api)
        (letter,) = letters(api, dealer, endpoint, state="dead")
        assert (letter["attempts"], len(machine.heard)) == (8, 8)
        assert len({headers["webhook-id"] for headers, _ in machine.heard}) == 1
        machine.status = 200
        path = f"/marketplace/v1/webhook-letters/{letter['id']}/attempts"
        assert api.post(path, json={}, headers=dealer.headers).status_code == 201
        assert api.post(path, json={}, headers=dealer.headers).json()["code"] == "letter_not_dead"
        send(api)
        assert letters(api, dealer, endpoint)[0]["state"] == "done"

    def test_gone_switches_the_endpoint_off(self, api: Market, house: AuctionHouse, dealer: Person, machine: Listening) -> None:
        machine.status = 410
        endpoint = register(api, dealer, machine.url)
        announce(house)
        send(api)
        (shown,) = api.get("/marketplace/v1/webhook-endpoints", headers=dealer.headers).json()
        assert (shown["state"], shown["reason"], shown["secret"]) == ("disabled", "gone", None)
        assert {one["state"] for one in letters(api, dealer, endpoint)} == {"dead"}
        again = api.put(f"/marketplace/v1/webhook-endpoints/{endpoint['id']}/state", json={"state": "active"}, headers=dealer.headers)
        assert (again.json()["state"], again.json()["reason"]) == ("active", None)

    def test_a_rotated_secret_signs_beside_the_former_for_a_day(
        self, api: Market, house: AuctionHouse, dealer: Person, machine: Listening
    ) -> None:
        endpoint = register(api, dealer, machine.url, kinds=["auction.session_announced"])
        path = f"/marketplace/v1/webhook-endpoints/{endpoint['id']}/rotation"
        fresh = api.post(path, json={}, headers=dealer.headers).json()["secret"]
        assert fresh != endpoint["secret"]
        announce(house)
        send(api)
        headers, body = machine.heard[-1]
        stamp = int(headers["webhook-timestamp"])
        both = [sign(secret, message_id=headers["webhook-id"], timestamp_s=stamp, body=body) for secret in (fresh, endpoint["secret"])]
        assert headers["webhook-signature"].split() == both
        api.advance(timedelta(hours=24))
        house.owner.sign_in(api)
        announce(house)
        send(api)
        assert len(machine.heard[-1][0]["webhook-signature"].split()) == 1

    def test_an_unreachable_endpoint_is_a_failure_like_any_other(self, api: Market, house: AuctionHouse, dealer: Person) -> None:
        with listening() as gone:
            endpoint = register(api, dealer, gone.url, kinds=["auction.session_announced"])
            announce(house)
            port = httpx.URL(gone.url).port
        assert port is not None
        with http.allow_in_test("127.0.0.1", port):
            send(api)
        (letter,) = letters(api, dealer, endpoint)
        assert (letter["state"], letter["last_status"], letter["last_failure"]) == ("open", None, "ConnectError")
        api.advance(timedelta(seconds=5))
        send(api)  # the address is not allowed any more: private
        assert letters(api, dealer, endpoint)[0]["last_failure"] == "url_refused"


class TestRefusals:
    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1/x", "http://10.0.0.1/", "ftp://example.com/x", "http://[::1]/", "https://user:pw@example.com/", "nonsense"],
    )
    def test_private_and_odd_addresses_are_not_called(self, quick_api: Market, url: str) -> None:
        person = organization(quick_api, "dealer", by=operator(quick_api))
        assert register(quick_api, person, url, status=422)["code"] == "url_refused"
        assert quick_api.get("/marketplace/v1/webhook-endpoints", headers=person.headers).json() == []

    def test_unknown_kinds_too_many_and_what_is_not_yours(self, quick_api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        clerk = operator(quick_api)
        dealer, other = (organization(quick_api, "dealer", by=clerk) for _ in range(2))
        refused = register(quick_api, dealer, "https://example.com/", status=422, kinds=["auction.lot_closed", "nope"])
        assert (refused["code"], refused["kinds"]) == ("kind_unknown", ["nope"])
        endpoint = register(quick_api, dealer, "https://example.com/")
        monkeypatch.setattr(get_settings(), "webhook_endpoints_max", 1)
        assert register(quick_api, dealer, "https://example.com/", status=409)["most"] == 1
        base = f"/marketplace/v1/webhook-endpoints/{endpoint['id']}"
        for answer in (
            quick_api.post(f"{base}/rotation", json={}, headers=other.headers),
            quick_api.put(f"{base}/state", json={"state": "disabled"}, headers=other.headers),
            quick_api.get(f"{base}/letters", headers=other.headers),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "endpoint_unknown")
        (shown,) = quick_api.get("/marketplace/v1/webhook-endpoints", headers=dealer.headers).json()
        assert shown["state"] == "active"

    def test_what_was_told_is_forgotten_after_its_term(self, api: Market, house: AuctionHouse, dealer: Person) -> None:
        announce(house)
        api.relay()
        path = "/marketplace/v1/webhook-messages"
        assert api.get(path, headers=dealer.headers).json()["items"] != []
        api.advance(timedelta(days=31))
        with outbox.use_database(api.database):
            forget_messages()
        dealer.sign_in(api)
        assert api.get(path, headers=dealer.headers).json()["items"] == []
