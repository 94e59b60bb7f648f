"""What a bidder follows: watch list, own bids, money and deposits with their reasons, and what he is told."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from auction.bidding.domain import RegistrationState
from auction.lots.domain import LotPhase
from auction.watching.domain import REASONS, DepositReason, OwnPart, Standing, decide_deposit, decide_standing
from auction.watching.service import telling
from auction.watching.tasks import tell_ending
from marketplace.core.ids import new_id
from marketplace.core.outbox import use_database
from tests.auction.test_negotiation import Passed
from tests.auctions import AUCTION, AuctionHouse
from tests.market import Market
from tests.people import BASE, Person, operator, organization, sign_up


def part(**changes: Any) -> OwnPart:
    plain: dict[str, Any] = {
        "registration": RegistrationState.REGISTERED, "phase": LotPhase.OPEN, "has_bid": True, "leads": False, "is_sealed": False,
        "hold": "held",
    }  # fmt: skip
    return OwnPart(**(plain | changes))


class TestStanding:
    @pytest.mark.parametrize(
        ("own", "standing"),
        [
            (part(has_bid=False), Standing.NOT_BIDDING),
            (part(leads=True), Standing.LEADING),
            (part(), Standing.OUTBID),
            (part(leads=True, is_sealed=True), Standing.SEALED),
            (part(phase=LotPhase.SOLD), Standing.LOST),
            (part(phase=LotPhase.SOLD, leads=True, won=True), Standing.WON),
            (part(phase=LotPhase.SOLD, leads=True, won=True, defaulted=True), Standing.DEFAULTED),
            (part(phase=LotPhase.PASSED, registration=RegistrationState.RELEASED), Standing.PASSED),
            (part(phase=LotPhase.PASSED, leads=True), Standing.BOUND),
            (part(phase=LotPhase.PASSED, bought=True), Standing.BOUGHT),
        ],
    )
    def test_says_where_a_bid_stands(self, own: OwnPart, standing: Standing) -> None:
        assert decide_standing(own) is standing


class TestDeposit:
    @pytest.mark.parametrize(
        ("own", "reason"),
        [
            (part(hold="requested"), DepositReason.AWAITED),
            (part(hold="failed"), DepositReason.FAILED),
            (part(), DepositReason.LOT_NOT_OVER),
            (part(leads=True), DepositReason.LEADING),
            (part(leads=True, is_sealed=True), DepositReason.LOT_NOT_OVER),
            (part(registration=RegistrationState.SUSPENDED), DepositReason.SUSPENDED),
            (part(phase=LotPhase.PASSED, leads=True), DepositReason.NEGOTIATING),
            (part(phase=LotPhase.PASSED, registration=RegistrationState.RELEASED), DepositReason.RETURNING),
            (part(phase=LotPhase.SOLD, registration=RegistrationState.RELEASED, hold="released"), DepositReason.RETURNED),
            (part(phase=LotPhase.SOLD, won=True, registration=RegistrationState.APPLIED), DepositReason.UNTIL_PAID),
            (part(phase=LotPhase.SOLD, won=True, hold="captured"), DepositReason.COUNTED),
            (part(phase=LotPhase.SOLD, won=True, hold="forfeited"), DepositReason.FORFEITED),
            (part(hold="lapsed"), DepositReason.LAPSED),
            (part(hold=None, on_line=True), DepositReason.BY_LINE),
        ],
    )
    def test_says_why_a_deposit_is_where_it_is(self, own: OwnPart, reason: DepositReason) -> None:
        assert decide_deposit(own) is reason
        assert set(REASONS) == set(DepositReason)


@pytest.fixture
def house(api: Market) -> AuctionHouse:
    return AuctionHouse(api, clerk=operator(api))


def own_bids(house: AuctionHouse, bidder: Person, show: str = "all") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.get(f"/my/bids?show={show}", bidder)["items"]
    return found


def notices(api: Market, person: Person, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"{BASE}/notices{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def kinds(api: Market, person: Person) -> list[str]:
    return [one["kind"].removeprefix("auction.") for one in notices(api, person)]


def dealers(api: Market, house: AuctionHouse) -> tuple[Person, Person]:
    return organization(api, "dealer", by=house.clerk), organization(api, "dealer", by=house.clerk)


class TestOwnBids:
    def test_from_registration_to_payment(self, api: Market, house: AuctionHouse) -> None:
        first, second = dealers(api, house)
        lot_id = house.open_lot_for([first, second])
        assert [one["standing"] for one in own_bids(house, first)] == ["not_bidding"]
        house.bid(first, lot_id, 8_500_000)
        house.bid(second, lot_id, 9_000_000)
        (mine,), (other,) = own_bids(house, first, "running"), own_bids(house, second, "running")
        assert (mine["standing"], mine["maximum_minor"], mine["deposit"]["reason"]) == ("outbid", 8_500_000, "lot_not_over")
        assert (other["standing"], other["maximum_minor"], other["deposit"]["reason"]) == ("leading", 9_000_000, "leading")
        assert mine["price_minor"] == other["price_minor"] == 8_550_000
        assert (other["deposit"]["state"], other["deposit"]["amount_minor"]) == ("held", 800_000)
        house.turn(timedelta(minutes=20))
        (won,), (lost,) = own_bids(house, second, "to_pay"), own_bids(house, first)
        assert own_bids(house, first, "won") == own_bids(house, first, "running") == []
        assert (won["standing"], won["result"], won["order_state"]) == ("won", "sold", "awaiting_signatures")
        assert won["to_pay_minor"] == 8_550_000 + won["buyer_fee_minor"] - 800_000
        assert (won["deposit"]["reason"], won["deposit"]["state"]) == ("until_paid", "held")
        assert won["order_id"] is not None and won["pay_by"] is not None
        assert (lost["standing"], lost["deposit"]["reason"], lost["deposit"]["state"]) == ("lost", "returned", "released")
        assert lost["order_id"] is None and lost["to_pay_minor"] == 0

    def test_a_second_chance_taken_is_among_those_to_pay(self, api: Market, house: AuctionHouse) -> None:
        passed = Passed(api, house, list(dealers(api, house)))
        passed.answer(passed.seller, "decline")
        offered = passed.offer(passed.pseudonym(0), 8_000_000)
        house.post(f"/negotiations/{offered['id']}/answers", passed.under, {"act": "accept", "amount_minor": 8_000_000})
        api.relay()
        (bought,) = own_bids(house, passed.under, "to_pay")
        assert (bought["standing"], bought["result"], bought["deposit"]["reason"]) == ("bought", "passed_below_reserve", "returned")
        assert bought["to_pay_minor"] == 8_000_000 + bought["buyer_fee_minor"]
        assert own_bids(house, passed.leader, "won") == []

    def test_nobody_sees_anothers(self, api: Market, house: AuctionHouse) -> None:
        first, second = dealers(api, house)
        lot_id = house.open_lot_for([first])
        house.bid(first, lot_id, 8_500_000)
        assert own_bids(house, second) == []
        assert api.get(f"{AUCTION}/my/bids").status_code == 401


class TestWatchList:
    def test_is_kept_read_and_emptied(self, api: Market, house: AuctionHouse) -> None:
        buyer = sign_up(api)
        lot_id = house.open_lot_for([])
        house.post("/watchlist", buyer, {"lot_id": lot_id})
        house.post("/watchlist", buyer, {"lot_id": lot_id})
        assert [one["lot"]["id"] for one in house.get("/watchlist", buyer)["items"]] == [lot_id]
        assert house.get("/watchlist", sign_up(api))["items"] == []
        gone = [api.delete(f"{AUCTION}/watchlist/{lot_id}", headers=buyer.headers).status_code for _ in range(2)]
        assert gone == [204, 404]
        assert house.get("/watchlist", buyer)["items"] == []

    def test_takes_no_lot_that_cannot_be_seen_and_no_more_than_its_limit(
        self, api: Market, house: AuctionHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        buyer = sign_up(api)
        draft = house.lot(house.session(), sign_up(api))
        assert house.post("/watchlist", buyer, {"lot_id": draft}, status=404)["code"] == "lot_unknown"
        lot_id = house.open_lot_for([])
        monkeypatch.setattr("auction.watching.service.watches.get_settings", lambda: SimpleNamespace(auction_watch_limit=0))
        assert house.post("/watchlist", buyer, {"lot_id": lot_id}, status=409)["code"] == "watch_list_full"
        assert house.get("/watchlist", buyer)["items"] == []


class TestNotices:
    def test_the_former_leader_is_told_once_and_only_the_newest_unread_stays(self, api: Market, house: AuctionHouse) -> None:
        first, second = dealers(api, house)
        lot_id = house.open_lot_for([first, second])
        house.bid(first, lot_id, 8_100_000)
        api.relay()
        assert kinds(api, first) == kinds(api, second) == []
        house.bid(second, lot_id, 8_300_000)
        api.relay()
        (told,) = notices(api, first)
        assert (told["kind"], told["subject_id"], told["facts"]["price_minor"]) == ("auction.outbid", lot_id, 8_150_000)
        assert told["zh"].endswith("现价 ¥81,500.00")
        assert kinds(api, second) == []
        house.bid(first, lot_id, 8_600_000)
        house.bid(second, lot_id, 9_000_000)
        api.relay()
        assert [one["facts"]["price_minor"] for one in notices(api, first)] == [8_650_000]
        assert kinds(api, second) == []

    def test_told_twice_is_told_once(self, api: Market, house: AuctionHouse) -> None:
        first, second = dealers(api, house)
        lot_id = house.open_lot_for([first, second])
        house.bid(first, lot_id, 8_100_000)
        house.bid(second, lot_id, 8_300_000)
        api.relay()
        before = notices(api, first)
        for _ in range(2):
            with api.database.writing() as session:
                telling.tell_outbid(session, lot_id=UUID(lot_id), from_seq=2, to_seq=3)
        house.turn(timedelta(minutes=20))
        with api.database.writing() as session:
            telling.tell_result(session, lot_id=UUID(lot_id))
            telling.tell_outbid(session, lot_id=UUID(lot_id), from_seq=2, to_seq=3)
        assert kinds(api, first) == ["lost", "outbid"]
        assert notices(api, first)[1] == before[0]
        assert kinds(api, second) == ["won"]

    def test_each_hears_his_part_of_the_result(self, api: Market, house: AuctionHouse) -> None:
        first, second = dealers(api, house)
        seller, watcher = sign_up(api), sign_up(api)
        lot_id = house.open_lot_for([first, second], consignor=seller)
        house.post("/watchlist", watcher, {"lot_id": lot_id})
        house.bid(second, lot_id, 9_000_000)
        house.turn(timedelta(minutes=20))
        (won,) = notices(api, second)
        assert (won["kind"], won["facts"]["price_minor"]) == ("auction.won", 8_000_000)
        assert won["facts"]["order_id"] == own_bids(house, second)[0]["order_id"]
        assert kinds(api, seller) == ["sold"]
        assert kinds(api, watcher) == ["watched_ended"]
        assert kinds(api, first) == []

    def test_a_passed_and_a_withdrawn_lot(self, api: Market, house: AuctionHouse) -> None:
        first, _ = dealers(api, house)
        seller = sign_up(api)
        lot_id = house.open_lot_for([first], consignor=seller, reserve_kind="hidden", reserve_minor=9_500_000)
        house.bid(first, lot_id, 8_000_000)
        house.turn(timedelta(minutes=20))
        assert (sorted(kinds(api, first)), sorted(kinds(api, seller))) == (["passed"], ["negotiation", "not_sold"])
        (offer,) = [one for one in notices(api, seller) if one["kind"] == "auction.negotiation"]
        assert (offer["facts"]["state"], offer["facts"]["offer_minor"]) == ("open", 8_000_000)
        assert "等待您答复" in offer["zh"]
        session_id = house.session()
        taken_out = house.lot(session_id, seller)
        house.publish(session_id)
        house.register(taken_out, first)
        house.post(f"/lots/{taken_out}/withdrawal", house.owner, {})
        api.relay()
        assert kinds(api, first) == ["withdrawn", "passed"]

    def test_watchers_and_bidders_hear_once_that_a_lot_ends_soon(self, api: Market, house: AuctionHouse) -> None:
        first, _ = dealers(api, house)
        watcher = sign_up(api)
        lot_id = house.open_lot_for([first])
        house.post("/watchlist", watcher, {"lot_id": lot_id})
        for _ in range(2):
            with use_database(api.database):
                tell_ending()
        assert kinds(api, first) == kinds(api, watcher) == ["ending_soon"]

    def test_far_from_its_end_nobody_is_told(self, api: Market, house: AuctionHouse) -> None:
        first, _ = dealers(api, house)
        session_id = house.session(lot_run_s=3_600)
        lot_id = house.lot(session_id, sign_up(api))
        house.publish(session_id)
        house.register(lot_id, first)
        house.turn(timedelta(minutes=11))
        with use_database(api.database):
            tell_ending()
        assert kinds(api, first) == []
        api.advance(timedelta(minutes=46))
        with use_database(api.database):
            tell_ending()
        assert kinds(api, first) == ["ending_soon"]

    def test_is_read_one_by_one_or_all_and_only_by_its_own(self, api: Market, house: AuctionHouse) -> None:
        first, second = dealers(api, house)
        lot_id = house.open_lot_for([first, second])
        house.bid(first, lot_id, 8_100_000)
        house.bid(second, lot_id, 8_300_000)
        api.relay()
        house.turn(timedelta(minutes=20))
        newest, oldest = notices(api, first)
        unread = f"{BASE}/notices/unread"
        assert api.get(unread, headers=first.headers).json() == {"unread": 2}
        foreign = api.post(f"{BASE}/notices/{oldest['id']}/reading", headers=second.headers)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "notice_unknown")
        read = api.post(f"{BASE}/notices/{oldest['id']}/reading", headers=first.headers)
        assert read.json()["read_at"] is not None
        assert [one["id"] for one in notices(api, first, "?unread=true")] == [newest["id"]]
        done = api.post(f"{BASE}/notices/reading", json={"up_to": newest["id"]}, headers=first.headers)
        assert done.json() == {"unread": 0}
        assert notices(api, first, "?unread=true") == []
        assert api.get(unread, headers=second.headers).json() == {"unread": 1}

    def test_a_defaulter_hears_once_what_he_owes(self, quick_api: Market) -> None:
        house = AuctionHouse(quick_api, clerk=operator(quick_api))
        lot_id, debtor, debt_id = house.open_lot_for([]), sign_up(quick_api), new_id()
        for _ in range(2):
            with quick_api.database.writing() as session:
                telling.tell_debt(session, lot_id=UUID(lot_id), debt_id=debt_id, debtor_id=UUID(str(debtor.party_id)), due_minor=123_400)
        (told,) = notices(quick_api, debtor)
        assert (told["kind"], told["subject_id"], told["facts"]["due_minor"]) == ("auction.debt", str(debt_id), 123_400)
        assert "¥1,234.00" in told["zh"]
