"""The socket over HTTP: the same bids, the same refusals, every event in order, and nobody in whom the door would not let."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from auction.bidding.service import list_log
from marketplace.core.errors import Refusal
from marketplace.core.security import Membership
from tests.auctions import AUCTION, YUAN, OpenLot, add_lot, add_session, open_lot
from tests.market import Market

PATH = f"{AUCTION}/live"


@pytest.fixture
def lot(quick_api: Market) -> OpenLot:
    return open_lot(quick_api.database, bidders=3)


def token_of(api: Market, lot: OpenLot, bidder: int) -> str:
    token: str = api.app.state.gate.tokens.issue(person_id=lot.party_ids[bidder], sign_in_id=uuid4(), second_factor=False, memberships=())
    return token


class Client:
    """``client.ask(type=…)`` waits for the answer; events and heartbeats met on the way are kept."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self._number = 0

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(self.socket.receive_text())
        self.messages.append(message)
        if message["type"] == "events":
            self.events += message["events"]
        return message

    def ask(self, **message: Any) -> dict[str, Any]:
        self._number += 1
        self.socket.send_text(orjson.dumps({"id": str(self._number), **message}).decode())
        while (answer := self.receive())["type"] != "answer" or answer["id"] != str(self._number):
            pass
        return answer

    def until(self, seq: int) -> list[int]:
        """The seqs of all events so far, once ``seq`` has come."""
        while not self.events or self.events[-1]["seq"] < seq:
            self.receive()
        return [event["seq"] for event in self.events]


@contextmanager
def socket(api: Market, token: str | None, **headers: str) -> Iterator[Client]:
    with api.client.websocket_connect(PATH, headers=headers) as opened:
        client = Client(opened)
        if token is not None:
            assert client.ask(type="authenticate", token=token)["status"] == 200
        yield client


