"""A claim about an auctioned car over HTTP: filed, proved, answered, decided; the money follows and the ledger sums to zero."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from auction.arbitration import tasks
from auction.arbitration.models import ClaimEvidence
from marketplace.core import outbox
from marketplace.payments.api import balances, ledger_sum
from tests.auctions import AUCTION, AuctionHouse
from tests.market import Market
from tests.people import Person, operator, organization, payout_account, sign_up
from tests.purchases import balance, get, hand_over_and_accept, pay, post, sign_both, transfer, transfer_of

PRICE, OPENING = 8_000_000, 50_000_000
TEXT = "左前纵梁切割焊接,拍卖车辆信息未说明。"
PICTURE = b"\xff\xd8\xff\xe0" + b"beam" * 4_000
QUEUE = "/marketplace/v1/operations/cases"


class Sold:
    """A lot won by a dealer, paid and handed over to him."""

    def __init__(self, api: Market, *, legal_mode: str = "agreed_bidding", exclusion: list[str] | None = None) -> None:
        self.api = api
        self.clerk = operator(api)
        self.house = AuctionHouse(api, clerk=self.clerk, legal_mode=legal_mode)
        self.seller = sign_up(api, "卖车人")
        self.buyer = organization(api, "dealer", by=self.clerk)
        for one in (self.seller, self.buyer):
            payout_account(api, one)
        session_id = self.house.session()
        self.lot_id = self.house.lot(session_id, self.seller, seller_fee_bps=200)
        if exclusion:
            body = {"classes": exclusion, "text": "不保证所列事项。"}
            self.house.post(f"/lots/{self.lot_id}/flaw-exclusion", self.house.owner, body)
        self.house.publish(session_id)
        self.house.register(self.lot_id, self.buyer)
        self.house.turn(timedelta(minutes=11))
        self.house.bid(self.buyer, self.lot_id, PRICE)
        self.house.turn(timedelta(minutes=10))
        self.order_id = str(self.house.get(f"/lots/{self.lot_id}/result", self.buyer)["order_id"])
        sign_both(api, self.seller, self.buyer, self.order_id)
        order = pay(api, self.buyer, self.order_id)
        self.total = PRICE + order["buyer_fee_minor"]

    def hand_over(self) -> "Sold":
        hand_over_and_accept(self.api, self.seller, self.buyer, self.order_id)
        self.api.relay()
        return self

    def claim(self, *, by: Person | None = None, status: int = 201, **changes: Any) -> dict[str, Any]:
        body = {
            "order_id": self.order_id,
            "defect": "structural_accident",
            "wants": "price_adjustment",
            "loss_minor": 1_200_000,
            "text": TEXT,
        }
        return self.house.post("/claims", by or self.buyer, body | changes, status=status)

    def act(self, claim: dict[str, Any], what: str, by: Person, *, status: int = 201, **body: Any) -> dict[str, Any]:
        return self.house.post(f"/claims/{claim['id']}/{what}", by, body, status=status)

    def answered(self, **changes: Any) -> dict[str, Any]:
        return self.act(self.claim(**changes), "answers", self.seller, text="委托时已说明。")

    def decide(self, claim: dict[str, Any], verdict: str, amount: int | None = None, *, status: int = 201) -> dict[str, Any]:
        return self.act(claim, "decision", self.clerk, status=status, verdict=verdict, amount_minor=amount, reasons="检测属实。")

    def evidence(self, claim: dict[str, Any], by: Person, content: bytes = PICTURE) -> Any:
        path = f"{AUCTION}/claims/{claim['id']}/evidence"
        return self.api.post(path, files={"file": ("beam.jpg", content, "image/jpeg")}, headers=by.headers)

    def wait(self, step: timedelta) -> None:
        self.api.advance(step)
        for one in (self.buyer, self.seller, self.clerk, self.house.owner):
            one.sign_in(self.api, **({"otp": one.code()} if one.totp_secret else {}))

    def complete(self) -> None:
        case = transfer(self.api, self.clerk, self.buyer, self.order_id, issuer=self.house.owner)
        assert case["state"] == "completed", case

    def state(self) -> str:
        return str(get(self.api, f"/orders/{self.order_id}", self.buyer)["state"])

    def pools(self) -> dict[str, int]:
        """What the ledger holds but the house's waiting commissions; it always sums to zero."""
        with self.api.database.reading() as session:
            assert ledger_sum(session) == 0
            return {kind: amount for kind, amount in balances(session).items() if amount}


