"""Stock imports over HTTP, on both databases."""

import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from sqlmodel import select

from marketplace.core import clock
from marketplace.core.files import FileStore
from marketplace.core.outbox import use_database
from marketplace.core.settings import Settings, get_settings
from marketplace.sourcing import tasks
from marketplace.sourcing.domain import ImportState, StockState
from marketplace.sourcing.models import StockCar, StockImport
from marketplace.sourcing.service import importing, running, staging
from marketplace.vehicles import api as vehicles
from tests.cars import register_car, vin
from tests.market import Market
from tests.people import Person, operator, sign_up
from tests.stock import BASE, HEADER, dealer, imported_stock, listed_car, stock_file, stock_of, stock_row, upload_stock


def wrong_vin() -> str:
    number = vin()
    return number[:-1] + ("1" if number[-1] != "1" else "2")


def get_import(api: Market, seller: Person, import_id: Any) -> dict[str, Any]:
    answer = api.get(f"{BASE}/stock-imports/{import_id}", headers=seller.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def sheet_of(content: bytes) -> list[list[Any]]:
    return [list(row) for row in CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()]


def counts(body: dict[str, Any]) -> tuple[int, int, int, int, int]:
    return body["rows_added"], body["rows_changed"], body["rows_unchanged"], body["rows_removed"], body["rows_bad"]


class TestTenRows:
    def test_two_bad_ones_are_named_and_the_rest_goes_into_the_store(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(n) for n in range(1, 11)]
        rows[2]["车架号"] = wrong_vin()
        rows[6]["报价(万元)"] = "面议"
        answer = upload_stock(api, seller, stock_file(rows, encoding="gb18030"), file_name="库存.csv")
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert (body["state"], body["encoding"], body["delimiter"], body["file_name"]) == ("applied", "gb18030", ",", "库存.csv")
        assert (body["rows_total"], body["rows_good"], counts(body)) == (10, 8, (8, 0, 0, 0, 2))
        assert body["mapped"]["表显里程(万公里)"] == "odometer"
        assert [(row["n"], row["stock_no"], [finding["code"] for finding in row["findings"]]) for row in body["bad_rows"]] == [
            (3, "KC00003", ["vin_check_digit"]),
            (7, "KC00007", ["free_text_in_number"]),
        ]
        [finding] = body["bad_rows"][0]["findings"]
        assert finding == {
            "field": "vin",
            "column": "车架号",
            "code": "vin_check_digit",
            "severity": "error",
            "zh": "车架号校验位不符(GB 16735)",
            "hint": "对照行驶证逐位核对,常见于抄错一位",
        }
        stock = stock_of(api, seller)
        assert len(stock) == 8
        assert {(car["state"], car["ask_minor"], car["listing_id"]) for car in stock} == {("in_stock", 12_980_000, None)}
        listed = api.post(f"{BASE}/stock/list", json={"import_id": body["id"]}, headers=seller.headers)
        assert listed.status_code == 200, listed.text
        assert {name: listed.json()[name] for name in ("asked", "listed", "refused", "waiting")} == {
            "asked": 8,
            "listed": 8,
            "refused": 0,
            "waiting": 0,
        }
        assert len(api.get(f"{BASE}/store").json()["items"]) == 8
        again = api.post(f"{BASE}/stock/list", json={}, headers=seller.headers).json()
        assert (again["listed"], {car["listing_id"] for car in again["cars"]}) == (
            8,
            {car["listing_id"] for car in listed.json()["cars"]},
        )

    def test_every_row_has_its_answer(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(1), stock_row(2, 品牌="不存在牌"), stock_row(3, 排放="京V")]
        body = upload_stock(api, seller, stock_file(rows)).json()
        path = f"{BASE}/stock-imports/{body['id']}/rows"
        found = api.get(path, params={"limit": 2}, headers=seller.headers).json()
        rest = api.get(path, params={"limit": 2, "cursor": found["next"]}, headers=seller.headers).json()
        assert found["items"][0]["changes"] == {}
        answers = [(row["n"], row["outcome"], [finding["code"] for finding in row["findings"]]) for row in found["items"] + rest["items"]]
        assert answers == [(1, "added", []), (2, "bad", ["brand_unknown"]), (3, "added", ["emission_foreign"])]
        [bad] = api.get(path, params={"outcome": "bad"}, headers=seller.headers).json()["items"]
        assert bad["n"] == 2
        assert body["rows_warned"] == 1

    def test_the_error_table_is_marked_up_and_harmless(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(1), stock_row(2, 报价="", 颜色="=HYPERLINK(1)"), stock_row(3, 表显里程="-6.7")]
        body = upload_stock(api, seller, stock_file(rows)).json()
        assert body["has_error_table"]
        path = f"{BASE}/stock-imports/{body['id']}/errors.xlsx"
        answer = api.get(path, headers=seller.headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        assert answer.headers["content-disposition"].startswith("attachment;")
        header, *table = sheet_of(answer.content)
        assert header[:5] == ["行号", "结果", "问题", "处理建议", "库存编号"]
        assert [row[:3] for row in table] == [
            ["2", "未导入", "报价(万元):价格为空;颜色:颜色无法识别,按其他处理"],
            ["3", "未导入", "表显里程(万公里):里程为负数"],
        ]
        assert table[0][header.index("颜色")] == "'=HYPERLINK(1)"
        assert table[1][header.index("表显里程(万公里)")] == "'-6.7"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            comments = book.read("xl/comments1.xml").decode()
        assert "<f>" not in sheet  # no formula at all
        assert "价格为空:填写含全部费用的销售价" in comments
        api.advance(timedelta(days=get_settings().stock_upload_days + 1))
        gone = api.get(path, headers=seller.sign_in(api).headers)
        assert (gone.status_code, gone.json()["code"]) == (404, "error_file_gone")

    def test_the_upload_is_stored_encrypted(self, api: Market) -> None:
        seller = dealer(api)
        row = stock_row(1)
        body = upload_stock(api, seller, stock_file([row])).json()
        with api.database.reading() as session:
            stored = session.get_one(StockImport, UUID(body["id"]))
            now = clock.now(session)
        files: FileStore = api.app.state.files
        assert stored.file_key is not None
        assert stored.file_key.startswith("sealed/")
        assert row["车架号"].encode() in files.get(stored.file_key, now=now)


class TestModes:
    def test_a_dry_run_changes_nothing(self, api: Market) -> None:
        seller = dealer(api)
        body = upload_stock(api, seller, stock_file([stock_row(1), stock_row(2, 报价="")]), dry_run=True).json()
        assert (body["state"], counts(body)) == ("checked", (1, 0, 0, 0, 1))
        assert stock_of(api, seller) == []
        assert api.get(f"{BASE}/vehicles", headers=seller.headers).json()["items"] == []

    def test_the_same_file_again_is_the_same_import(self, api: Market) -> None:
        seller = dealer(api)
        content = stock_file([stock_row(1), stock_row(2)])
        first, again = upload_stock(api, seller, content).json(), upload_stock(api, seller, content).json()
        assert first["id"] == again["id"]
        assert len(stock_of(api, seller)) == 2

    def test_a_delta_changes_what_it_names_and_its_listing_follows(self, api: Market) -> None:
        seller = dealer(api)
        first, second = stock_row(1), stock_row(2)
        upload_stock(api, seller, stock_file([first, second]))
        api.post(f"{BASE}/stock/list", json={}, headers=seller.headers)
        changed = first | {"报价(万元)": "11.98", "表显里程(万公里)": "4.3"}
        body = upload_stock(api, seller, stock_file([changed, stock_row(3)])).json()
        assert counts(body) == (1, 1, 0, 0, 0)
        api.relay()
        by_number = {car["stock_no"]: car for car in stock_of(api, seller)}
        assert [by_number[number]["ask_minor"] for number in ("KC00001", "KC00002", "KC00003")] == [11_980_000, 12_980_000, 12_980_000]
        assert by_number["KC00001"]["odometer_km"] == 43_000
        listing = api.get(f"{BASE}/listings/{by_number['KC00001']['listing_id']}").json()
        assert (listing["price_minor"], [price["price_minor"] for price in listing["prices"]]) == (11_980_000, [12_980_000, 11_980_000])
        unchanged = upload_stock(api, seller, stock_file([changed, second])).json()
        assert counts(unchanged) == (0, 0, 2, 0, 0)

    def test_a_full_file_takes_out_what_it_does_not_name(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(n) for n in range(1, 6)]
        upload_stock(api, seller, stock_file(rows))
        api.post(f"{BASE}/stock/list", json={}, headers=seller.headers)
        kept = [rows[0], rows[1] | {"报价(万元)": ""}, rows[2]]  # a bad row's car stays
        body = upload_stock(api, seller, stock_file(kept), mode="full").json()
        assert (body["state"], counts(body)) == ("applied", (0, 0, 2, 2, 1))
        api.relay()
        assert sorted((car["stock_no"], car["state"]) for car in stock_of(api, seller)) == [
            ("KC00001", "in_stock"),
            ("KC00002", "in_stock"),
            ("KC00003", "in_stock"),
            ("KC00004", "removed"),
            ("KC00005", "removed"),
        ]
        assert len(api.get(f"{BASE}/store").json()["items"]) == 3
        back = upload_stock(api, seller, stock_file(rows)).json()
        assert counts(back) == (2, 0, 3, 0, 0)  # taken out, and back again

    def test_trap_8_a_mass_deletion_stops_and_asks(self, api: Market) -> None:
        seller = dealer(api)
        rows = [stock_row(n) for n in range(1, 9)]
        upload_stock(api, seller, stock_file(rows))
        refused = upload_stock(api, seller, stock_file(rows[:2]), mode="full").json()
        assert (refused["state"], refused["problem_code"], refused["rows_removed"]) == ("refused", "stock_breaker", 6)
        assert "下架6辆(现有8辆)" in refused["problem"]
        assert len(stock_of(api, seller, state="in_stock")) == 8
        for empty in (b"", stock_file([])):
            answer = upload_stock(api, seller, empty, mode="full", confirm_removals=True).json()
            assert (answer["state"], answer["problem_code"]) == ("refused", "file_unreadable")
        assert len(stock_of(api, seller, state="in_stock")) == 8
        confirmed = upload_stock(api, seller, stock_file(rows[:2]), mode="full", confirm_removals=True).json()
        assert (confirmed["state"], confirmed["rows_removed"]) == ("applied", 6)
        assert len(stock_of(api, seller, state="in_stock")) == 2

    def test_a_large_file_runs_behind_the_answer(self, api: Market) -> None:
        seller = dealer(api)
        answer = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, 41)])).json()
        assert (answer["state"], answer["rows_total"]) == ("received", 0)
        busy = upload_stock(api, seller, stock_file([stock_row(99)]))
        assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (409, "import_running", "2")
        assert stock_of(api, seller) == []
        api.relay()
        assert counts(get_import(api, seller, answer["id"])) == (40, 0, 0, 0, 0)
        listed = api.post(f"{BASE}/stock/list", json={}, headers=seller.headers).json()
        assert (listed["asked"], listed["listed"], listed["waiting"]) == (40, 12, 28)
        api.relay()
        assert all(car["listing_id"] for car in stock_of(api, seller))


