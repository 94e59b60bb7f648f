"""Each format over HTTP, from the session to the order; and what a session refuses when it is set up."""

from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from tests.auctions import AuctionHouse
from tests.cars import register_car
from tests.market import Market
from tests.people import Person, operator, organization, sign_up


class Sale:
    """Agreed bidding between consumers and dealers, in a format; one lot, three dealers."""

    def __init__(self, api: Market, **session: Any) -> None:
        self.api = api
        self.clerk = operator(api)
        self.house = AuctionHouse(api, clerk=self.clerk)
        self.dealers = [organization(api, "dealer", by=self.clerk) for _ in range(3)]
        self.consignor = sign_up(api, "卖车人")
        self.terms = session

    def open(self, **lot: Any) -> str:
        self.session_id = self.house.session(**self.terms)
        lot_id = self.house.lot(self.session_id, self.consignor, **lot)
        self.house.publish(self.session_id)
        self.house.register(lot_id, *self.dealers)
        self.house.turn(timedelta(minutes=10, seconds=1))
        return lot_id

    def send(self, person: Person, lot_id: str, body: dict[str, Any], *, key: str | None = None) -> httpx.Response:
        headers = person.headers | ({"Idempotency-Key": key} if key else {})
        found: httpx.Response = self.api.post(f"/auction/v1/lots/{lot_id}/bids", json=body, headers=headers)
        return found

    def log(self, lot_id: str) -> list[dict[str, Any]]:
        return [entry["entry"] for entry in self.house.get(f"/lots/{lot_id}/log")]


AMOUNTS = (8_765_432, 9_123_456, 8_901_234)


class TestSealed:
    @pytest.mark.parametrize(("sale_format", "price"), [("sealed_first_price", 9_123_456), ("sealed_second_price", 8_901_234)])
    def test_nothing_leaks_before_the_close_and_everything_is_there_after_it(self, quick_api: Market, sale_format: str, price: int) -> None:
        sale = Sale(quick_api, format=sale_format)
        lot_id = sale.open(reserve_kind="hidden", reserve_minor=8_500_000)
        first = sale.house.bid(sale.dealers[1], lot_id, 9_700_001)  # changed below: it counts for nothing
        receipts = [sale.house.bid(dealer, lot_id, amount) for dealer, amount in zip(sale.dealers, AMOUNTS, strict=True)]
        secret = {name: first[name] for name in ("leading", "price_minor", "next_minimum_minor", "reserve_met")}
        assert set(secret.values()) == {None}
        self.require_silence(sale, lot_id)
        sale.house.turn(timedelta(minutes=10))
        lot = sale.house.get(f"/lots/{lot_id}")
        assert (lot["state"], lot["price_minor"], lot["leader"]) == ("sold", price, receipts[1]["bidder"])
        revealed, closed = sale.log(lot_id)[-2:]
        assert [one["bidder"] for one in revealed["bids"]] == [receipts[1]["bidder"], receipts[2]["bidder"], receipts[0]["bidder"]]
        told = [one["amount_minor"] for one in revealed["bids"]]
        assert told == [9_123_456 if sale_format == "sealed_first_price" else None, 8_901_234, 8_765_432]
        assert (closed["bids"], closed["winner"], closed["price_minor"]) == (4, receipts[1]["bidder"], price)
        assert sale.house.get(f"/lots/{lot_id}/result", sale.dealers[1])["order_id"] is not None

    def require_silence(self, sale: Sale, lot_id: str) -> None:
        """Log, lot, catalogue, list, state at a seq, proof, the events of the outbox: no amount, no order of amounts."""
        lot = sale.house.get(f"/lots/{lot_id}", sale.dealers[0])
        assert [lot[name] for name in ("price_minor", "leader", "reserve_met", "next_minimum_minor")] == [None, None, None, 8_000_000]
        places = ("", "/log", "/states/3", "/proof", "/heads")
        shown = [sale.api.get(f"/auction/v1/lots/{lot_id}{place}", headers=sale.dealers[2].headers) for place in places]
        shown.append(sale.api.get("/auction/v1/lots"))
        shown.append(sale.api.get(f"/auction/v1/sessions/{sale.session_id}/lots"))
        text = "".join(answer.text for answer in shown) + self.events(sale)
        assert not [amount for amount in (*AMOUNTS, 9_700_001, 8_500_000) if str(amount) in text]
        assert {name for entry in sale.log(lot_id)[1:] for name in entry} == {
            "at", "bidder", "commitment", "ends_at", "kind", "lot", "previous", "seq",
        }  # fmt: skip

    def events(self, sale: Sale) -> str:
        with sale.api.database.reading() as session:
            rows = session.connection().exec_driver_sql("SELECT payload FROM outbox_event").all()
        return "".join(str(row[0]) for row in rows)

    def test_below_the_reserve_there_is_no_sale(self, quick_api: Market) -> None:
        sale = Sale(quick_api, format="sealed_first_price")
        lot_id = sale.open(reserve_kind="hidden", reserve_minor=9_500_000)
        sale.house.bid(sale.dealers[0], lot_id, 9_400_000)
        sale.house.turn(timedelta(minutes=10))
        assert sale.house.get(f"/lots/{lot_id}/result")["kind"] == "passed_below_reserve"

    def test_without_envelopes_it_passes(self, quick_api: Market) -> None:
        sale = Sale(quick_api, format="sealed_second_price")
        lot_id = sale.open()
        assert sale.send(sale.dealers[0], lot_id, {"maximum_minor": 7_999_999}).json()["next_minimum_minor"] == 8_000_000
        sale.house.turn(timedelta(minutes=10))
        assert sale.house.get(f"/lots/{lot_id}/result")["kind"] == "passed_no_bid"
        assert [entry["kind"] for entry in sale.log(lot_id)] == ["opened", "revealed", "closed"]