@pytest.fixture
def sold(api: Market) -> Sold:
    return Sold(api).hand_over()


class TestFiling:
    def test_the_lots_terms_are_public(self, api: Market) -> None:
        lot_id = AuctionHouse(api).open_lot_for([])
        found = api.get(f"{AUCTION}/lots/{lot_id}/arbitration-terms").json()
        assert (found["light"], found["statutory"], found["exclusion"]) == ("green", False, None)
        assert [(one["defect"], one["days"], one["min_minor"]) for one in found["classes"]][4:] == [
            ("major_mechanical", 7, 200_000), ("equipment", 2, 50_000),
        ]  # fmt: skip

    def test_a_claim_stops_the_order_and_is_a_case_in_the_queue(self, api: Market, sold: Sold) -> None:
        claim = sold.claim()
        assert (claim["state"], claim["you_are"], claim["defect"]) == ("answering", "buyer", "structural_accident")
        case = transfer_of(api, sold.buyer, sold.order_id)
        assert case["state"] == "collecting"
        (queued,) = api.get(f"{QUEUE}?kind=dispute", headers=sold.clerk.headers).json()["items"]
        assert (queued["id"], queued["state"]) == (claim["case_id"], "open")
        assert api.post(f"{QUEUE}/{queued['id']}/taking", headers=sold.clerk.headers).status_code == 200
        plain = api.post(f"{QUEUE}/{queued['id']}/decision", json={"granted": True, "note": "属实"}, headers=sold.clerk.headers)
        assert (plain.status_code, plain.json()["code"]) == (409, "case_decided_elsewhere")
        assert sold.claim(defect="odometer", status=409)["code"] == "class_claimed"
        assert [one["id"] for one in sold.house.get("/claims", sold.seller)["items"]] == [claim["id"]]

    def test_only_the_buyer_and_only_after_the_handover(self, api: Market) -> None:
        sold = Sold(api)
        assert sold.claim(status=409)["code"] == "not_yet_handed_over"
        sold.hand_over()
        assert sold.claim(by=sold.seller, status=404)["code"] == "order_not_found"
        claim = sold.claim()
        stranger = sign_up(api, "外人")
        for path in (f"/claims/{claim['id']}", f"/claims/{claim['id']}/evidence/{claim['id']}"):
            assert sold.house.get(path, stranger, status=404)["code"] == "claim_unknown"
        for what, body in (("answers", {"text": "x"}), ("withdrawal", {})):
            assert sold.act(claim, what, stranger, status=404, **body)["code"] == "claim_unknown"
        assert sold.evidence(claim, stranger).json()["code"] == "claim_unknown"
        refused = sold.act(claim, "decision", sold.buyer, status=403, verdict="rejected", reasons="x")
        assert refused["code"] == "missing_capability" or refused["status"] == 403
        assert sold.act(claim, "answers", sold.buyer, status=404, text="x")["code"] == "claim_unknown"

    def test_after_the_last_day_it_is_too_late(self, sold: Sold) -> None:
        sold.wait(timedelta(days=8))
        refused = sold.claim(defect="major_mechanical", status=409)
        assert refused["code"] == "window_closed"
        assert sold.state() == "handed_over"
        assert sold.claim()["state"] == "answering"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"loss_minor": PRICE + 1}, "loss_above_price"),
            ({"defect": "major_mechanical", "loss_minor": 199_999}, "loss_too_small"),
            ({"defect": "equipment", "wants": "unwinding"}, "unwinding_not_offered"),
            ({"defect": "smell"}, None), ({"loss_minor": 0}, None), ({"loss_minor": 1.5}, None),
            ({"text": "短"}, None), ({"more": 1}, None),
        ],
    )  # fmt: skip
    def test_a_wrong_claim_changes_nothing(self, sold: Sold, changes: dict[str, Any], code: str | None) -> None:
        refused = sold.claim(status=422, **changes)
        assert code is None or refused["code"] == code
        assert sold.house.get("/claims", sold.buyer)["items"] == []
        assert sold.claim()["state"] == "answering"

    def test_what_was_excluded_before_the_notice_is_refused_unless_hidden(self, api: Market) -> None:
        sold = Sold(api, exclusion=["major_mechanical"]).hand_over()
        terms = sold.house.get(f"/lots/{sold.lot_id}/arbitration-terms", sold.buyer)
        assert (terms["light"], terms["exclusion"]) == ("yellow", "不保证所列事项。")
        refused = sold.claim(defect="major_mechanical", status=409)
        assert (refused["code"], refused["rule"]["article"]) == ("flaw_excluded", "拍卖法 第六十一条")
        late = sold.house.post(f"/lots/{sold.lot_id}/flaw-exclusion", sold.house.owner, {"classes": ["equipment"], "text": "x"}, status=409)
        assert late["code"] == "lot_announced"
        assert sold.claim(defect="major_mechanical", conceals=True)["conceals"] is True