class TestDoor:
    def test_a_foreign_page_may_not_open_it(self, quick_api: Market) -> None:
        with (
            pytest.raises((WebSocketDisconnect, Refusal)),
            quick_api.client.websocket_connect(PATH, headers={"origin": "https://evil.example"}),
        ):
            pass
        with quick_api.client.websocket_connect(PATH, headers={"origin": quick_api.app.state.settings.public_url}):
            pass

    @pytest.mark.parametrize(
        "first",
        [
            {"type": "authenticate", "token": "nonsense"},
            {"type": "authenticate"},
            {"type": "subscribe", "lot_id": str(uuid4())},
            {"type": "bid", "lot_id": str(uuid4()), "maximum_minor": 1},
            {},
        ],
    )
    def test_whoever_does_not_say_first_who_he_is_is_sent_away(self, quick_api: Market, first: dict[str, Any]) -> None:
        with quick_api.client.websocket_connect(PATH) as opened:
            opened.send_text(orjson.dumps(first).decode())
            with pytest.raises(WebSocketDisconnect) as closed:
                opened.receive_text()
        assert closed.value.code == 4401

    def test_silence_is_sent_away(self, quick_api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quick_api.app.state.sockets.settings, "auction_socket_auth_s", 0.05)
        with quick_api.client.websocket_connect(PATH) as opened, pytest.raises(WebSocketDisconnect) as closed:
            opened.receive_text()
        assert (closed.value.code, closed.value.reason) == (4401, "too_late")

    def test_it_ends_with_its_token(self, quick_api: Market, lot: OpenLot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("marketplace.core.security.guards.SocketGate.expires_in_s", lambda _gate, _token: 0.1)
        with socket(quick_api, token_of(quick_api, lot, 0)) as client, pytest.raises(WebSocketDisconnect) as closed:
            client.receive()
        assert (closed.value.code, closed.value.reason) == (4401, "token_ended")

    def test_a_fresh_token_of_the_same_caller_lets_it_live_on_anothers_does_not(self, quick_api: Market, lot: OpenLot) -> None:
        with socket(quick_api, token_of(quick_api, lot, 0)) as client:
            assert client.ask(type="authenticate", token=token_of(quick_api, lot, 0))["status"] == 200
            refused = client.ask(type="authenticate", token=token_of(quick_api, lot, 1))
            assert (refused["status"], refused["body"]["code"]) == (403, "another_caller")
            placed = client.ask(type="bid", lot_id=str(lot.id), maximum_minor=11_000 * YUAN)
            assert placed["body"]["bidder"] == "B01"

    def test_one_caller_has_so_many_sockets(self, quick_api: Market, lot: OpenLot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quick_api.app.state.sockets.settings, "auction_sockets_a_caller", 1)
        token = token_of(quick_api, lot, 0)
        with socket(quick_api, token), quick_api.client.websocket_connect(PATH) as second:
            second.send_text(orjson.dumps({"type": "authenticate", "token": token}).decode())
            with pytest.raises(WebSocketDisconnect) as closed:
                second.receive_text()
            assert closed.value.code == 4429
        with socket(quick_api, token):
            pass


class TestBids:
    def test_are_answered_as_by_post_and_the_key_is_shared(self, quick_api: Market, lot: OpenLot) -> None:
        token = token_of(quick_api, lot, 0)
        with socket(quick_api, token) as client:
            by_socket = client.ask(type="bid", lot_id=str(lot.id), maximum_minor=11_000 * YUAN, key="k1")
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
            by_post = quick_api.post(f"{AUCTION}/lots/{lot.id}/bids", json={"maximum_minor": 11_000 * YUAN}, headers=headers)
            assert (by_socket["status"], by_socket["body"]) == (by_post.status_code, by_post.json())
            other = client.ask(type="bid", lot_id=str(lot.id), maximum_minor=12_000 * YUAN, key="k1")
            assert (other["status"], other["body"]["code"]) == (422, "idempotency_key_reused")
        with quick_api.database.reading() as session:
            assert len(list_log(session, lot_id=lot.id, after_seq=0, limit=10)) == 1

    def test_refusals_are_the_rules_own(self, quick_api: Market, lot: OpenLot) -> None:
        with socket(quick_api, token_of(quick_api, lot, 0)) as client:
            low = client.ask(type="bid", lot_id=str(lot.id), maximum_minor=1)
            assert (low["status"], low["body"]["code"], low["body"]["next_minimum_minor"]) == (409, "bid_too_low", 10_000 * YUAN)
            nowhere = client.ask(type="bid", lot_id=str(uuid4()), maximum_minor=11_000 * YUAN)
            assert (nowhere["status"], nowhere["body"]["code"]) == (404, "lot_unknown")

    def test_whose_role_may_not_bid_is_refused_and_nothing_changes(self, quick_api: Market, lot: OpenLot) -> None:
        memberships = [Membership(uuid4(), "auction_house", ("sales",))]
        token = quick_api.app.state.gate.tokens.issue(
            person_id=lot.party_ids[0], sign_in_id=uuid4(), second_factor=True, memberships=memberships
        )
        with socket(quick_api, token) as client:
            refused = client.ask(type="bid", lot_id=str(lot.id), maximum_minor=11_000 * YUAN)
            assert (refused["status"], refused["body"]["code"]) == (403, "capability_missing")
        with quick_api.database.reading() as session:
            assert list_log(session, lot_id=lot.id, after_seq=0, limit=10) == []

    @pytest.mark.parametrize(
        "message",
        [
            "",
            "null",
            "[]",
            "{}",
            '{"type":"bid"}',
            '{"type":"bid","lot_id":"x","maximum_minor":1}',
            '{"type":"bid","lot_id":"01990b7e-0000-7000-8000-000000000001","maximum_minor":1.5}',
            '{"type":"bid","lot_id":"01990b7e-0000-7000-8000-000000000001","maximum_minor":"1"}',
            '{"type":"bid","lot_id":"01990b7e-0000-7000-8000-000000000001","maximum_minor":true}',
            '{"type":"bid","lot_id":"01990b7e-0000-7000-8000-000000000001","maximum_minor":0}',
            '{"type":"bid","lot_id":"01990b7e-0000-7000-8000-000000000001","maximum_minor":1,"more":1}',
            '{"type":"bid","lot_id":"01990b7e-0000-7000-8000-000000000001","maximum_minor":1,"key":""}',
            '{"type":"shout"}',
        ],
    )
    def test_what_is_malformed_is_refused_and_the_socket_lives_on(self, quick_api: Market, lot: OpenLot, message: str) -> None:
        with socket(quick_api, token_of(quick_api, lot, 0)) as client:
            client.socket.send_text(message)
            refused = client.receive()
            assert (refused["status"], refused["body"]["code"]) == (422, "message_malformed")
            client.socket.send_bytes(b"\x00")
            assert client.receive()["status"] == 422
            assert client.ask(type="bid", lot_id=str(lot.id), maximum_minor=11_000 * YUAN)["status"] == 201

    def test_a_flood_is_refused(self, quick_api: Market, lot: OpenLot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quick_api.app.state.sockets.settings, "auction_socket_messages_s", 3)
        with socket(quick_api, token_of(quick_api, lot, 0)) as client:
            statuses = [client.ask(type="unsubscribe", lot_id=str(lot.id))["status"] for _ in range(20)]
        assert 429 in statuses


class TestEvents:
    def test_every_event_of_many_lots_with_seq_time_and_next_minimum(self, quick_api: Market) -> None:
        with quick_api.database.writing() as session:
            session_id = add_session(session)
            parties = [uuid4(), uuid4()]
            lots = [add_lot(session, session_id=session_id, number=number, party_ids=parties) for number in (1, 2)]
        with socket(quick_api, token_of(quick_api, lots[0], 0)) as client, socket(quick_api, token_of(quick_api, lots[0], 1)) as other:
            for lot in lots:
                found = client.ask(type="subscribe", lot_id=str(lot.id))
                assert (found["status"], found["body"]["head_seq"], found["body"]["readers"]) == (200, 0, 1)
            for step in range(4):
                bidder = other if step % 2 else client
                assert bidder.ask(type="bid", lot_id=str(lots[step // 2].id), maximum_minor=(11_000 + step * 500) * YUAN)["status"] == 201
            while len(client.events) < 4:
                client.receive()
            assert other.events == []
        assert [(event["lot_id"], event["seq"]) for event in client.events] == [
            (str(lots[0].id), 1), (str(lots[0].id), 2), (str(lots[1].id), 1), (str(lots[1].id), 2),
        ]  # fmt: skip
        first = client.events[0]
        assert (first["next_minimum_minor"], first["server_time"]) == (10_500 * YUAN, first["entry"]["at"])

    def test_coming_back_with_the_last_seq_loses_nothing_and_repeats_nothing(self, quick_api: Market, lot: OpenLot) -> None:
        token = token_of(quick_api, lot, 0)
        with socket(quick_api, token) as client, socket(quick_api, token_of(quick_api, lot, 1)) as other:
            for step in range(12):
                (client, other)[step % 2].ask(type="bid", lot_id=str(lot.id), maximum_minor=(11_000 + step * 500) * YUAN)
        with socket(quick_api, token) as client:
            client.ask(type="subscribe", lot_id=str(lot.id), after_seq=5)
            assert client.until(12) == [6, 7, 8, 9, 10, 11, 12]
            events = [message for message in client.messages if message["type"] == "events"]
            assert len(events) == 1  # who is behind gets several in one write

    def test_following_twice_too_many_or_the_unseen_is_refused(
        self, quick_api: Market, lot: OpenLot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quick_api.app.state.sockets.settings, "auction_socket_lots", 1)
        other = open_lot(quick_api.database)
        with socket(quick_api, token_of(quick_api, lot, 0)) as client:
            assert client.ask(type="subscribe", lot_id=str(uuid4()))["body"]["code"] == "lot_unknown"
            assert client.ask(type="subscribe", lot_id=str(lot.id))["status"] == 200
            assert client.ask(type="subscribe", lot_id=str(lot.id))["body"]["code"] in ("already_subscribed", "too_many_lots")
            assert client.ask(type="subscribe", lot_id=str(other.id))["body"]["code"] == "too_many_lots"
            assert client.ask(type="unsubscribe", lot_id=str(lot.id))["status"] == 200
            assert quick_api.app.state.live.count(lot.id) == 0
            assert client.ask(type="subscribe", lot_id=str(other.id))["status"] == 200

    def test_a_reader_that_is_too_slow_is_cut_off(self, quick_api: Market, lot: OpenLot) -> None:
        bus = quick_api.app.state.live
        bus.reader_limit = 0
        with socket(quick_api, token_of(quick_api, lot, 0)) as client, pytest.raises(WebSocketDisconnect) as closed:
            client.ask(type="subscribe", lot_id=str(lot.id))
            client.ask(type="bid", lot_id=str(lot.id), maximum_minor=11_000 * YUAN)
            client.receive()
        assert closed.value.code == 4408

    def test_who_left_follows_no_more(self, quick_api: Market, lot: OpenLot) -> None:
        with socket(quick_api, token_of(quick_api, lot, 0)) as client:
            client.ask(type="subscribe", lot_id=str(lot.id))
            assert quick_api.app.state.live.presence(lot.id) == 1
        assert quick_api.app.state.live.presence(lot.id) == 0
        assert not quick_api.app.state.sockets.open
