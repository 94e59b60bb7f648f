"""How a lot ended, and the fees of a sale by the table of its legal mode: exact fen at the edges of the bands."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from auction.bidding.domain import LotState
from auction.lots.domain import LotPhase
from auction.sessions.domain import BidRules, ExtendOn, Ladder
from auction.settlement.domain import FeeBands, ResultKind, SaleFees, compute_fees, decide_result
from marketplace.core import rules

VALUES = rules.load(Path("auction/settlement/tables/fees.toml"), on=date(2026, 11, 24)).values
BANDS = FeeBands((0, 5_000_000, 10_000_000), (900, 400, 300), (500, 400, 0), 500)


class TestFees:
    @pytest.mark.parametrize(
        ("price", "fees"),
        [
            (4_999_999, SaleFees(250_000, 250_000)),  # 900 of the table is cut to the cap of 拍卖法 56
            (5_000_000, SaleFees(200_000, 200_000)),
            (9_999_999, SaleFees(400_000, 400_000)),
            (10_000_000, SaleFees(300_000, 0)),
            (0, SaleFees(0, 0)),
        ],
    )
    def test_by_the_band_of_the_price(self, price: int, fees: SaleFees) -> None:
        assert compute_fees(price, BANDS, buyer_bps=None, seller_bps=None) == fees

    @pytest.mark.parametrize(
        ("buyer_bps", "seller_bps", "fees"),
        [
            (800, None, SaleFees(480_000, 240_000)),
            (None, 600, SaleFees(240_000, 360_000)),
            (0, 0, SaleFees(0, 0)),
            (501, 700, SaleFees(300_600, 420_000)),
        ],
    )
    def test_agreed_is_agreed_for_each_side_by_itself(self, buyer_bps: int | None, seller_bps: int | None, fees: SaleFees) -> None:
        assert compute_fees(6_000_000, BANDS, buyer_bps=buyer_bps, seller_bps=seller_bps) == fees

    @pytest.mark.parametrize(
        ("legal_mode", "price", "fees"),
        [
            ("statutory_auction", 4_999_900, SaleFees(249_995, 249_995)),
            ("statutory_auction", 30_000_000, SaleFees(600_000, 600_000)),
            ("agreed_bidding", 4_999_900, SaleFees(149_997, 0)),
            ("agreed_bidding", 5_000_000, SaleFees(125_000, 0)),
        ],
    )
    def test_each_legal_mode_has_its_line_of_the_table(self, legal_mode: str, price: int, fees: SaleFees) -> None:
        bands = FeeBands.from_values(VALUES, legal_mode)
        assert bands.cap_bps == 500
        assert compute_fees(price, bands, buyer_bps=None, seller_bps=None) == fees


class TestResult:
    """Below its reserve there is no sale (拍卖法 50)."""

    @pytest.mark.parametrize(
        ("price", "reserve", "result"),
        [
            (None, None, ResultKind.PASSED_NO_BID),
            (None, 100_000, ResultKind.PASSED_NO_BID),
            (100_000, None, ResultKind.SOLD),
            (100_000, 100_000, ResultKind.SOLD),
            (99_999, 100_000, ResultKind.PASSED_BELOW_RESERVE),
        ],
    )
    def test_by_price_and_reserve(self, price: int | None, reserve: int | None, result: ResultKind) -> None:
        opens_at, ends_at = datetime(2026, 11, 24, 2, tzinfo=UTC), datetime(2026, 11, 24, 3, tzinfo=UTC)
        terms = BidRules(Ladder((0,), (100,)), ExtendOn.ACCEPTED_BID, 60, 60, None, None, self_raise=True)
        state = LotState(LotPhase.OPEN, terms, 50_000, reserve, opens_at, ends_at, price_minor=price)
        assert decide_result(state) is result