class TestEvidence:
    def test_sealed_in_the_store_and_read_by_both_sides_and_the_market(self, api: Market, sold: Sold) -> None:
        claim = sold.claim()
        kept = sold.evidence(claim, sold.buyer).json()
        assert (kept["sha256"], kept["size_bytes"], kept["part"]) == (hashlib.sha256(PICTURE).hexdigest(), len(PICTURE), "buyer")
        assert sold.evidence(claim, sold.buyer).json()["id"] == kept["id"]
        for reader in (sold.buyer, sold.seller, sold.house.owner, sold.clerk):
            answer = api.get(f"{AUCTION}/claims/{claim['id']}/evidence/{kept['id']}", headers=reader.headers)
            assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PICTURE, "image/jpeg")
        with api.database.reading() as session:
            row = session.get_one(ClaimEvidence, UUID(kept["id"]))
        assert row.file_key.startswith("sealed/")
        stored = b"".join(bytes(piece) for piece in api.app.state.files.open(row.file_key, now=row.at))
        assert stored == PICTURE

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [(b"<script>", 422, "evidence_not_usable"), (b"%PDF-" + bytes(10 * 1_048_576), 413, "file_too_large")],
    )
    def test_what_is_no_evidence_is_refused(self, sold: Sold, content: bytes, status: int, code: str) -> None:
        claim = sold.claim()
        refused = sold.evidence(claim, sold.buyer, content)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert sold.house.get(f"/claims/{claim['id']}", sold.buyer)["evidence"] == []


class TestAnswer:
    def test_both_are_heard_once_and_then_it_is_decided(self, sold: Sold) -> None:
        claim = sold.claim()
        assert sold.decide(claim, "rejected", status=409)["code"] == "claim_not_ready"
        assert sold.act(claim, "answers", sold.house.owner, text="已公示。")["state"] == "answering"
        answered = sold.act(claim, "answers", sold.seller, text="委托时已说明。")
        assert (answered["state"], [one["part"] for one in answered["answers"]]) == ("ready", ["house", "seller"])
        assert sold.act(claim, "answers", sold.seller, status=409, text="再说")["code"] == "already_answered"

    def test_silence_lets_it_go_on_with_what_is_there(self, api: Market, sold: Sold) -> None:
        claim = sold.claim()
        sold.wait(timedelta(hours=72))
        with outbox.use_database(api.database):
            tasks.hear_silent_sellers()
            tasks.hear_silent_sellers()
        found = sold.house.get(f"/claims/{claim['id']}", sold.clerk)
        assert (found["state"], found["answers"], found["you_are"]) == ("ready", [], "market")
        assert sold.act(claim, "answers", sold.seller, status=409, text="晚了")["code"] == "answer_late"
        assert sold.decide(claim, "rejected")["state"] == "rejected"

    def test_the_buyer_may_take_it_back_and_claim_again(self, api: Market, sold: Sold) -> None:
        claim = sold.claim()
        assert sold.act(claim, "withdrawal", sold.buyer, status=200)["state"] == "withdrawn"
        assert api.get(f"{QUEUE}?kind=dispute", headers=sold.clerk.headers).json()["items"] == []
        assert sold.claim()["state"] == "answering"


