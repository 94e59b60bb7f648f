"""Rules 11 to 15: what a statutory auction may not get wrong, each over HTTP and each in every format it touches."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from auction.bidding import queries
from auction.bidding.domain import Conflict, RegistrationState
from auction.bidding.service import list_log, place_bids
from auction.closing.tasks import turn_due
from auction.lots.models import Lot
from auction.sessions.domain import ExtendOn, LegalMode
from auction.settlement.models import AuctionResult
from marketplace.core.db import Database
from tests.auctions import YUAN, AuctionHouse, open_lot, rules
from tests.cars import register_car
from tests.market import Market
from tests.people import Person, member, operator, sign_up


@pytest.fixture
def clerk(quick_api: Market) -> Person:
    return operator(quick_api)


@pytest.fixture
def house(quick_api: Market, clerk: Person) -> AuctionHouse:
    return AuctionHouse(quick_api, clerk=clerk, legal_mode="statutory_auction", mode="c2c_auction")


class TestRule11:
    """拍卖法 45, 48: notice and viewing."""

    @pytest.mark.parametrize("sale_format", ["open_ascending", "live_lane"])
    def test_rule_11_a_statutory_auction_opens_seven_days_after_its_notice_with_two_of_viewing(
        self, quick_api: Market, house: AuctionHouse, sale_format: str
    ) -> None:
        soon = house.session(format=sale_format, opens_in=timedelta(days=7) - timedelta(minutes=1))
        house.lot(soon, sign_up(quick_api, "卖车人"))
        refused = house.publish(soon, status=409)
        assert (refused["code"], refused["rule"]["article"], refused["required_days"]) == ("notice_too_short", "拍卖法 第四十五条", 7)
        assert house.get(f"/sessions/{soon}", house.owner)["state"] == "draft"
        body = house.session_body(opens_in=timedelta(days=8), format=sale_format)
        opens_at = datetime.fromisoformat(body["opens_at"])
        short = body | {"viewing_from_at": (opens_at - timedelta(days=2) + timedelta(minutes=1)).isoformat()}
        unseen = str(house.post("/sessions", house.owner, short)["id"])
        house.lot(unseen, sign_up(quick_api, "卖车人"))
        refused = house.publish(unseen, status=409)
        assert (refused["code"], refused["rule"]["article"], refused["required_days"]) == ("viewing_too_short", "拍卖法 第四十八条", 2)
        good = house.session(format=sale_format, opens_in=timedelta(days=7, minutes=1))
        lot_id = house.lot(good, sign_up(quick_api, "卖车人"))
        house.publish(good)
        house.turn(timedelta(days=7))
        assert house.get(f"/lots/{lot_id}")["state"] == "announced"
        if sale_format == "live_lane":
            assert house.post(f"/lots/{lot_id}/opening", house.owner, {}, status=409)["code"] == "lane_not_open_yet"
        house.turn(timedelta(minutes=2))
        if sale_format == "live_lane":
            house.post(f"/lots/{lot_id}/opening", house.owner, {})
        assert house.get(f"/lots/{lot_id}")["state"] == "open"
        assert house.get(f"/lots/{lot_id}")["flaws"] == ""  # the car's sheet stands in the catalogue from the notice on

    def test_rule_11_no_statutory_session_without_a_licensed_house_and_auctioneer(self, quick_api: Market, house: AuctionHouse) -> None:
        body = house.session_body(opens_in=timedelta(days=8))
        nobody = house.post("/sessions", house.owner, body | {"auctioneer_id": None}, status=409)
        assert (nobody["code"], nobody["rule"]["article"]) == ("auctioneer_missing", "拍卖法 第十四条")
        clerk_of_house = member(quick_api, house.owner, "sales")
        unlicensed = house.post("/sessions", house.owner, body | {"auctioneer_id": str(clerk_of_house.id)}, status=403)
        assert unlicensed["code"] == "licence_missing"


class TestRule12:
    """拍卖法 22, 23, 30: who may never bid, and whose goods are never sold."""

    def test_rule_12_consignor_house_staff_and_linked_accounts_cannot_bid_and_the_house_owns_no_lot(
        self, quick_api: Market, house: AuctionHouse
    ) -> None:
        consignor = sign_up(quick_api, "卖车人")
        session_id = house.session(opens_in=timedelta(days=8))
        lot_id = house.lot(session_id, consignor)
        staff = member(quick_api, house.owner, "sales")
        car = register_car(quick_api, consignor)["id"]
        for own in (house.owner.party_id, staff.id):
            terms = {"vehicle_id": car, "consignor_id": str(own), "start_minor": 8_000_000}
            refused = house.post(f"/sessions/{session_id}/lots", house.owner, terms, status=409)
            assert (refused["code"], refused["rule"]["article"]) == ("house_owns_vehicle", "拍卖法 第二十三条")
        house.publish(session_id)
        for person, code, article in (
            (consignor, "bidder_is_consignor", "拍卖法 第三十条"),
            (staff, "bidder_is_house", "拍卖法 第二十二条"),
        ):
            answer = quick_api.post(f"/auction/v1/lots/{lot_id}/registrations", json={}, headers=person.self_headers or person.headers)
            assert (answer.status_code, answer.json()["code"], answer.json()["rule"]["article"]) == (403, code, article)

    @pytest.mark.parametrize(("conflict", "code"), [(Conflict.CONSIGNOR, b"bidder_is_consignor"), (Conflict.HOUSE, b"bidder_is_house")])
    def test_rule_12_a_registration_found_in_conflict_bids_no_more(self, db: Database, conflict: Conflict, code: bytes) -> None:
        lot = open_lot(db, conflicts={0: conflict})
        with db.writing() as session:
            answers = place_bids(session, [lot.bid(0, 11_000 * YUAN), lot.bid(1, 10_000 * YUAN)]).answers
        assert (answers[0].status, code in answers[0].body, answers[1].status) == (403, True, 201)
        with db.reading() as session:
            assert session.get_one(Lot, lot.id).leader_pseudonym == "B02"


class TestRule13:
    """拍卖法 36."""

    def test_rule_13_an_accepted_bid_has_no_cancel_and_binds_until_a_higher_one_is_accepted(self, db: Database) -> None:
        lot = open_lot(db)
        with db.writing() as session:
            place_bids(session, [lot.bid(0, 10_000 * YUAN)])
        with db.writing() as session:
            lower, tie = place_bids(session, [lot.bid(0, 9_999 * YUAN), lot.bid(0, 10_000 * YUAN)]).answers
            assert [answer.status for answer in (lower, tie)] == [409, 409]
        assert self.leader(db, lot.id) == "B01"
        with db.writing() as session:
            (low,) = place_bids(session, [lot.bid(1, 10_499 * YUAN)]).answers
        assert (low.status, self.leader(db, lot.id)) == (409, "B01")
        with db.writing() as session:  # the bidder's own suspension does not free him
            queries_of = session.connection()
            queries_of.execute(
                queries.REGISTRATIONS.update()
                .where(queries.REGISTRATIONS.c.party_id == lot.party_ids[0])
                .values(state=RegistrationState.SUSPENDED)
            )
        assert self.leader(db, lot.id) == "B01"
        with db.writing() as session:
            (higher,) = place_bids(session, [lot.bid(1, 10_500 * YUAN)]).answers
        assert (higher.status, self.leader(db, lot.id)) == (201, "B02")

    def leader(self, database: Database, lot_id: UUID) -> str | None:
        with database.reading() as session:
            return session.get_one(Lot, lot_id).leader_pseudonym


class TestRule14:
    """拍卖法 50."""

    def test_rule_14_below_its_reserve_a_lot_passes_and_creates_no_sale(self, db: Database) -> None:
        lot = open_lot(db, reserve_minor=12_000 * YUAN)
        with db.writing() as session:
            place_bids(session, [lot.bid(0, 11_999 * YUAN), lot.bid(1, 11_000 * YUAN)])
        self.end(db, lot.id)
        with db.reading() as session:
            result = session.get_one(AuctionResult, lot.id)
            assert (result.kind.value, result.winner_id, result.order_id) == ("passed_below_reserve", None, None)

    def test_rule_14_a_lot_without_reserve_is_labelled_so_before_it_opens(self, quick_api: Market, house: AuctionHouse) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        lot_id = house.lot(session_id, sign_up(quick_api, "卖车人"))
        other = house.lot(session_id, sign_up(quick_api, "卖车人"), reserve_kind="hidden", reserve_minor=9_000_000)
        house.publish(session_id)
        shown = {lot["id"]: lot for lot in house.get(f"/sessions/{session_id}/lots")["items"]}
        assert [(shown[one]["state"], shown[one]["reserve_kind"], shown[one]["reserve_minor"]) for one in (lot_id, other)] == [
            ("announced", "none", None),
            ("announced", "hidden", None),
        ]

    def test_rule_14_a_statutory_lot_is_not_sold_on_approval(self, quick_api: Market, house: AuctionHouse) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        consignor = sign_up(quick_api, "卖车人")
        body = {"vehicle_id": register_car(quick_api, consignor)["id"], "consignor_id": str(consignor.party_id)}
        terms = {"start_minor": 8_000_000, "reserve_kind": "on_approval"}
        refused = house.post(f"/sessions/{session_id}/lots", house.owner, body | terms, status=409)
        assert (refused["code"], refused["rule"]["article"]) == ("approval_not_statutory", "拍卖法 第五十条、第五十一条")

    def end(self, database: Database, lot_id: UUID) -> None:
        with database.writing() as session:
            row = session.get_one(Lot, lot_id)
            row.ends_at = row.opens_at + timedelta(seconds=1)
            session.add(row)
        turn_due(database)


class TestRule15:
    """网络司法拍卖规定 20, as benchmark."""

    def test_rule_15_a_bid_inside_the_window_moves_the_end_by_server_time_and_all_bids_stay_visible_in_order(self, db: Database) -> None:
        lot = open_lot(db, bid_rules=rules(window_s=300, extension_s=300, extend_on=ExtendOn.ACCEPTED_BID), ends_in=timedelta(seconds=120))
        for step in range(3):
            with db.writing() as session:
                place_bids(session, [lot.bid(step % 2, (10_000 + 1_000 * step) * YUAN)])
        with db.reading() as session:
            row = session.get_one(Lot, lot.id)
            bids = [entry.content() for entry in list_log(session, lot_id=lot.id, after_seq=0, limit=10)]
        moments = [datetime.fromisoformat(one["at"]) for one in bids]
        assert [datetime.fromisoformat(one["ends_at"]) for one in bids] == [at + timedelta(seconds=300) for at in moments]
        assert row.ends_at == moments[-1] + timedelta(seconds=300)
        assert ([one["seq"] for one in bids], moments, [one["extensions"] for one in bids]) == ([1, 2, 3], sorted(moments), [1, 2, 3])

    def test_rule_15_statutory_sessions_extend_by_five_minutes_on_any_accepted_bid(self, house: AuctionHouse) -> None:
        shown = house.get(f"/sessions/{house.session(opens_in=timedelta(days=8))}", house.owner)["rules"]
        assert (shown["extend_on"], shown["window_s"], shown["extension_s"]) == (ExtendOn.ACCEPTED_BID.value, 300, 300)
        assert house.legal_mode == LegalMode.STATUTORY_AUCTION.value