class TestBuyNow:
    def test_the_first_who_pays_the_price_has_it_at_once(self, quick_api: Market) -> None:
        sale = Sale(quick_api, format="buy_now")
        lot_id = sale.open(buy_now_minor=9_000_000)
        assert sale.house.get(f"/lots/{lot_id}")["buy_now_minor"] == 9_000_000
        low = sale.send(sale.dealers[0], lot_id, {"maximum_minor": 8_999_999, "buy_now": True})
        assert (low.status_code, low.json()["code"], low.json()["next_minimum_minor"]) == (409, "bid_too_low", 9_000_000)
        taken = sale.send(sale.dealers[0], lot_id, {"maximum_minor": 9_000_000, "buy_now": True})
        assert (taken.status_code, taken.json()["price_minor"], taken.json()["leading"]) == (201, 9_000_000, True)
        late = sale.send(sale.dealers[1], lot_id, {"maximum_minor": 9_500_000})
        assert (late.status_code, late.json()["code"]) == (409, "lot_closed")
        sale.house.turn()
        assert sale.house.get(f"/lots/{lot_id}/result", sale.dealers[0])["order_id"] is not None
        assert sale.log(lot_id)[1]["act"] == "buy_now"

    @pytest.mark.parametrize("until", ["first_bid", "reserve_met"])
    def test_it_is_gone_as_the_session_says(self, quick_api: Market, until: str) -> None:
        sale = Sale(quick_api, format="buy_now", rules={"buy_now_until": until})
        lot_id = sale.open(buy_now_minor=9_000_000, reserve_kind="hidden", reserve_minor=8_800_000)
        sale.house.bid(sale.dealers[0], lot_id, 8_200_000)
        gone = until == "first_bid"
        assert sale.house.get(f"/lots/{lot_id}")["buy_now_minor"] == (None if gone else 9_000_000)
        if not gone:
            sale.house.bid(sale.dealers[1], lot_id, 8_800_000)
        refused = sale.send(sale.dealers[2], lot_id, {"maximum_minor": 9_000_000, "buy_now": True})
        assert (refused.status_code, refused.json()["code"]) == (409, "buy_now_gone")

    def test_a_lot_of_another_session_has_none(self, quick_api: Market) -> None:
        sale = Sale(quick_api)
        lot_id = sale.open()
        answer = sale.send(sale.dealers[0], lot_id, {"maximum_minor": 9_000_000, "buy_now": True})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_buy_now")