class TestOutcome:
    def test_rejected_the_seller_gets_all(self, sold: Sold) -> None:
        claim = sold.decide(sold.answered(), "rejected")
        assert (claim["state"], claim["awarded_minor"], claim["reasons"]) == ("rejected", None, "检测属实。")
        sold.complete()
        assert balance(sold.api, sold.seller) == PRICE - 160_000
        assert sold.pools().get("escrow", 0) == 0
        assert sold.claim(status=409)["code"] == "class_claimed"

    def test_an_adjustment_leaves_the_sellers_proceeds_for_the_buyer(self, sold: Sold) -> None:
        before = balance(sold.api, sold.buyer)
        claim = sold.decide(sold.answered(), "price_adjustment", 800_000)
        assert (claim["state"], claim["awarded_minor"]) == ("adjusted", 800_000)
        assert sold.decide(claim, "rejected", status=409)["code"] == "claim_over"
        sold.complete()
        assert balance(sold.api, sold.seller) == PRICE - 160_000 - 800_000
        assert balance(sold.api, sold.buyer) == before + 800_000
        assert sold.pools().get("escrow", 0) == 0

    def test_more_than_the_proceeds_is_refused_and_leaves_it_open(self, sold: Sold) -> None:
        claim = sold.answered()
        assert sold.decide(claim, "price_adjustment", PRICE, status=422)["code"] == "adjustment_above_proceeds"
        assert sold.decide(claim, "price_adjustment", status=422)["code"] == "decision_mismatch"
        assert sold.house.get(f"/claims/{claim['id']}", sold.buyer)["state"] == "ready"
        assert sold.pools() == {"clearing": sold.total, "escrow": sold.total}

    def test_undone_the_buyer_has_all_back_and_the_order_is_cancelled(self, api: Market, sold: Sold) -> None:
        claim = sold.decide(sold.answered(defect="flood_fire", wants="unwinding"), "unwinding")
        api.relay()
        assert (claim["state"], claim["awarded_minor"]) == ("unwound", sold.total)
        assert (sold.state(), transfer_of(api, sold.buyer, sold.order_id)["state"]) == ("cancelled", "cancelled")
        assert balance(api, sold.buyer) == OPENING
        assert sold.pools() == {}

    @pytest.mark.parametrize(("verdict", "amount"), [("price_adjustment", 800_000), ("unwinding", None)])
    def test_of_a_completed_order_the_seller_is_asked_to_pay_and_the_buyer_gets_it(
        self, api: Market, sold: Sold, verdict: str, amount: int | None
    ) -> None:
        sold.complete()
        before = balance(api, sold.buyer)
        claim = sold.decide(sold.answered(), verdict, amount)
        due = amount or sold.total
        assert (claim["awarded_minor"], claim["reference"], sold.state()) == (due, None, "completed")
        owed = sold.house.get(f"/claims/{claim['id']}", sold.seller)
        api.post("/marketplace/v1/sandbox-bank/accounts", json={"opening_minor": 10_000_000}, headers=sold.seller.headers)
        post(api, "/sandbox-bank/transfers", sold.seller, {"reference": owed["reference"], "amount_minor": due})
        api.relay()
        assert sold.house.get(f"/claims/{claim['id']}", sold.buyer)["paid_at"] is not None
        assert balance(api, sold.buyer) == before + due
        assert sold.pools().get("escrow", 0) == 0

    def test_every_step_is_on_the_trail_without_what_people_wrote(self, api: Market, sold: Sold) -> None:
        claim = sold.answered()
        sold.evidence(claim, sold.buyer)
        sold.decide(claim, "rejected")
        trail = api.get(f"/marketplace/v1/operations/audit/defect_claim/{claim['id']}", headers=sold.clerk.headers)
        assert [one["act"] for one in trail.json()["entries"]] == ["claim.file", "claim.answer", "claim.evidence", "claim.decide"]
        assert TEXT not in trail.text


class TestStatutory:
    def test_a_year_for_what_was_not_disclosed(self, api: Market) -> None:
        house = AuctionHouse(api, legal_mode="statutory_auction")
        lot_id = house.lot(house.session(opens_in=timedelta(days=9)), sign_up(api, "卖车人"))
        found = house.get(f"/lots/{lot_id}/arbitration-terms", house.owner)
        assert (found["statutory"], {(one["days"], one["years"]) for one in found["classes"]}) == (True, {(0, 1)})
