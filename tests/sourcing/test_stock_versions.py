"""Versions of a dealer's stock: what each import changed, going back, confirming, his own headers; over HTTP, on both databases."""

import io
import json
import threading
from typing import Any
from uuid import UUID, uuid4

import xlsxwriter  # type: ignore[import-untyped]  # it has no stubs
from sqlmodel import col, select

from auction.bidding.service import BidAnswer, place_bids
from marketplace.core.pagination import PageQuery
from marketplace.core.settings import Settings
from marketplace.sourcing.domain import StockState
from marketplace.sourcing.models import StockCar
from marketplace.sourcing.service import importing, stock
from marketplace.vehicles import api as vehicles
from tests.auctions import YUAN, open_lot
from tests.cars import vin
from tests.market import Market
from tests.people import Person, sign_up
from tests.stock import BASE, HEADER, dealer, stock_file, stock_of, stock_row, upload_stock

PRICE = "报价(万元)"


def finished(api: Market, seller: Person, answer: Any) -> dict[str, Any]:
    """The import when it has come to its end."""
    assert answer.status_code == 201, answer.text
    api.relay()
    body: dict[str, Any] = api.get(f"{BASE}/stock-imports/{answer.json()['id']}", headers=seller.headers).json()
    return body


def upload(api: Market, seller: Person, rows: list[dict[str, str]], **options: Any) -> dict[str, Any]:
    return finished(api, seller, upload_stock(api, seller, stock_file(rows), **options))


def roll_back(api: Market, seller: Person, import_id: str, **body: Any) -> Any:
    return api.post(f"{BASE}/stock-imports/{import_id}/rollback", json=body, headers=seller.headers)


