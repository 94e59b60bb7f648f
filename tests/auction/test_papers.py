"""The papers of a sale: asked for, printed, sealed by the house, and handed to whom they concern."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from sqlmodel import select

from auction.lots import queries as lots
from auction.papers.domain import PaperKind
from auction.papers.models import AuctionPaper
from auction.papers.service import content
from auction.sessions.models import AuctionSession
from auction.settlement.models import Confirmation
from marketplace.core.crypto import sha256_hex
from tests.auctions import AUCTION, AuctionHouse
from tests.market import Market
from tests.people import PASSWORD, Person, operator, organization, sign_up


@pytest.fixture
def house(quick_api: Market) -> AuctionHouse:
    return AuctionHouse(quick_api, clerk=operator(quick_api), legal_mode="statutory_auction")


def sold_lot(house: AuctionHouse, seller: Person, dealer: Person, other: Person) -> tuple[str, str]:
    """Session and lot of a statutory auction under the hammer."""
    session_id = house.session(opens_in=timedelta(days=8))
    lot_id = house.lot(session_id, seller, flaws="左前门补漆")
    house.publish(session_id)
    house.register(lot_id, dealer, other)
    house.turn(timedelta(days=8))
    house.bid(dealer, lot_id, 8_300_000)
    house.bid(other, lot_id, 9_000_000)
    house.turn(timedelta(minutes=20))
    return session_id, lot_id


def sign(house: AuctionHouse, lot_id: str, person: Person) -> None:
    confirmation = house.get(f"/lots/{lot_id}/confirmation", person)
    body = {"passphrase": PASSWORD, "content_hash": confirmation["content_hash"]}
    house.post(f"/lots/{lot_id}/confirmation/signature", person, body)


def fetch(api: Market, path: str, person: Person | None = None) -> bytes:
    answer = api.get(f"{AUCTION}{path}", headers=person.headers if person else {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    found: bytes = answer.content
    return found


def refused(api: Market, path: str, person: Person | None = None) -> tuple[int, str]:
    answer = api.get(f"{AUCTION}{path}", headers=person.headers if person else {})
    return answer.status_code, answer.json()["code"]


def is_sealed(pdf: bytes) -> bool:
    return [one.field_name for one in PdfFileReader(BytesIO(pdf)).embedded_signatures] == ["Seal"]


def printed(api: Market) -> list[AuctionPaper]:
    with api.database.reading() as session:
        return list(session.exec(select(AuctionPaper)).all())


class TestPapers:
    def test_the_whole_sale_on_paper(self, quick_api: Market, house: AuctionHouse) -> None:
        api = quick_api
        seller, dealer, other, stranger = sign_up(api), *(organization(api, "dealer", by=house.clerk) for _ in range(3))
        session_id, lot_id = sold_lot(house, seller, dealer, other)
        for kind in ("notice", "catalogue", "minutes"):
            assert refused(api, f"/sessions/{session_id}/papers/{kind}", house.owner) == (409, "paper_not_printed")
            asked = house.post(f"/sessions/{session_id}/papers", house.owner, {"kind": kind})
            assert asked["href"] == f"{AUCTION}/sessions/{session_id}/papers/{kind}"
        paper = f"/lots/{lot_id}/confirmation/paper"
        assert house.post(paper, other, {}, status=409)["code"] == "confirmation_not_signed"
        sign(house, lot_id, other)
        assert refused(api, paper, other) == (409, "confirmation_not_signed")
        sign(house, lot_id, house.owner)
        house.post(paper, other, {})
        api.relay()
        for kind in ("notice", "catalogue"):
            assert is_sealed(fetch(api, f"/sessions/{session_id}/papers/{kind}"))
        assert is_sealed(fetch(api, f"/sessions/{session_id}/papers/minutes", house.owner))
        copies = {fetch(api, paper, one) for one in (other, seller, house.owner)}
        assert len(copies) == 1
        assert is_sealed(copies.pop())
        for one in (None, stranger, seller):
            assert refused(api, f"/sessions/{session_id}/papers/minutes", one) == (404, "session_unknown")
        for one in (stranger, dealer):
            assert refused(api, paper, one) == (404, "lot_unknown")
        by_hash = {one.kind: one for one in printed(api)}
        assert set(by_hash) == set(PaperKind)
        minutes = by_hash[PaperKind.MINUTES]
        assert sha256_hex(fetch(api, f"/sessions/{session_id}/papers/minutes", house.owner)) == minutes.sha256

    def test_asked_for_again_it_is_the_same_and_another_edition_when_it_says_something_else(
        self, quick_api: Market, house: AuctionHouse
    ) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        house.lot(session_id, sign_up(quick_api))
        second = house.lot(session_id, sign_up(quick_api))
        house.publish(session_id)
        for _ in range(2):
            house.post(f"/sessions/{session_id}/papers", house.owner, {"kind": "catalogue"})
            quick_api.relay()
        assert len(printed(quick_api)) == 1
        first = fetch(quick_api, f"/sessions/{session_id}/papers/catalogue")
        house.post(f"/lots/{second}/withdrawal", house.owner, {})
        house.post(f"/sessions/{session_id}/papers", house.owner, {"kind": "catalogue"})
        quick_api.relay()
        assert len(printed(quick_api)) == 2
        assert fetch(quick_api, f"/sessions/{session_id}/papers/catalogue") != first

    def test_what_cannot_be_printed_yet_or_by_others_is_refused(self, quick_api: Market, house: AuctionHouse) -> None:
        session_id = house.session(opens_in=timedelta(days=8))
        path = f"/sessions/{session_id}/papers"
        assert house.post(path, house.owner, {"kind": "notice"}, status=409)["code"] == "not_announced_yet"
        house.lot(session_id, sign_up(quick_api))
        house.publish(session_id)
        early = house.post(path, house.owner, {"kind": "minutes"}, status=409)
        assert (early["code"], early["rule"]["article"]) == ("session_not_over", "拍卖法 第三十七条")
        assert house.post(path, house.owner, {"kind": "confirmation"}, status=404)["code"] == "paper_unknown"
        assert house.post(path, house.owner, {"kind": "poster"}, status=422)["code"]
        foreign = organization(quick_api, "auction_house", by=house.clerk)
        assert house.post(path, foreign, {"kind": "notice"}, status=404)["code"] == "session_unknown"
        quick_api.relay()
        assert printed(quick_api) == []


class TestContent:
    def test_names_no_party_and_no_full_number(self, quick_api: Market, house: AuctionHouse) -> None:
        api = quick_api
        seller, dealer, other = sign_up(api, "张三丰"), *(organization(api, "dealer", by=house.clerk) for _ in range(2))
        session_id, lot_id = sold_lot(house, seller, dealer, other)
        with api.database.reading() as session:
            row, lot = session.get_one(AuctionSession, UUID(session_id)), lots.get_lot(session, UUID(lot_id))
            found = session.get_one(Confirmation, lot.id)
            said: dict[str, Any] = {
                "notice": content.compose_notice(session, row),
                "catalogue": content.compose_catalogue(session, row),
                "minutes": content.compose_minutes(session, row),
                "confirmation": content.compose_confirmation(session, row, lot, found),
            }
        assert said["notice"]["title"] == "拍卖公告"
        assert said["notice"]["lots"] == [["1", lot.title, "¥80,000.00", "无保留价"]]
        assert said["catalogue"]["lots"][0]["flaws"] == "左前门补漆"
        assert said["minutes"]["lots"][0]["result"][1] == ["结果", "成交 ¥83,500.00"]
        assert [one[2] for one in said["minutes"]["lots"][0]["events"]] == ["开始", "出价", "出价", "结束"]
        assert said["confirmation"]["amounts"][0] == ["成交价", "¥83,500.00"]
        assert "张三丰" not in str(said)
        assert str(seller.party_id) not in str(said)

    def test_agreed_bidding_is_not_called_an_auction(self, quick_api: Market) -> None:
        house = AuctionHouse(quick_api, clerk=operator(quick_api))
        house.open_lot_for([])
        with quick_api.database.reading() as session:
            row = session.exec(select(AuctionSession)).one()
            said = [content.compose_notice(session, row), content.compose_catalogue(session, row), content.compose_minutes(session, row)]
        assert [one["title"] for one in said] == ["竞价公告", "竞价标的目录", "竞价笔录"]
