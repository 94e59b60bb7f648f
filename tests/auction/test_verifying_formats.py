"""Every format is replayed by its own rule, and what happens beside bids too."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.bidding import log
from auction.bidding.domain import Act, hammer, resume, suspend, warn
from auction.sessions.domain import BidRules, Format
from auction.verifying.proof import Opening
from auction.verifying.verify import Verdict, check_proof, closed_seqs
from tests.auction.sales import START, Sale
from tests.auctions import YUAN, rules


def rules_of(kind: Format, **more: int) -> BidRules:
    return replace(rules(), format=kind, **more)  # type: ignore[arg-type]  # whole numbers of the rules


def check(sale: Sale) -> Verdict:
    return check_proof(sale.file(), keys=sale.keys)


def sealed(kind: Format, reserve_yuan: int | None = None) -> Sale:
    sale = Sale(bid_rules=rules_of(kind), reserve_yuan=reserve_yuan)
    for pseudonym, amount in (("B01", 12_000), ("B02", 15_000), ("B01", 13_000), ("B03", 11_000)):
        assert sale.bid(pseudonym, amount) is not None
    sale.close()
    return sale


def in_the_room() -> Sale:
    sale = Sale(bid_rules=rules_of(Format.LIVE_LANE, warning_s=3), reserve_yuan=11_000)
    sale.bid("B01", 10_500, at_s=1)
    sale.bid("P007", 11_500, at_s=2, act=Act.FLOOR)
    sale.note("fair_warning", warn(sale.state, START + timedelta(seconds=4)), 4)
    sale.note("hammer", hammer(sale.state, START + timedelta(seconds=8)), 8)
    sale.close()
    return sale


class TestEachFormat:
    @pytest.mark.parametrize("reserve", [None, 12_500, 14_000, 20_000])
    @pytest.mark.parametrize(("kind", "price"), [(Format.SEALED_FIRST_PRICE, 15_000), (Format.SEALED_SECOND_PRICE, 13_000)])
    def test_sealed(self, kind: Format, price: int, reserve: int | None) -> None:
        sale = sealed(kind, reserve)
        verdict = check(sale)
        assert verdict.findings == []
        assert verdict.replayed is not None
        assert verdict.replayed.state is not None
        lifted = kind is Format.SEALED_SECOND_PRICE and reserve == 14_000
        assert verdict.replayed.state.price_minor == (14_000 if lifted else price) * YUAN

    def test_at_a_second_price_the_winners_amount_stays_closed_and_can_be_opened(self) -> None:
        sale = sealed(Format.SEALED_SECOND_PRICE)
        assert b"1500000" not in sale.file()
        assert closed_seqs(check(sale).proof) == [2, 3, 4, 5]
        assert check_proof(sale.file(), keys=sale.keys, openings=[sale.secrets[3]]).findings == []
        assert not check_proof(sale.file(), keys=sale.keys, openings=[Opening(3, 16_000 * YUAN, sale.secrets[3].salt)]).ok

    @settings(max_examples=80, deadline=None)
    @given(
        kind=st.sampled_from([Format.SEALED_FIRST_PRICE, Format.SEALED_SECOND_PRICE]),
        bids=st.lists(st.tuples(st.integers(1, 5), st.integers(10_000, 10_006)), max_size=12),
        reserve=st.one_of(st.none(), st.integers(10_000, 10_006)),
    )
    def test_every_sealed_sale_equal_bids_too(self, kind: Format, bids: list[tuple[int, int]], reserve: int | None) -> None:
        sale = Sale(bid_rules=rules_of(kind), reserve_yuan=reserve)
        for bidder, amount in bids:
            sale.bid(f"B{bidder}", amount)
        sale.close()
        assert check(sale).findings == []

    def test_dutch(self) -> None:
        sale = Sale(bid_rules=rules_of(Format.DUTCH, fall_step_minor=100 * YUAN, fall_interval_s=10), floor_yuan=8_000)
        assert sale.bid("B01", 11_000, at_s=25) is not None
        sale.close()
        verdict = check(sale)
        assert verdict.findings == []
        assert verdict.replayed is not None
        assert verdict.replayed.state is not None
        assert verdict.replayed.state.price_minor == 9_800 * YUAN
        sale.forge(2, at="2026-11-25T02:00:19.000000Z")
        assert {finding.seq for finding in check(sale).findings} == {2}

    def test_buy_now_leaves_the_overtaken_maximum_closed(self) -> None:
        sale = Sale(
            bid_rules=replace(rules_of(Format.BUY_NOW), buy_now_until=type(rules().buy_now_until)("reserve_met")),
            reserve_yuan=15_000,
            buy_now_yuan=20_000,
        )
        sale.bid("B01", 12_000, at_s=5)
        assert sale.bid("B02", 20_000, at_s=9, act=Act.BUY_NOW) is not None
        sale.close()
        assert check(sale).findings == []
        assert closed_seqs(check(sale).proof) == [2, 3]

    def test_the_live_lane_with_floor_bid_warning_and_hammer(self) -> None:
        verdict = check(in_the_room())
        assert verdict.findings == []
        assert verdict.replayed is not None
        assert verdict.replayed.state is not None
        assert (verdict.replayed.state.leader_pseudonym, verdict.replayed.state.price_minor) == ("P007", 11_500 * YUAN)

    def test_suspended_and_resumed(self) -> None:
        sale = Sale()
        sale.bid("B01", 11_000, at_s=5)
        sale.note("suspended", suspend(sale.state, START + timedelta(seconds=60)), 60, reason="核查")
        at = START + timedelta(seconds=160)
        after = resume(sale.state, START + timedelta(seconds=60), at)
        moved = {"hard_end_at": log.instant(after.hard_end_at) if after.hard_end_at else None, "opens_at": log.instant(after.opens_at)}
        sale.note("resumed", after, 160, reason="核查完毕", **moved)
        assert sale.bid("B02", 12_000, at_s=690) is not None
        sale.close()
        assert check(sale).findings == []
        assert sale.state.ends_at == START + timedelta(seconds=750)


FORGERIES: list[tuple[str, Callable[[], Sale], int, dict[str, object]]] = [
    ("a sealed winner", lambda: sealed(Format.SEALED_FIRST_PRICE), 7, {"winner": "B01"}),
    ("a sealed price", lambda: sealed(Format.SEALED_SECOND_PRICE), 7, {"price_minor": 12_000 * YUAN}),
    ("an envelope left out", lambda: sealed(Format.SEALED_FIRST_PRICE), 6, {"bids": []}),
    ("the hammer too soon", in_the_room, 5, {"at": "2026-11-25T02:00:05.000000Z"}),
    ("another end", in_the_room, 5, {"ends_at": "2026-11-25T02:00:09.000000Z"}),
    ("another leader", in_the_room, 4, {"leader": "B01"}),
]


@pytest.mark.parametrize(("make", "seq", "changes"), [case[1:] for case in FORGERIES], ids=[case[0] for case in FORGERIES])
def test_a_forged_log_signed_anew_is_found(make: Callable[[], Sale], seq: int, changes: dict[str, object]) -> None:
    sale = make()
    sale.forge(seq, **changes)
    assert seq in {finding.seq for finding in check(sale).findings}