def rows_of(api: Market, seller: Person, import_id: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(
        f"{BASE}/stock-imports/{import_id}/rows", params={"limit": 100} | params, headers=seller.headers
    ).json()["items"]
    return found


def prices(api: Market, seller: Person) -> dict[str, int]:
    return {car["stock_no"]: car["ask_minor"] for car in stock_of(api, seller, state="in_stock")}


class TestDiff:
    def test_each_change_is_told_with_what_it_was(self, api: Market) -> None:
        seller = dealer(api)
        first, second = stock_row(1), stock_row(2)
        upload(api, seller, [first, second])
        changed = first | {PRICE: "11.98", "表显里程(万公里)": "4.3", "颜色": "白色"}
        body = upload(api, seller, [changed, stock_row(3)], mode="full", dry_run=True)
        assert (body["state"], body["version"]) == ("checked", None)
        told = {(row["n"], row["outcome"]): row["changes"] for row in rows_of(api, seller, body["id"])}
        assert told == {
            (1, "changed"): {"ask_minor": [12_980_000, 11_980_000], "odometer_km": [42_000, 43_000], "colour": ["black", "white"]},
            (2, "added"): {},
            (3, "removed"): {"state": ["in_stock", "removed"]},
        }
        assert prices(api, seller) == {"KC00001": 12_980_000, "KC00002": 12_980_000}  # a dry run changes nothing

    def test_an_unchanged_record_leaves_no_answer_and_other_words_for_the_same_car_no_change(self, api: Market) -> None:
        seller = dealer(api)
        row = stock_row(1)
        upload(api, seller, [row])
        same_car = row | {PRICE: "12.980", "品牌": "大众"}
        body = upload(api, seller, [same_car])
        assert (body["rows_unchanged"], rows_of(api, seller, body["id"])) == (1, [])
        again = upload(api, seller, [same_car, stock_row(2)])
        assert (again["rows_unchanged"], again["rows_added"]) == (1, 1)

    def test_what_a_file_has_no_column_for_stays(self, api: Market) -> None:
        seller = dealer(api)
        row = stock_row(1)
        upload(api, seller, [row])
        [car] = stock_of(api, seller)
        entered = {"ask_minor": 12_980_000, "cost_minor": 10_000_000, "stock_no": "KC00001", "description": "一手车"}
        assert api.put(f"{BASE}/stock/{car['vehicle_id']}", json=entered, headers=seller.headers).status_code == 200
        upload(api, seller, [row | {PRICE: "11.98"}])
        [car] = stock_of(api, seller)
        assert (car["ask_minor"], car["cost_minor"], car["description"]) == (11_980_000, 10_000_000, "一手车")


class TestRollback:
    def test_any_earlier_version_comes_back_whole(self, api: Market) -> None:
        seller = dealer(api)
        first, second, third = stock_row(1), stock_row(2), stock_row(3)
        one = upload(api, seller, [first, second])
        upload(api, seller, [first | {PRICE: "11.98", "颜色": "白色"}, third])
        three = upload(api, seller, [first | {PRICE: "10.98", "颜色": "蓝色"}, third], mode="full")
        assert (one["version"], three["version"], three["rows_removed"]) == (1, 3, 1)
        assert prices(api, seller) == {"KC00001": 10_980_000, "KC00003": 12_980_000}
        back = finished(api, seller, roll_back(api, seller, one["id"]))
        assert (back["state"], back["version"], back["restores_id"]) == ("applied", 4, one["id"])
        assert (back["rows_changed"], back["rows_added"], back["rows_removed"], back["rows_bad"]) == (1, 1, 1, 0)
        assert prices(api, seller) == {"KC00001": 12_980_000, "KC00002": 12_980_000}
        with api.database.reading() as session:
            facts = {car["stock_no"]: vehicles.get_vehicle(session, vehicle_id=UUID(car["vehicle_id"])) for car in stock_of(api, seller)}
        assert facts["KC00001"].colour is vehicles.Colour.BLACK
        assert upload(api, seller, [first, second])["rows_unchanged"] == 2  # as if it had never been otherwise
        forward = finished(api, seller, roll_back(api, seller, three["id"]))
        assert forward["state"] == "applied"
        assert prices(api, seller) == {"KC00001": 10_980_000, "KC00003": 12_980_000}

    def test_what_was_changed_by_hand_or_sold_since_stays_and_is_named(self, api: Market) -> None:
        seller, buyer = dealer(api), sign_up(api, "王五")
        rows = [stock_row(n) for n in range(1, 4)]
        one = upload(api, seller, rows)
        upload(api, seller, [row | {PRICE: "11.98"} for row in rows])
        cars = {car["stock_no"]: car for car in stock_of(api, seller)}
        body = {"ask_minor": 9_990_000, "stock_no": "KC00001"}
        api.put(f"{BASE}/stock/{cars['KC00001']['vehicle_id']}", json=body, headers=seller.headers)
        with api.database.writing() as session:
            sold = UUID(cars["KC00002"]["vehicle_id"])
            vehicles.move_holding(session, vehicle_id=sold, to_party_id=buyer.party_id, capacity=vehicles.Capacity.OWNER, proof="order:x")
        api.relay()
        back = finished(api, seller, roll_back(api, seller, one["id"]))
        codes = {row["stock_no"]: row["findings"][0]["code"] for row in back["bad_rows"]}
        assert codes == {"KC00001": "changed_since", "KC00002": "gone_since"}
        assert prices(api, seller) == {"KC00001": 9_990_000, "KC00003": 12_980_000}

    def test_one_that_removes_too_much_stops_and_asks(self, api: Market) -> None:
        seller = dealer(api)
        one = upload(api, seller, [stock_row(1)])
        upload(api, seller, [stock_row(n) for n in range(2, 9)])
        stopped = finished(api, seller, roll_back(api, seller, one["id"]))
        assert (stopped["state"], stopped["problem_code"], stopped["rows_removed"]) == ("refused", "stock_breaker", 7)
        assert len(prices(api, seller)) == 8
        confirmed = finished(api, seller, api.post(f"{BASE}/stock-imports/{stopped['id']}/confirmation", headers=seller.headers))
        assert (confirmed["state"], confirmed["restores_id"]) == ("applied", one["id"])
        assert list(prices(api, seller)) == ["KC00001"]

    def test_only_an_earlier_applied_version_can_be_gone_back_to(self, api: Market) -> None:
        seller = dealer(api)
        one = upload(api, seller, [stock_row(1)])
        checked = upload(api, seller, [stock_row(2)], dry_run=True)
        for import_id in (one["id"], checked["id"]):
            refused = roll_back(api, seller, import_id)
            assert (refused.status_code, refused.json()["code"], refused.json()["version"]) == (409, "not_restorable", 1)
        assert roll_back(api, seller, str(uuid4())).status_code == 404


class TestConfirmation:
    def test_the_stopped_file_runs_again_with_its_removals(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(n) for n in range(1, 9)]
        upload(api, seller, rows)
        stopped = upload(api, seller, [rows[0] | {PRICE: "1.00"}, stock_row(9)], mode="full")
        assert (stopped["state"], stopped["rows_removed"], stopped["version"]) == ("refused", 7, None)
        assert len(prices(api, seller)) == 8
        assert api.get(f"{BASE}/vehicles", params={"limit": 100}, headers=seller.headers).json()["items"][8:] == []
        confirmed = finished(api, seller, api.post(f"{BASE}/stock-imports/{stopped['id']}/confirmation", headers=seller.headers))
        assert (confirmed["state"], confirmed["rows_removed"], confirmed["version"]) == ("applied", 7, 2)
        assert prices(api, seller) == {"KC00001": 1_000_000, "KC00009": 12_980_000}
        twice = api.post(f"{BASE}/stock-imports/{stopped['id']}/confirmation", headers=seller.headers)
        assert (twice.status_code, twice.json()["code"]) == (409, "nothing_to_confirm")


class TestOneSwitch:
    def test_readers_see_none_of_it_or_all_of_it(self, api: Market) -> None:
        seller = dealer(api)
        made = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, 81)])).json()
        seen: list[int] = []
        over = threading.Event()

        def watch() -> None:
            page = PageQuery(limit=100, after=None)
            while not over.is_set():
                with api.database.reading() as session:
                    found = stock.list_stock(session, dealer_id=seller.party_id, state=StockState.IN_STOCK, paging=page)
                    seen.append(len(found))

        watcher = threading.Thread(target=watch)
        watcher.start()
        importing.run_received(api.database, api.app.state.files, import_id=UUID(made["id"]), settings=Settings())
        over.set()
        watcher.join()
        assert 0 in seen
        assert set(seen) <= {0, 80}
        assert len(stock_of(api, seller)) == 80

    def test_bids_are_taken_while_an_import_runs(self, api: Market) -> None:
        seller = dealer(api)
        lot = open_lot(api.database)
        made = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, 151)])).json()
        over = threading.Event()
        answers: list[BidAnswer] = []

        def bid() -> None:
            amount = 10_000
            while not over.is_set():
                with api.database.writing() as session:
                    answers.extend(place_bids(session, [lot.bid(len(answers) % 2, amount * YUAN)]).answers)
                amount += 1_000
                over.wait(0.01)

        bidder = threading.Thread(target=bid)
        bidder.start()
        importing.run_received(api.database, api.app.state.files, import_id=UUID(made["id"]), settings=Settings())
        over.set()
        bidder.join()
        assert len(answers) >= 3
        assert {answer.status for answer in answers} == {201}
        assert api.get(f"{BASE}/stock-imports/{made['id']}", headers=seller.headers).json()["rows_added"] == 150

    def test_what_is_switched_but_not_settled_counts_already(self, api: Market, monkeypatch: Any) -> None:
        seller = dealer(api)
        rows = [stock_row(n) for n in range(1, 41)]
        made = upload_stock(api, seller, stock_file(rows)).json()
        importing.run_import(api.database.writing, api.app.state.files, import_id=UUID(made["id"]), settings=Settings())
        body = api.get(f"{BASE}/stock-imports/{made['id']}", headers=seller.headers).json()
        assert (body["state"], body["is_settled"]) == ("applied", False)
        cars = stock_of(api, seller, state="in_stock")
        assert {car["ask_minor"] for car in cars} == {12_980_000}
        assert len(cars) == 40
        path = f"{BASE}/stock/{cars[0]['vehicle_id']}"
        assert api.get(path, headers=seller.headers).json()["state"] == "in_stock"
        assert api.post(f"{path}/removal", headers=seller.headers).json()["state"] == "removed"
        listed = api.post(f"{BASE}/stock/list", json={"import_id": made["id"]}, headers=seller.headers).json()
        assert (listed["asked"], listed["listed"]) == (39, 12)
        api.relay()
        assert len(stock_of(api, seller, state="in_stock")) == 39
        assert api.get(f"{BASE}/stock-imports/{made['id']}", headers=seller.headers).json()["is_settled"]
        with api.database.reading() as session:
            assert session.exec(select(StockCar).where(col(StockCar.pending_import_id).is_not(None))).all() == []

    def test_into_the_store_with_the_file(self, api: Market) -> None:
        seller = dealer(api)
        body = upload(api, seller, [stock_row(n) for n in range(1, 21)], list_after=True)
        assert body["rows_added"] == 20
        api.relay()
        assert all(car["listing_id"] for car in stock_of(api, seller))