class TestWhoseCar:
    def test_another_partys_car_is_a_bad_row(self, api: Market) -> None:
        owner, seller = sign_up(api, "李四"), dealer(api)
        number = vin()
        register_car(api, owner, vin=number)
        body = upload_stock(api, seller, stock_file([stock_row(1, 车架号=number), stock_row(2)])).json()
        assert counts(body) == (1, 0, 0, 0, 1)
        assert [finding["code"] for finding in body["bad_rows"][0]["findings"]] == ["vehicle_held_by_another"]
        assert body["bad_rows"][0]["vehicle_id"] is None  # nothing of it is told

    def test_imports_are_their_dealers_only(self, api: Market) -> None:
        clerk = operator(api)
        seller, rival = dealer(api, by=clerk), dealer(api, by=clerk)
        made = imported_stock(api, seller)
        for path in ("", "/rows", "/errors.xlsx", "/images"):
            assert api.get(f"{BASE}/stock-imports/{made['id']}{path}", headers=rival.headers).status_code == 404
        assert api.get(f"{BASE}/stock-imports/{uuid4()}", headers=seller.headers).status_code == 404
        assert api.get(f"{BASE}/stock-imports", headers=rival.headers).json()["items"] == []
        assert stock_of(api, rival) == []
        [car, *_] = stock_of(api, seller)
        assert api.get(f"{BASE}/stock/{car['vehicle_id']}", headers=rival.headers).status_code == 404
        refused = api.post(f"{BASE}/stock/list", json={"import_id": made["id"]}, headers=rival.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_ask")
        assert upload_stock(api, sign_up(api), b"x").status_code == 403

    def test_a_car_that_changed_hands_leaves_the_stock(self, api: Market) -> None:
        seller, buyer = dealer(api), sign_up(api, "王五")
        imported_stock(api, seller, cars=1)
        [car] = stock_of(api, seller)
        with api.database.writing() as session:
            vehicles.move_holding(
                session,
                vehicle_id=UUID(car["vehicle_id"]),
                to_party_id=buyer.party_id,
                capacity=vehicles.Capacity.OWNER,
                proof="order:x",
            )
        api.relay()
        with api.database.reading() as session:
            [row] = session.exec(select(StockCar)).all()
        assert row.state is StockState.SOLD


class TestStockList:
    def test_enter_price_and_remove(self, api: Market) -> None:
        listed = listed_car(api)
        seller, path = listed.seller, f"{BASE}/stock/{listed.car_id}"
        body = {"ask_minor": 8_600_000, "cost_minor": 7_900_000, "stock_no": "A-1"}
        entered = api.put(path, json=body, headers=seller.headers)
        assert (entered.status_code, entered.json()["ask_minor"], entered.json()["cost_minor"]) == (200, 8_600_000, 7_900_000)
        shown = api.get(f"{BASE}/listings/{listed.listing_id}").json()
        assert shown["price_minor"] == 8_600_000
        assert "7900000" not in str(shown)  # what it cost is nobody's business
        removed = api.post(f"{path}/removal", headers=seller.headers)
        assert (removed.status_code, removed.json()["state"], removed.json()["listing_id"]) == (200, "removed", None)
        assert api.get(f"{BASE}/listings/{listed.listing_id}").status_code == 404

    def test_one_refused_car_stops_no_other(self, api: Market) -> None:
        clerk = operator(api)
        seller = dealer(api, by=clerk)
        imported_stock(api, seller, cars=3)
        cars = stock_of(api, seller)
        body = {"kind": "seal", "authority": "法院", "reference": "1"}
        sealed = api.post(f"{BASE}/vehicles/{cars[1]['vehicle_id']}/restrictions", json=body, headers=clerk.headers)
        assert sealed.status_code == 201, sealed.text
        answer = api.post(f"{BASE}/stock/list", json={}, headers=seller.headers).json()
        assert (answer["listed"], answer["refused"]) == (2, 1)
        assert {car["vehicle_id"]: car["list_problem"] for car in stock_of(api, seller)} == {
            cars[0]["vehicle_id"]: None,
            cars[1]["vehicle_id"]: "not_eligible",
            cars[2]["vehicle_id"]: None,
        }


class _Died(BaseException):
    """The process is gone: nothing catches it."""


def dying_at(call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original, calls = staging.stage, []

    def dying(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise _Died
        return original(*arguments, **named)

    monkeypatch.setattr(running, "stage", dying)


class TestInterrupted:
    def test_a_run_that_died_midway_begins_again_and_is_whole(self, api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        seller = dealer(api)
        made = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, 31)])).json()
        files: FileStore = api.app.state.files
        dying_at(3, monkeypatch)
        with pytest.raises(_Died):
            importing.run_received(api.database, files, import_id=UUID(made["id"]), settings=Settings())
        monkeypatch.undo()
        assert stock_of(api, seller) == []  # what was staged is not seen
        half = get_import(api, seller, made["id"])
        assert (half["state"], half["version"]) == ("running", None)
        assert 0 < half["rows_total"] < 30  # and how far it came is
        importing.run_received(api.database, files, import_id=UUID(made["id"]), settings=Settings())
        assert get_import(api, seller, made["id"])["state"] == "running"  # nobody takes over a runner heard of just now
        api.advance(timedelta(minutes=3))
        seller.sign_in(api)
        with use_database(api.database):
            tasks.give_up_imports()
        api.relay()
        assert counts(get_import(api, seller, made["id"])) == (30, 0, 0, 0, 0)
        assert len(stock_of(api, seller)) == 30

    def test_a_runner_that_was_overtaken_writes_nothing_more(self, api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        seller = dealer(api)
        made = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, 31)])).json()
        original = staging.stage
        done: list[int] = []

        def overtaken(session: Any, *arguments: Any) -> Any:
            if not done:
                done.append(1)
                session.connection().execute(sa.update(StockImport).values(run_id=uuid4()))
            return original(session, *arguments)

        monkeypatch.setattr(running, "stage", overtaken)
        importing.run_received(api.database, api.app.state.files, import_id=UUID(made["id"]), settings=Settings())
        assert get_import(api, seller, made["id"])["state"] == "running"
        assert stock_of(api, seller) == []

    def test_one_without_an_end_is_given_up(self, api: Market) -> None:
        seller = dealer(api)
        made = upload_stock(api, seller, stock_file([stock_row(n) for n in range(1, 31)])).json()
        api.advance(timedelta(hours=get_settings().stock_import_hours, minutes=1))
        with use_database(api.database):
            tasks.give_up_imports()
        seller.sign_in(api)
        given_up = get_import(api, seller, made["id"])
        assert (given_up["state"], given_up["problem_code"]) == (ImportState.FAILED, "import_given_up")
        api.relay()  # the late run changes nothing
        assert stock_of(api, seller) == []
        assert upload_stock(api, seller, stock_file([stock_row(1)])).json()["state"] == "applied"


