"""The live lane over HTTP: run list, console, paddles; the operator's suspensions."""

from datetime import timedelta
from typing import Any

import pytest

from auction.bidding.queries import list_log
from tests.auctions import AuctionHouse
from tests.market import Market
from tests.people import Person, member, operator, organization, sign_up


class Room:
    """A dealer-to-dealer session with two lanes and four lots of two dealers; open for bidding."""

    def __init__(self, api: Market) -> None:
        self.api = api
        self.clerk = operator(api)
        self.house = AuctionHouse(api, clerk=self.clerk, mode="c2b_auction")
        self.dealers = [organization(api, "dealer", by=self.clerk) for _ in range(2)]
        self.session_id = self.house.session(format="live_lane", lanes=2, lot_run_s=20)
        reserves: list[dict[str, Any]] = [{}, {}, {}, {"reserve_kind": "hidden", "reserve_minor": 9_000_000}]
        self.lots = [self.house.lot(self.session_id, sign_up(api, "卖车人"), **terms) for terms in reserves]
        self.house.publish(self.session_id)
        for lot_id in self.lots:
            self.house.register(lot_id, *self.dealers)
        self.house.turn(timedelta(minutes=11))

    def console(self, path: str, *, status: int = 201, person: Person | None = None, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.house.post(path, person or self.house.owner, body or {}, status=status)

    def kinds(self, lot_id: str) -> list[str]:
        return [entry["entry"]["kind"] for entry in self.house.get(f"/lots/{lot_id}/log")]

    def wait(self, **span: float) -> None:
        self.api.advance(timedelta(**span))


@pytest.fixture
def room(quick_api: Market) -> Room:
    return Room(quick_api)


class TestConsole:
    def test_lots_wait_for_the_auctioneer_and_run_in_parallel(self, room: Room) -> None:
        assert {lot["state"] for lot in room.house.get(f"/sessions/{room.session_id}/lots")["items"]} == {"announced"}
        lanes = room.house.get(f"/sessions/{room.session_id}/lanes")["lanes"]
        assert [[run["number"] for run in lane["ahead"]] for lane in lanes] == [[1, 3], [2, 4]]
        one = room.console(f"/sessions/{room.session_id}/lanes/1/next")
        two = room.console(f"/sessions/{room.session_id}/lanes/2/next")
        assert [(lot["lot_id"], lot["lane"], lot["state"]) for lot in (one, two)] == [
            (room.lots[0], 1, "open"), (room.lots[1], 2, "open"),
        ]  # fmt: skip
        busy = room.console(f"/sessions/{room.session_id}/lanes/1/next", status=409)
        assert (busy["code"], busy["number"]) == ("lane_busy", 1)
        for lot_id in room.lots[:2]:
            assert room.house.bid(room.dealers[0], lot_id, 8_500_000)["leading"]
        lanes = room.house.get(f"/sessions/{room.session_id}/lanes")["lanes"]
        assert [lane["up"]["price_minor"] for lane in lanes] == [8_000_000, 8_000_000]

    def test_the_hammer_falls_after_a_fair_warning_nobody_answered(self, room: Room) -> None:
        lot_id = room.lots[0]
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        assert room.console(f"/lots/{lot_id}/warning", status=409)["code"] == "no_bid_to_hammer"
        room.house.bid(room.dealers[0], lot_id, 8_500_000)
        assert room.console(f"/lots/{lot_id}/hammer", status=409)["code"] == "not_warned"
        room.console(f"/lots/{lot_id}/warning")
        assert room.house.get(f"/lots/{lot_id}")["fair_warning"] is True
        assert room.console(f"/lots/{lot_id}/hammer", status=409)["code"] == "not_warned"  # three seconds have not passed
        room.wait(seconds=2)
        room.house.bid(room.dealers[1], lot_id, 8_600_000)
        room.wait(seconds=4)
        assert room.house.get(f"/lots/{lot_id}")["fair_warning"] is False
        assert room.console(f"/lots/{lot_id}/hammer", status=409)["code"] == "not_warned"  # a bid has answered it
        room.console(f"/lots/{lot_id}/warning")
        room.wait(seconds=4)
        done = room.console(f"/lots/{lot_id}/hammer")
        assert (done["state"], done["price_minor"]) == ("sold", 8_550_000)
        assert room.kinds(lot_id) == ["opened", "bid", "fair_warning", "bid", "fair_warning", "hammer", "closed"]
        assert room.house.bid(room.dealers[0], lot_id, 9_900_000, status=409)["code"] == "lot_closed"
        assert room.house.get(f"/lots/{lot_id}/result")["bids"] == 2
        assert room.console(f"/lots/{lot_id}/opening", status=409)["code"] == "lot_stays_shut"
        assert room.console(f"/sessions/{room.session_id}/lanes/1/next")["lot_id"] == room.lots[2]

    def test_a_lot_below_its_reserve_is_passed_and_one_that_meets_it_is_not(self, room: Room) -> None:
        lot_id = room.lots[3]
        room.console(f"/lots/{lot_id}/opening")
        room.house.bid(room.dealers[0], lot_id, 8_900_000)
        room.console(f"/lots/{lot_id}/warning")
        room.wait(seconds=4)
        refused = room.console(f"/lots/{lot_id}/hammer", status=409)
        assert (refused["code"], refused["rule"]["article"]) == ("below_reserve", "拍卖法 第五十条")
        room.house.bid(room.dealers[0], lot_id, 9_000_000)
        assert room.console(f"/lots/{lot_id}/pass", status=409)["code"] == "high_bid_stands"
        room.console(f"/lots/{room.lots[0]}/opening")
        assert room.console(f"/lots/{room.lots[0]}/pass")["state"] == "passed"
        assert room.house.get(f"/lots/{room.lots[0]}/result")["kind"] == "passed_no_bid"

    def test_without_a_hammer_the_clock_ends_it_twenty_seconds_after_the_opening(self, room: Room) -> None:
        lot_id = room.lots[0]
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        room.house.bid(room.dealers[0], lot_id, 8_500_000)
        room.house.turn(timedelta(seconds=20))
        assert room.house.get(f"/lots/{lot_id}")["state"] == "sold"

    def test_the_next_lot_may_open_though_the_closer_is_late(self, room: Room) -> None:
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        room.wait(seconds=21)
        assert room.console(f"/sessions/{room.session_id}/lanes/1/next")["lot_id"] == room.lots[2]
        assert room.house.get(f"/lots/{room.lots[0]}")["state"] == "passed"

    def test_only_the_house_conducts(self, room: Room) -> None:
        stranger = AuctionHouse(room.api, clerk=room.clerk).owner
        assert room.console(f"/sessions/{room.session_id}/lanes/1/next", person=stranger, status=404)["code"] == "session_unknown"
        assert room.console(f"/lots/{room.lots[0]}/opening", person=stranger, status=404)["code"] == "lot_unknown"
        assert room.console(f"/lots/{room.lots[0]}/opening", person=room.dealers[0], status=404)["code"] == "lot_unknown"
        assert room.console(f"/sessions/{room.session_id}/lanes/3/next", status=404)["code"] == "lane_unknown"


class TestFloor:
    def test_a_paddle_bids_at_its_amount_and_standing_maxima_answer(self, room: Room) -> None:
        lot_id = room.lots[0]
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        paddle = room.house.post(f"/sessions/{room.session_id}/paddles", room.dealers[1], {})
        assert room.house.post(f"/sessions/{room.session_id}/paddles", room.dealers[1], {}) == paddle
        body = {"paddle": paddle["number"], "amount_minor": 8_400_000}
        called = room.console(f"/lots/{lot_id}/floor-bids", body=body)
        assert (called["price_minor"], called["leading"]) == (8_400_000, True)
        room.house.bid(room.dealers[0], lot_id, 9_000_000)
        answered = room.console(f"/lots/{lot_id}/floor-bids", body=body | {"amount_minor": 8_600_000})
        assert (answered["price_minor"], answered["leading"]) == (8_650_000, False)
        entry = room.house.get(f"/lots/{lot_id}/log")[1]["entry"]
        assert (entry["act"], entry["price_minor"]) == ("floor", 8_400_000)
        assert room.console(f"/lots/{lot_id}/floor-bids", body=body | {"paddle": 99}, status=404)["code"] == "paddle_unknown"

    def test_the_house_never_bids(self, room: Room) -> None:
        """A paddle of the house is of no use: it is refused at the registration, and without one on the lot."""
        lot_id = room.lots[0]
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        person = operator(room.api)
        assert (
            room.api.post(f"/auction/v1/sessions/{room.session_id}/paddles", json={}, headers=room.house.owner.headers).status_code == 403
        )
        assert room.api.post(
            f"/auction/v1/lots/{lot_id}/floor-bids", json={"paddle": 1, "amount_minor": 8_000_000}, headers=person.headers
        ).status_code in (403, 404)

    def test_a_paddle_without_a_registration_is_told_so(self, room: Room) -> None:
        late = organization(room.api, "dealer", by=room.clerk)
        paddle = room.house.post(f"/sessions/{room.session_id}/paddles", late, {})
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        body = {"paddle": paddle["number"], "amount_minor": 8_400_000}
        assert room.console(f"/lots/{room.lots[0]}/floor-bids", body=body, status=403)["code"] == "not_registered"


class TestSuspension:
    def test_a_suspended_lot_takes_no_bid_and_gets_its_time_back(self, room: Room) -> None:
        lot_id = room.lots[0]
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        room.house.bid(room.dealers[0], lot_id, 8_500_000)
        before = room.house.get(f"/lots/{lot_id}")
        room.console(f"/lots/{lot_id}/suspension", person=room.clerk, body={"reason": "投诉核查"})
        shown = room.house.get(f"/lots/{lot_id}")
        assert (shown["state"], shown["reason"], shown["price_minor"]) == ("suspended", "投诉核查", 8_000_000)
        assert room.house.bid(room.dealers[1], lot_id, 8_600_000, status=409)["code"] == "lot_suspended"
        assert room.console(f"/lots/{lot_id}/hammer", status=409)["code"] == "not_up"
        room.house.turn(timedelta(hours=1))
        assert room.house.get(f"/lots/{lot_id}")["state"] == "suspended"
        room.console(f"/lots/{lot_id}/resumption", person=room.clerk, body={"reason": "核查完毕"})
        after = room.house.get(f"/lots/{lot_id}")
        assert (after["state"], after["reason"]) == ("open", None)
        assert after["ends_at"] > before["ends_at"]
        assert room.house.bid(room.dealers[1], lot_id, 8_600_000)["leading"]
        assert room.kinds(lot_id) == ["opened", "bid", "suspended", "resumed", "bid"]
        assert room.house.get(f"/lots/{lot_id}/log")[2]["entry"]["reason"] == "投诉核查"

    def test_a_suspended_session_stands_still_with_a_published_reason(self, room: Room) -> None:
        room.console(f"/sessions/{room.session_id}/lanes/1/next")
        shown = room.console(f"/sessions/{room.session_id}/suspension", person=room.clerk, body={"reason": "系统故障"})
        assert shown["suspension_reason"] == "系统故障"
        assert room.house.get(f"/sessions/{room.session_id}")["suspended_at"] is not None
        again = room.console(f"/sessions/{room.session_id}/suspension", person=room.clerk, body={"reason": "系统故障"}, status=409)
        assert again["code"] == "session_suspended"
        assert room.console(f"/sessions/{room.session_id}/lanes/2/next", status=409)["code"] == "session_suspended"
        assert (
            room.console(f"/lots/{room.lots[0]}/resumption", person=room.clerk, body={"reason": "恢复"}, status=409)["code"]
            == "session_suspended"
        )
        room.console(f"/sessions/{room.session_id}/resumption", person=room.clerk, body={"reason": "恢复"})
        assert room.house.get(f"/lots/{room.lots[0]}")["state"] == "open"
        assert room.house.get(f"/sessions/{room.session_id}")["suspension_reason"] is None
        none = room.console(f"/sessions/{room.session_id}/resumption", person=room.clerk, body={"reason": "恢复"}, status=409)
        assert none["code"] == "session_not_suspended"

    def test_what_has_not_opened_opens_later_by_as_long_as_it_stood_still(self, quick_api: Market) -> None:
        clerk = operator(quick_api)
        house = AuctionHouse(quick_api, clerk=clerk)
        session_id = house.session()
        lot_id = house.lot(session_id, sign_up(quick_api, "卖车人"))
        house.publish(session_id)
        before = house.get(f"/lots/{lot_id}")
        house.post(f"/sessions/{session_id}/suspension", clerk, {"reason": "停电"})
        house.turn(timedelta(minutes=30))
        assert house.get(f"/lots/{lot_id}")["state"] == "announced"
        house.post(f"/sessions/{session_id}/resumption", clerk, {"reason": "来电"})
        after = house.get(f"/lots/{lot_id}")
        assert after["opens_at"] > before["opens_at"]
        house.turn(timedelta(minutes=11))
        assert house.get(f"/lots/{lot_id}")["state"] == "open"

    def test_only_operators_suspend(self, room: Room) -> None:
        for person in (room.house.owner, room.dealers[0]):
            answer = room.api.post(f"/auction/v1/lots/{room.lots[0]}/suspension", json={"reason": "试试"}, headers=person.headers)
            assert answer.status_code == 403


def test_a_statutory_lane_is_conducted_by_the_auctioneer_of_its_notice(quick_api: Market) -> None:
    clerk = operator(quick_api)
    house = AuctionHouse(quick_api, clerk=clerk, legal_mode="statutory_auction", mode="c2c_auction")
    session_id = house.session(format="live_lane", lanes=1, lot_run_s=20, opens_in=timedelta(days=8))
    lot_id = house.lot(session_id, sign_up(quick_api, "卖车人"))
    house.publish(session_id)
    buyer = sign_up(quick_api, "买车人")
    house.register(lot_id, buyer)
    assert house.post(f"/lots/{lot_id}/opening", house.owner, {}, status=409)["code"] == "lane_not_open_yet"
    house.turn(timedelta(days=8, minutes=1))
    other = member(quick_api, house.owner, "auctioneer")
    refused = house.post(f"/lots/{lot_id}/opening", other, {}, status=403)
    assert (refused["code"], refused["rule"]["article"]) == ("not_the_auctioneer", "拍卖法 第十四条")
    house.post(f"/lots/{lot_id}/opening", house.owner, {})
    house.bid(buyer, lot_id, 8_500_000)
    house.post(f"/lots/{lot_id}/warning", house.owner, {})
    quick_api.advance(timedelta(seconds=4))
    assert house.post(f"/lots/{lot_id}/hammer", house.owner, {})["state"] == "sold"
    assert house.get(f"/lots/{lot_id}/confirmation", buyer)["content"]["price_minor"] == 8_000_000


def test_entries_are_published_after_the_commit_and_only_then(room: Room) -> None:
    seen: list[int] = []
    bus = room.api.app.state.live

    def publish(entries: Any) -> None:
        with room.api.database.reading() as session:
            stored = {entry.seq for entry in list_log(session, lot_id=entries[0].lot_id, after_seq=0, limit=10)}
        assert {entry.seq for entry in entries} <= stored
        seen.extend(entry.seq for entry in entries)

    bus.publish = publish
    room.console(f"/sessions/{room.session_id}/lanes/1/next")
    room.console(f"/sessions/{room.session_id}/lanes/1/next", status=409)
    assert seen == [1]