class TestDutch:
    def test_the_price_falls_with_the_clock_and_the_first_taker_pays_it(self, quick_api: Market) -> None:
        sale = Sale(quick_api, format="dutch", rules={"fall_step_minor": 100_000, "fall_interval_s": 10})
        lot_id = sale.open(floor_minor=7_000_000)
        shown = sale.house.get(f"/lots/{lot_id}")
        assert (shown["next_minimum_minor"], shown["price_minor"]) == (8_000_000, None)
        assert shown["next_fall_at"] is not None
        quick_api.advance(timedelta(seconds=30))
        assert sale.house.get(f"/lots/{lot_id}")["next_minimum_minor"] == 7_700_000
        low = sale.send(sale.dealers[0], lot_id, {"maximum_minor": 7_600_000})
        assert (low.status_code, low.json()["next_minimum_minor"]) == (409, 7_700_000)
        taken = sale.house.bid(sale.dealers[1], lot_id, 7_900_000)
        assert (taken["price_minor"], taken["leading"]) == (7_700_000, True)
        assert sale.send(sale.dealers[0], lot_id, {"maximum_minor": 8_000_000}).json()["code"] == "lot_closed"
        sale.house.turn()
        result = sale.house.get(f"/lots/{lot_id}/result", sale.dealers[1])
        assert (result["kind"], result["price_minor"], result["you_won"]) == ("sold", 7_700_000, True)

    def test_it_stops_at_its_floor(self, quick_api: Market) -> None:
        sale = Sale(quick_api, format="dutch", rules={"fall_step_minor": 600_000, "fall_interval_s": 1})
        lot_id = sale.open(floor_minor=7_000_000)
        quick_api.advance(timedelta(seconds=60))
        shown = sale.house.get(f"/lots/{lot_id}")
        assert (shown["next_minimum_minor"], shown["next_fall_at"]) == (7_000_000, None)
        assert sale.house.bid(sale.dealers[0], lot_id, 7_000_000)["price_minor"] == 7_000_000


class TestConfirmation:
    def test_an_amount_far_above_the_estimate_is_asked_about_once(self, quick_api: Market) -> None:
        sale = Sale(quick_api, rules={"confirm_above_bps": 15_000})
        lot_id = sale.open(estimate_minor=9_000_000)
        slip = {"maximum_minor": 90_000_000}
        asked = sale.send(sale.dealers[0], lot_id, slip, key="k")
        assert (asked.status_code, asked.json()["code"], asked.json()["estimate_minor"]) == (409, "bid_unusual", 9_000_000)
        assert sale.house.get(f"/lots/{lot_id}")["price_minor"] is None
        meant = sale.send(sale.dealers[0], lot_id, {**slip, "confirmed": True}, key="k")
        assert (meant.status_code, meant.json()["leading"]) == (201, True)
        assert sale.send(sale.dealers[0], lot_id, {**slip, "confirmed": True}, key="k").content == meant.content
        assert orjson.loads(meant.content)["price_minor"] == 8_000_000

    def test_the_markets_own_valuation_is_the_measure_where_the_house_says_none(self, quick_api: Market) -> None:
        sale = Sale(quick_api)
        lot_id = sale.open()
        asked = sale.send(sale.dealers[0], lot_id, {"maximum_minor": 9_000_000_000})
        assert (asked.status_code, asked.json()["code"]) == (409, "bid_unusual")
        assert 1_000_000 < asked.json()["estimate_minor"] < 100_000_000


class TestApproval:
    def test_the_highest_bid_waits_for_the_consignors_word(self, quick_api: Market) -> None:
        sale = Sale(quick_api)
        lot_id = sale.open(reserve_kind="on_approval")
        assert sale.house.get(f"/lots/{lot_id}")["reserve_kind"] == "on_approval"
        sale.house.bid(sale.dealers[0], lot_id, 8_500_000)
        sale.house.turn(timedelta(minutes=10))
        result = sale.house.get(f"/lots/{lot_id}/result", sale.dealers[0])
        assert (result["kind"], result["winner"], result["order_id"]) == ("on_approval", None, None)
        (waiting,) = sale.house.get("/negotiations", sale.consignor)["items"]
        assert (waiting["lot_id"], waiting["kind"], waiting["state"]) == (lot_id, "if_bid", "open")
        accepted = {"act": "accept", "amount_minor": 8_000_000}
        agreed = sale.house.post(f"/negotiations/{waiting['id']}/answers", sale.consignor, accepted)
        assert agreed["state"] == "agreed"
        assert agreed["order_id"] is not None