class TestFormats:
    def test_json_and_spreadsheets_say_the_same(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(1), stock_row(2, 报价="面议")]
        as_json = finished(api, seller, upload_stock(api, seller, json.dumps(rows).encode()))
        assert (as_json["format"], as_json["encoding"], as_json["rows_added"], as_json["rows_bad"]) == ("json", "utf-8", 1, 1)
        out = io.BytesIO()
        with xlsxwriter.Workbook(out) as book:
            sheet = book.add_worksheet("库存")
            for number, row in enumerate([HEADER, *([row[name] for name in HEADER] for row in rows)]):
                sheet.write_row(number, 0, row)
        as_sheet = finished(api, seller, upload_stock(api, seller, out.getvalue()))
        assert (as_sheet["format"], as_sheet["encoding"], as_sheet["rows_unchanged"], as_sheet["rows_bad"]) == ("xlsx", None, 1, 1)
        assert [finding["code"] for finding in as_sheet["bad_rows"][0]["findings"]] == ["free_text_in_number"]

    def test_what_only_looks_like_a_spreadsheet_is_refused(self, api: Market) -> None:
        body = finished(api, seller := dealer(api), upload_stock(api, seller, b"PK\x03\x04" + b"\0" * 100))
        assert (body["state"], body["problem_code"]) == ("refused", "file_unreadable")


