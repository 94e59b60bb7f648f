"""Proofs over HTTP: what the market signs, who may open what, and that its own file proves its own result."""

import base64
from datetime import timedelta

import orjson
import pytest
from sqlmodel import select

from auction.lots.models import Lot
from auction.proving import tasks
from auction.proving.models import SignedHead
from auction.verifying.domain import HeadReason
from auction.verifying.proof import opening_from_json, read_keys
from auction.verifying.statements import Signed
from auction.verifying.verify import check_proof
from marketplace.core import outbox
from marketplace.core.audit import AuditEntry
from tests.auctions import AUCTION, YUAN, AuctionHouse, open_lot
from tests.market import Market
from tests.people import Person, operator, organization, sign_up


@pytest.fixture
def clerk(api: Market) -> Person:
    return operator(api)


@pytest.fixture
def house(api: Market, clerk: Person) -> AuctionHouse:
    return AuctionHouse(api, clerk=clerk)


@pytest.fixture
def dealers(api: Market, clerk: Person) -> list[Person]:
    return [organization(api, "dealer", by=clerk) for _ in range(2)]


def proof_of(api: Market, lot_id: str) -> bytes:
    answer = api.get(f"{AUCTION}/lots/{lot_id}/proof")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    return bytes(answer.content)


def sold(house: AuctionHouse, dealers: list[Person], seller: Person) -> str:
    """Two dealers, three bids; the second wins at 91,500 under a secret reserve of 90,000."""
    lot_id = house.open_lot_for(dealers, seller, reserve_kind="hidden", reserve_minor=9_000_000)
    for dealer, maximum in ((dealers[0], 8_500_000), (dealers[1], 9_500_000), (dealers[0], 9_100_000)):
        house.bid(dealer, lot_id, maximum)
    house.turn(timedelta(minutes=10))
    return lot_id