class TestSettingUp:
    @pytest.mark.parametrize(
        ("body", "status", "code", "article"),
        [
            ({"legal_mode": "statutory_auction", "format": "sealed_first_price"}, 409, "sealed_not_statutory", "拍卖法 第三条"),
            ({"legal_mode": "statutory_auction", "format": "dutch"}, 409, "dutch_not_statutory", "拍卖法 第三条、第五十一条"),
            ({"legal_mode": "statutory_auction", "format": "buy_now"}, 409, "fixed_price_is_private_offer", "拍卖法 第三条、第五十条"),
            ({"lanes": 2}, 422, "lanes_out_of_range", None),
            ({"format": "live_lane", "lanes": 33}, 422, "lanes_out_of_range", None),
            ({"format": "english"}, 422, "malformed", None),
            ({"rules": {"fall_interval_s": 0}}, 422, "malformed", None),
        ],
    )
    def test_a_session_of_an_unlawful_or_crooked_kind(
        self, quick_api: Market, body: dict[str, Any], status: int, code: str, article: str | None
    ) -> None:
        house = AuctionHouse(quick_api)
        before = house.session_body(**{"auctioneer_id": str(house.owner.id), **body})
        answer = house.post("/sessions", house.owner, before, status=status)
        assert answer["code"] == code
        assert (answer.get("rule") or {}).get("article") == article

    @pytest.mark.parametrize(
        ("sale_format", "terms", "code"),
        [
            ("open_ascending", {"buy_now_minor": 9_000_000}, "terms_of_another_format"),
            ("open_ascending", {"floor_minor": 7_000_000}, "terms_of_another_format"),
            ("open_ascending", {"lane": 1}, "terms_of_another_format"),
            ("open_ascending", {"reserve_kind": "on_approval", "reserve_minor": 9_000_000}, "reserve_below_start"),
            ("buy_now", {}, "terms_of_another_format"),
            ("buy_now", {"buy_now_minor": 8_000_000}, "buy_now_too_low"),
            ("buy_now", {"buy_now_minor": 9_000_000, "reserve_kind": "hidden", "reserve_minor": 9_100_000}, "buy_now_too_low"),
            ("dutch", {}, "terms_of_another_format"),
            ("dutch", {"floor_minor": 8_000_001}, "floor_above_start"),
            ("dutch", {"floor_minor": 7_000_000, "reserve_kind": "visible", "reserve_minor": 8_000_000}, "terms_of_another_format"),
            ("live_lane", {"lane": 2}, "lanes_out_of_range"),
        ],
    )
    def test_a_lot_whose_amounts_are_another_formats(self, quick_api: Market, sale_format: str, terms: dict[str, Any], code: str) -> None:
        sale = Sale(quick_api)
        session_id = sale.house.session(format=sale_format)
        body = {"vehicle_id": register_car(quick_api, sale.consignor)["id"], "consignor_id": str(sale.consignor.party_id)}
        answer = sale.house.post(f"/sessions/{session_id}/lots", sale.house.owner, {**body, "start_minor": 8_000_000, **terms}, status=422)
        assert answer["code"] == code
        assert sale.house.get(f"/sessions/{session_id}/lots", sale.house.owner)["items"] == []

    def test_the_table_is_public(self, quick_api: Market) -> None:
        found = quick_api.get("/auction/v1/modes").json()
        assert [mode["mode"] for mode in found["modes"]] == ["c2b_auction", "b2b_auction", "b2c_auction", "c2c_auction"]
        assert len(found["formats"]) == 48
        cell = next(one for one in found["formats"] if (one["legal_mode"], one["format"]) == ("statutory_auction", "dutch"))
        assert (cell["ruling"], cell["article"]) == ("refused", "拍卖法 第三条、第五十一条")