class TestMapping:
    def test_preview_then_say_what_the_words_mean_then_import(self, api: Market) -> None:
        seller = dealer(api)
        number = vin()
        content = (
            f"车架号,品牌,车型名称,上牌时间,跑了多少,到手价,所在城市\n{number},大众,帕萨特 2021款 330TSI,2021-03,4.2,12.98,天津\n".encode()
        )
        path = f"{BASE}/stock-imports/preview"
        before = api.post(path, content=content, headers=seller.headers | {"Content-Type": "text/csv"}).json()
        assert (before["format"], before["missing"], before["rows"]) == ("csv", ["odometer", "ask"], [])
        by_header = {one["header"]: one for one in before["headers"]}
        assert (by_header["品牌"]["field"], by_header["品牌"]["how"], by_header["品牌"]["samples"]) == ("brand", "automatic", ["大众"])
        assert (by_header["到手价"]["field"], by_header["到手价"]["samples"]) == (None, ["12.98"])
        assert number not in json.dumps(before)  # masked, also to its dealer
        body = {"headers": {"跑了多少": {"field": "odometer", "unit": "万公里"}, "到手价": {"field": "ask", "unit": "万元"}}}
        saved = api.put(f"{BASE}/stock-mapping", json=body, headers=seller.headers)
        assert (saved.status_code, saved.json()) == (200, body)
        assert api.get(f"{BASE}/stock-mapping", headers=seller.headers).json() == body
        after = api.post(path, content=content, headers=seller.headers | {"Content-Type": "text/csv"}).json()
        assert (after["missing"], after["rows"]) == ([], [{"n": 1, "findings": []}])
        made = finished(api, seller, upload_stock(api, seller, content))
        assert (made["rows_added"], made["mapped"]["到手价"]) == (1, "ask")
        [car] = stock_of(api, seller)
        assert (car["ask_minor"], car["odometer_km"]) == (12_980_000, 42_000)
        assert stock_of(api, dealer(api)) == []

    def test_a_mapping_is_its_dealers_own_and_names_known_fields(self, quick_api: Market) -> None:
        seller, rival = dealer(quick_api), dealer(quick_api)
        body = {"headers": {"到手价": {"field": "ask"}}}
        quick_api.put(f"{BASE}/stock-mapping", json=body, headers=seller.headers)
        assert quick_api.get(f"{BASE}/stock-mapping", headers=rival.headers).json() == {"headers": {}}
        wrong = quick_api.put(f"{BASE}/stock-mapping", json={"headers": {"x": {"field": "colour_of_money"}}}, headers=seller.headers)
        assert wrong.status_code == 422
        assert quick_api.post(f"{BASE}/stock-imports/preview", content=b"\xff", headers=seller.headers).status_code == 422