class TestProofFile:
    def test_proves_what_the_market_says_with_the_keys_it_publishes(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = sold(house, dealers, seller := sign_up(api, "卖车人"))
        keys = read_keys(api.get(f"{AUCTION}/keys").text)
        receipts = [Signed.from_json(one) for dealer in dealers for one in house.get(f"/lots/{lot_id}/receipts", dealer)]
        verdict = check_proof(proof_of(api, lot_id), keys=keys, receipts=receipts)
        assert verdict.findings == []
        assert (verdict.receipts, verdict.heads, verdict.openings) == (3, 2, 2)
        assert verdict.replayed is not None
        assert verdict.replayed.state is not None
        assert verdict.replayed.state.price_minor == house.get(f"/lots/{lot_id}/result")["price_minor"] == 9_150_000
        winner = [opening_from_json(one) for one in house.get(f"/lots/{lot_id}/openings", dealers[1])]
        reserve = [opening_from_json(one) for one in house.get(f"/lots/{lot_id}/openings", seller)]
        assert ([one.amount_minor for one in winner], [one.amount_minor for one in reserve]) == ([9_500_000], [9_000_000])
        assert check_proof(proof_of(api, lot_id), keys=keys, openings=[*winner, *reserve]).findings == []

    def test_of_a_running_lot_opens_nothing(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = house.open_lot_for(dealers, reserve_kind="hidden", reserve_minor=9_000_000)
        house.bid(dealers[0], lot_id, 8_500_000)
        house.bid(dealers[1], lot_id, 8_800_000)
        content = proof_of(api, lot_id)
        verdict = check_proof(content)
        assert (verdict.findings, verdict.is_over, verdict.openings) == ([], False, 0)
        assert b"salt" not in content
        assert b'maximum_minor":' not in content

    def test_a_lot_nobody_may_see_has_none(self, api: Market, house: AuctionHouse) -> None:
        lot_id = house.lot(house.session(), sign_up(api, "卖车人"), sign=False)
        for path in ("proof", "heads", "states/1"):
            assert house.get(f"/lots/{lot_id}/{path}", status=404)["code"] == "lot_unknown"


class TestReceipts:
    def test_are_the_bidders_own_and_read_the_same_again(self, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = house.open_lot_for(dealers)
        placed = house.bid(dealers[0], lot_id, 8_500_000)
        receipt = house.get(f"/lots/{lot_id}/receipts/{placed['seq']}", dealers[0])
        says = receipt["statement"]
        assert (says["hash"], says["maximum_minor"], says["bidder"]) == (placed["hash"], 8_500_000, placed["bidder"])
        assert house.get(f"/lots/{lot_id}/receipts/{placed['seq']}", dealers[0]) == receipt
        key = house.get("/keys")["keys"][0]
        assert (key["id"], Signed.from_json(receipt).is_signed_by(base64.b64decode(key["public_key"]))) == (receipt["key"], True)

    def test_nobody_gets_anothers(self, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = house.open_lot_for(dealers)
        seq = house.bid(dealers[0], lot_id, 8_500_000)["seq"]
        for other in (dealers[1], house.owner, house.clerk):
            assert house.get(f"/lots/{lot_id}/receipts/{seq}", other, status=404)["code"] == "receipt_unknown"
            for path in ("receipts", "openings"):
                if other is dealers[1]:  # a bidder who has not bid
                    assert house.get(f"/lots/{lot_id}/{path}", other) == []
                else:
                    assert house.get(f"/lots/{lot_id}/{path}", other, status=404)["code"] == "receipt_unknown"


class TestOpenings:
    def test_an_auditor_opens_after_the_close_on_record(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = house.open_lot_for(dealers, reserve_kind="hidden", reserve_minor=9_000_000)
        house.bid(dealers[0], lot_id, 8_500_000)
        body = {"reason": "投诉核查"}
        early = api.post(f"{AUCTION}/lots/{lot_id}/openings", json=body, headers=house.clerk.headers)
        assert (early.status_code, early.json()["code"]) == (409, "lot_still_runs")
        house.turn(timedelta(minutes=10))
        refused = api.post(f"{AUCTION}/lots/{lot_id}/openings", json=body, headers=house.owner.headers)
        assert refused.status_code == 403
        opened = api.post(f"{AUCTION}/lots/{lot_id}/openings", json=body, headers=house.clerk.headers).json()
        assert [(one["seq"], one["amount_minor"], one["field"]) for one in opened] == [
            (1, 9_000_000, "reserve_commitment"),
            (2, 8_500_000, "commitment"),
        ]
        with api.database.reading() as session:
            acts = session.exec(select(AuditEntry).where(AuditEntry.act == "lot.open_secrets")).all()
            assert [(str(act.object_id), act.reason) for act in acts] == [(lot_id, "投诉核查")]


class TestStates:
    def test_the_lot_at_any_seq(self, api: Market, house: AuctionHouse, dealers: list[Person]) -> None:
        lot_id = sold(house, dealers, sign_up(api, "卖车人"))
        states = [house.get(f"/lots/{lot_id}/states/{seq}") for seq in range(1, 6)]
        assert [state["price_minor"] for state in states] == [None, 8_000_000, 9_000_000, 9_150_000, 9_150_000]
        assert [state["next_minimum_minor"] for state in states] == [8_000_000, 8_050_000, 9_050_000, 9_200_000, None]
        assert [state["phase"] for state in states] == ["open", "open", "open", "open", "sold"]
        assert [state["reserve_met"] for state in states] == [None, False, True, True, True]
        log = house.get(f"/lots/{lot_id}/log")
        assert [state["hash"] for state in states] == [entry["hash"] for entry in log]
        assert house.get(f"/lots/{lot_id}/states/6", status=404)["code"] == "state_unknown"


class TestHeads:
    def test_are_signed_at_opening_and_close_and_listed(self, house: AuctionHouse, dealers: list[Person], api: Market) -> None:
        lot_id = sold(house, dealers, sign_up(api, "卖车人"))
        heads = house.get(f"/lots/{lot_id}/heads")
        assert [(head["statement"]["seq"], head["statement"]["reason"]) for head in heads] == [(1, "opening"), (5, "close")]
        assert heads[1]["statement"]["hash"] == house.get(f"/lots/{lot_id}")["head_hash"]

    def test_a_moving_lot_is_signed_every_so_often(self, quick_api: Market) -> None:
        database = quick_api.database
        lot = open_lot(database)
        with outbox.use_database(database):
            tasks.sign_heads()
            with database.writing() as session:
                from auction.bidding.service import place_bids

                place_bids(session, [lot.bid(0, 11_000 * YUAN), lot.bid(1, 12_000 * YUAN)])
            tasks.sign_heads()
            tasks.sign_heads()
            with database.writing() as session:
                place_bids(session, [lot.bid(0, 13_000 * YUAN)])
            tasks.sign_heads()
            quick_api.advance(timedelta(minutes=2))
            tasks.sign_heads()
        with database.reading() as session:
            rows = session.exec(select(SignedHead).where(SignedHead.lot_id == lot.id).order_by(SignedHead.seq)).all()  # type: ignore[arg-type]  # SQLModel columns are typed as their values
            assert [(row.seq, row.reason) for row in rows] == [(2, HeadReason.INTERVAL), (3, HeadReason.INTERVAL)]
            assert orjson.loads(rows[-1].statement)["hash"] == session.get_one(Lot, lot.id).head_hash
