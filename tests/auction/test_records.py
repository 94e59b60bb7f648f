"""A session's records: one file with everything and its hashes, and rows that nobody deletes."""

from datetime import date, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from auction.records.domain import MandateCourse, kept_until, mandate_ended_on
from auction.settlement.service import personal_data
from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.crypto import sha256_hex
from marketplace.core.files import FileMissing, file_store
from tests.auction.test_papers import sign, sold_lot
from tests.auctions import AUCTION, AuctionHouse
from tests.market import Market
from tests.people import Person, operator, organization, sign_up

KEPT = (
    "auction_session", "auction_lot", "auction_mandate", "auction_registration", "auction_log", "auction_signed_head", "auction_result",
    "auction_confirmation", "auction_paper",
)  # fmt: skip


@pytest.fixture
def house(api: Market) -> AuctionHouse:
    return AuctionHouse(api, clerk=operator(api), legal_mode="statutory_auction")


def people(api: Market, house: AuctionHouse) -> tuple[Person, Person, Person]:
    dealers = [organization(api, "dealer", by=house.clerk) for _ in range(2)]
    return sign_up(api, "张三丰"), dealers[0], dealers[1]


def unpack(api: Market, session_id: str, person: Person) -> dict[str, bytes]:
    answer = api.get(f"{AUCTION}/sessions/{session_id}/records", headers=person.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
    with ZipFile(BytesIO(answer.content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def lines(content: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content.splitlines()]


def counts(api: Market) -> dict[str, int]:
    with api.database.reading() as session:
        connection = session.connection()
        return {name: int(connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()) for name in KEPT}


class TestTerm:
    @pytest.mark.parametrize(
        ("course", "ended_on"),
        [
            (MandateCourse(None), None),
            (MandateCourse(date(2026, 11, 25)), date(2026, 11, 25)),
            (MandateCourse(date(2026, 11, 25), sold=True), None),
            (MandateCourse(date(2026, 11, 25), sold=True, order_ended_on=date(2026, 12, 20)), date(2026, 12, 20)),
            (MandateCourse(date(2026, 11, 25), sold=True, order_ended_on=date(2026, 11, 20)), date(2026, 11, 25)),
        ],
    )
    def test_runs_from_the_end_of_the_mandate(self, course: MandateCourse, ended_on: date | None) -> None:
        assert mandate_ended_on(course) == ended_on

    def test_is_years_to_the_day(self) -> None:
        assert kept_until(date(2026, 11, 25), years=5) == date(2031, 11, 25)
        assert kept_until(date(2028, 2, 29), years=5) == date(2033, 3, 1)
        assert kept_until(None, years=5) is None


class TestExport:
    def test_holds_everything_and_names_the_hash_of_each_file(self, api: Market, house: AuctionHouse) -> None:
        seller, dealer, other = people(api, house)
        session_id, lot_id = sold_lot(house, seller, dealer, other)
        sign(house, lot_id, other)
        house.post(f"/sessions/{session_id}/papers", house.owner, {"kind": "minutes"})
        api.relay()
        found = unpack(api, session_id, house.owner)
        manifest = orjson.loads(found.pop("manifest.json"))
        assert {one["name"]: (one["sha256"], one["size_bytes"]) for one in manifest["files"]} == {
            name: (sha256_hex(content), len(content)) for name, content in found.items()
        }
        (paper,) = [name for name in found if name.startswith("papers/minutes-")]
        assert set(found) == {
            "session.json", "lots.jsonl", "mandates.jsonl", "bidders.jsonl", "results.jsonl", "confirmations.jsonl", "orders.jsonl",
            "minutes.json", "logs/00001.jsonl", paper,
        }  # fmt: skip
        (mandate,), (result,), (order,) = (lines(found[f"{name}.jsonl"]) for name in ("mandates", "results", "orders"))
        assert sha256_hex(mandate["document"].encode()) == mandate["content_hash"]
        assert (result["lot_id"], result["price_minor"], result["order_id"]) == (lot_id, 8_350_000, order["order_id"])
        (confirmation,) = lines(found["confirmations.jsonl"])
        assert sha256_hex(confirmation["document"].encode()) == confirmation["content_hash"]
        assert len(confirmation["signatures"]) == 1
        proof = api.get(f"{AUCTION}/lots/{lot_id}/proof").content
        assert lines(found["logs/00001.jsonl"])[:-1] == lines(proof)[:-1]
        assert found[paper][:5] == b"%PDF-"
        assert (manifest["retention"]["years"], manifest["retention"]["article"]) == (5, "拍卖法 第五十四条")
        assert manifest["retention"]["lots"] == [{"lot_id": lot_id, "number": 1, "mandate_ended_on": None, "kept_until": None}]
        text = b"".join(content for name, content in found.items() if not name.startswith("papers/")).decode()
        assert "张三丰" not in text

    def test_a_hidden_reserve_stays_secret_and_an_unsold_lots_term_runs(self, api: Market, house: AuctionHouse) -> None:
        seller, dealer, _ = people(api, house)
        session_id = house.session(opens_in=timedelta(days=8))
        lot_id = house.lot(session_id, seller, reserve_kind="hidden", reserve_minor=9_876_500)
        house.publish(session_id)
        house.register(lot_id, dealer)
        house.turn(timedelta(days=8))
        house.turn(timedelta(minutes=20))
        found = unpack(api, session_id, house.owner)
        closed_on = date.fromisoformat(orjson.loads(found["manifest.json"])["retention"]["lots"][0]["mandate_ended_on"])
        assert orjson.loads(found["manifest.json"])["retention"]["lots"][0]["kept_until"] == str(kept_until(closed_on, years=5))
        assert b"9876500" not in found["lots.jsonl"]

    def test_only_the_house_takes_it_and_only_what_was_announced(self, api: Market, house: AuctionHouse) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        assert house.get(f"/sessions/{session_id}/records", house.owner, status=409)["code"] == "records_not_there"
        foreign = organization(api, "auction_house", by=house.clerk)
        assert house.get(f"/sessions/{session_id}/records", foreign, status=404)["code"] == "session_unknown"
        assert api.get(f"{AUCTION}/sessions/{session_id}/records").status_code == 401


class TestRuleNineteen:
    def test_rule_19_auction_records_are_undeletable_for_five_years_from_the_end_of_the_mandate(
        self, api: Market, house: AuctionHouse
    ) -> None:
        seller, dealer, other = people(api, house)
        session_id, _ = sold_lot(house, seller, dealer, other)
        house.post(f"/sessions/{session_id}/papers", house.owner, {"kind": "minutes"})
        api.relay()
        before = counts(api)
        assert min(before.values()) > 0
        for name in KEPT:
            with pytest.raises(DBAPIError, match=f"{name}_(kept|append_only)"), api.database.writing() as session:
                session.connection().execute(sa.text(f"DELETE FROM {name}"))
        with api.database.reading() as session:
            now = clock.now(session)
            key = session.connection().execute(sa.text("SELECT file_key FROM auction_paper")).scalar_one()
            term = accounts.retention_term("auction_record_after_mandate", on=clock.shanghai_day(now))
        assert counts(api) == before
        assert term.years == 5
        files = file_store()
        assert files.get(key, now=now + timedelta(days=5 * 366))[:5] == b"%PDF-"
        assert key.split("/")[1] > f"{now + timedelta(days=5 * 366):%Y%m%d}"  # what the broom of expired files goes by
        with pytest.raises(FileMissing):
            files.get(key, now=now + timedelta(days=11 * 366))

    def test_rule_19_a_closed_account_leaves_the_records_as_they_are(self, api: Market, house: AuctionHouse) -> None:
        seller, dealer, other = people(api, house)
        _, lot_id = sold_lot(house, seller, dealer, other)
        log = api.get(f"{AUCTION}/lots/{lot_id}/proof").content
        with api.database.writing() as session:
            report = personal_data.erase(session, UUID(str(dealer.party_id)))
        assert (report.erased, len(report.kept)) == (0, 1)
        assert "五年" in report.kept[0]
        assert lines(api.get(f"{AUCTION}/lots/{lot_id}/proof").content)[:-1] == lines(log)[:-1]