class TestForms:
    def test_multipart_is_taken_too(self, quick_api: Market) -> None:
        seller = dealer(quick_api)
        files = {"file": ("stock.csv", stock_file([stock_row(1)]), "text/csv")}
        answer = quick_api.post(f"{BASE}/stock-imports", files=files, headers=seller.headers)
        assert (answer.status_code, answer.json()["rows_added"], answer.json()["file_name"]) == (201, 1, "stock.csv")
        wrong = quick_api.post(f"{BASE}/stock-imports", files={"other": ("x", b"x")}, headers=seller.headers)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "file_expected")

    def test_the_same_key_gives_the_same_answer(self, quick_api: Market) -> None:
        seller = dealer(quick_api)
        headers = seller.headers | {"Idempotency-Key": "import-1", "Content-Type": "text/csv"}
        content = stock_file([stock_row(1)])
        first = quick_api.post(f"{BASE}/stock-imports", content=content, headers=headers)
        again = quick_api.post(f"{BASE}/stock-imports", content=content, headers=headers)
        assert (first.json(), again.headers["idempotent-replay"]) == (again.json(), "true")

    def test_too_large_is_refused(self, quick_api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        seller = dealer(quick_api)
        monkeypatch.setattr(get_settings(), "stock_file_limit_bytes", 2_000)
        answer = upload_stock(quick_api, seller, b"x" * 2_001)
        assert (answer.status_code, answer.json()["code"], answer.json()["limit_bytes"]) == (413, "stock_file_too_large", 2_000)

    @given(st.binary(max_size=300))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_byte_soup_gives_diagnostics(self, soup_market: tuple[Market, Person], content: bytes) -> None:
        """Never a failure of ours: each file ends in a state that says what became of it."""
        market, seller = soup_market
        header = ",".join(HEADER).encode() + b"\n"
        for body in (content, header + content):
            for content_type in ("text/csv", "multipart/form-data; boundary=x"):
                headers = seller.headers | {"Content-Type": content_type}
                answer = market.post(f"{BASE}/stock-imports", content=body, headers=headers)
                assert answer.status_code in {201, 400, 422}, answer.text
                if answer.status_code == 201:
                    market.relay()
                    found = get_import(market, seller, answer.json()["id"])
                    assert found["state"] in {"applied", "refused"}
                    assert found["problem"] or found["rows_total"] == found["rows_good"] + found["rows_bad"]


@pytest.fixture
def soup_market(quick_api: Market) -> tuple[Market, Person]:
    return quick_api, dealer(quick_api)
