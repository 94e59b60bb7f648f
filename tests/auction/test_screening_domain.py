"""Screens: injected rings are found, honest markets are left alone."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from auction.screening import domain
from auction.screening.domain import ODDS_MAX, Finding, LotFacts, Screen, Thresholds, binomial_odds, screen
from marketplace.core.rules import versions

TABLE = versions(Path(domain.__file__).parent / "tables" / "screening.toml")[0]
AT = Thresholds.from_values(TABLE.values)
NO_MARKS: Mapping[UUID, frozenset[str]] = {}


def who(number: int) -> UUID:
    return UUID(int=number)


SHILL, HOUSE_FRIEND, PARTNER = who(9_001), who(9_002), who(9_003)


def honest(seed: int, *, lots: int = 200, bidders: int = 30, consignors: int = 8) -> list[LotFacts]:
    """A period of a market whose people have tastes and purses: each likes some of four segments, values differ, the highest wins.

    Half of the consignors sell one segment only.
    """
    draw = random.Random(seed)
    tastes = {who(100 + one): {segment: draw.random() ** 2 for segment in range(4)} for one in range(bidders)}
    purses = {bidder: draw.gauss(1.0, 0.1) for bidder in tastes}
    found = []
    for number in range(lots):
        segment = draw.randrange(4)
        values = {bidder: purses[bidder] * draw.gauss(1, 0.15) for bidder, taste in tastes.items() if draw.random() < 0.5 * taste[segment]}
        winner = max(values, key=lambda bidder: values[bidder]) if values else None
        bids = {bidder: 1 + draw.randrange(4) for bidder in values}
        sellers = [1 + one for one in range(consignors) if one % 2 or one // 2 % 4 == segment]
        found.append(LotFacts(who(10_000 + number), who(draw.choice(sellers)), winner, bids))
    return found


def with_shill(lots: Sequence[LotFacts], consignor: UUID) -> list[LotFacts]:
    """He raises nearly every lot of one consignor and steps back in time."""
    own = [lot.id for lot in lots if lot.consignor_id == consignor and lot.bids][1:]
    return [replace(lot, bids={**lot.bids, SHILL: 5}) if lot.id in own else lot for lot in lots]


def with_pair(lots: Sequence[LotFacts], seed: int) -> list[LotFacts]:
    """Two agree: one wins, the other keeps him company and never does."""
    chosen = set(random.Random(seed).sample([lot.id for lot in lots if lot.bids], 20))
    return [
        replace(lot, winner_id=HOUSE_FRIEND, bids={**lot.bids, HOUSE_FRIEND: 4, PARTNER: 3}) if lot.id in chosen else lot for lot in lots
    ]


def test_an_honest_market_is_left_alone() -> None:
    """Over 60 seeded periods not one finding, though the odds speak only of chance and people have tastes."""
    assert [one for seed in range(60) for one in screen(honest(seed), NO_MARKS, AT)] == []


@pytest.mark.parametrize("seed", range(15))
def test_a_shill_is_found_and_nobody_else(seed: int) -> None:
    found = screen(with_shill(honest(seed), who(2)), NO_MARKS, AT)
    (one,) = [finding for finding in found if finding.screen is Screen.SHILL]
    assert (one.first_id, one.second_id, one.with_consignor, one.counts["wins"]) == (who(2), SHILL, True, 0)
    assert one.counts["lots_bid_on"] == len(one.lot_ids)


@pytest.mark.parametrize("seed", range(15))
def test_a_pair_is_found(seed: int) -> None:
    found = [one for one in screen(with_pair(honest(seed), seed), NO_MARKS, AT) if one.screen is Screen.PAIR]
    assert [(one.first_id, one.second_id) for one in found] == [(HOUSE_FRIEND, PARTNER)]
    assert (found[0].counts["lots_together"], found[0].counts["wins_of_first"], found[0].counts["wins_of_second"]) == (20, 20, 0)


class TestMarks:
    A, B, C = who(1), who(2), who(3)
    LOTS = (LotFacts(who(50), C, A, {A: 2, B: 1}), LotFacts(who(51), A, None, {B: 1}))

    def found(self, marks: Mapping[UUID, frozenset[str]]) -> list[Finding]:
        return screen(self.LOTS, marks, AT)

    def test_a_shared_device_of_two_bidders_and_of_a_bidder_and_the_consignor(self) -> None:
        shared = frozenset({"device:x", "address:y"})
        marks = {self.A: shared, self.B: shared | {"device:z"}, self.C: frozenset({"device:w"})}
        bidders, consignor = sorted(self.found(marks), key=lambda one: one.with_consignor)
        assert (bidders.first_id, bidders.second_id, bidders.lot_ids) == (self.A, self.B, (who(50),))
        assert (bidders.marks, bidders.counts) == (("address:y", "device:x"), {"points": 4, "lots_together": 1})
        assert (consignor.first_id, consignor.second_id, consignor.lot_ids) == (self.A, self.B, (who(51),))

    @pytest.mark.parametrize(("mark", "findings"), [("address:y", 0), ("card:y", 2), ("payout:y", 2), ("device:y", 2)])
    def test_an_address_alone_is_no_sign(self, mark: str, findings: int) -> None:
        shared = frozenset({mark})
        assert len(self.found({self.A: shared, self.B: shared})) == findings

    def test_what_a_crowd_shares_says_nothing(self) -> None:
        shared = frozenset({"device:hall"})
        assert self.found({who(number): shared for number in range(1, AT.crowd + 2)}) == []

    def test_who_never_met_is_not_named(self) -> None:
        shared = frozenset({"device:x"})
        assert self.found({who(7): shared, self.B: shared}) == []


def test_the_odds_are_the_binomials() -> None:
    assert binomial_odds(4, (1, 2), 4) in {15, 16}  # 1/16, as near as logarithms say it
    assert binomial_odds(2, (1, 2), 1) == 1  # 3/4
    assert binomial_odds(6, (1, 10), 6) in {999_999, 1_000_000}
    assert (binomial_odds(5, (3, 10), 0), binomial_odds(5, (0, 10), 1), binomial_odds(5, (10, 10), 3)) == (1, ODDS_MAX, 1)
    assert (binomial_odds(5, (1, 2), 6), binomial_odds(2_000, (1, 100), 900)) == (ODDS_MAX, ODDS_MAX)
