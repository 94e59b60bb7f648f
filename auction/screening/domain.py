"""What looks like collusion, from who bid against whom and what they share. Pure; a finding is a question, never a judgment.

Three screens. ``marks``: two bidders of one lot, or a bidder and the consignor, share a device, a card, a payout account or an address.
``shill``: somebody bids again and again on one consignor's lots, hardly on others', and never wins. ``pair``: two bidders meet far more
often than their habits explain, and one of them wins while the other never does.
The last two are tests of chance, told as odds: an honest market shows it once in so many periods, all pairs looked at together.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Any, TypeAlias
from uuid import UUID

ODDS_MAX = 10**12


class Screen(StrEnum):
    MARKS = "marks"
    SHILL = "shill"
    PAIR = "pair"


Marks: TypeAlias = Mapping[UUID, frozenset[str]]
"""By party: opaque keyed hashes, each with its kind in front: ``device:3fa9…``."""


@dataclass(frozen=True, slots=True)
class LotFacts:
    """An ended lot: bids by party."""

    id: UUID
    consignor_id: UUID
    winner_id: UUID | None
    bids: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``least_odds``: one false finding of a statistical screen in so many periods. ``rarely_bps``: chance of never winning by bad luck.

    A mark that more than ``crowd`` parties share (a market hall's network) says nothing.
    """

    least_odds: int
    rarely_bps: int
    least_lots: int
    least_share_bps: int
    mark_points: int
    crowd: int
    points: Mapping[str, int]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Thresholds":
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Finding:
    """``first_id`` is the consignor when ``with_consignor``, else the smaller id."""

    screen: Screen
    first_id: UUID
    second_id: UUID
    lot_ids: tuple[UUID, ...]
    with_consignor: bool = False
    marks: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


def screen(lots: Sequence[LotFacts], marks: Marks, at: Thresholds) -> list[Finding]:
    """All findings, in a stable order."""
    found = [*_shared_marks(lots, marks, at), *_shills(lots, at), *_pairs(lots, at)]
    return sorted(found, key=lambda one: (one.screen.value, one.first_id, one.second_id))


# --- what they share ---------------------------------------------------------------------------------------------------------


def _shared_marks(lots: Sequence[LotFacts], marks: Marks, at: Thresholds) -> Iterator[Finding]:
    holders: dict[str, set[UUID]] = defaultdict(set)
    for party_id, owned in marks.items():
        for mark in owned:
            holders[mark].add(party_id)
    telling = {mark: parties for mark, parties in holders.items() if 2 <= len(parties) <= at.crowd}
    shared: dict[tuple[UUID, UUID], set[str]] = defaultdict(set)
    for mark, parties in telling.items():
        for first, second in combinations(sorted(parties), 2):
            shared[first, second].add(mark)
    for (first, second), common in sorted(shared.items()):
        kinds = {mark.partition(":")[0] for mark in common}
        points = sum(at.points.get(kind, 0) for kind in kinds)
        if points >= at.mark_points:
            yield from _marks_findings(lots, first, second, tuple(sorted(common)), points)


def _marks_findings(lots: Sequence[LotFacts], first: UUID, second: UUID, common: tuple[str, ...], points: int) -> Iterator[Finding]:
    together = tuple(lot.id for lot in lots if first in lot.bids and second in lot.bids)
    if together:
        yield Finding(Screen.MARKS, first, second, together, marks=common, counts={"points": points, "lots_together": len(together)})
    for consignor, bidder in ((first, second), (second, first)):
        own = tuple(lot.id for lot in lots if lot.consignor_id == consignor and bidder in lot.bids)
        if own:
            counts = {"points": points, "lots_bid_on": len(own)}
            yield Finding(Screen.MARKS, consignor, bidder, own, with_consignor=True, marks=common, counts=counts)


# --- who never wins ----------------------------------------------------------------------------------------------------------


def _shills(lots: Sequence[LotFacts], at: Thresholds) -> Iterator[Finding]:
    """Concentrated on one consignor beyond chance, and never the winner there."""
    of_consignor = Counter(lot.consignor_id for lot in lots)
    bid_on: Counter[UUID] = Counter(party for lot in lots for party in lot.bids)
    on: dict[tuple[UUID, UUID], list[LotFacts]] = defaultdict(list)
    for lot in lots:
        for party in lot.bids:
            on[lot.consignor_id, party].append(lot)
    for (consignor, bidder), own in sorted(on.items()):
        share_bps = len(own) * 10_000 // bid_on[bidder]
        if len(own) < at.least_lots or share_bps < at.least_share_bps or any(lot.winner_id == bidder for lot in own):
            continue
        one_in = binomial_odds(bid_on[bidder], (of_consignor[consignor], len(lots)), len(own)) // len(on)
        no_win_bps = _never_wins_bps(own)
        if one_in >= at.least_odds and no_win_bps <= at.rarely_bps:
            counts = {
                "lots_bid_on": len(own), "lots_of_consignor": of_consignor[consignor], "lots_of_bidder": bid_on[bidder], "wins": 0,
                "bids": sum(lot.bids[bidder] for lot in own), "one_in": one_in, "no_win_bps": no_win_bps,
            }  # fmt: skip
            yield Finding(Screen.SHILL, consignor, bidder, tuple(lot.id for lot in own), with_consignor=True, counts=counts)


def _never_wins_bps(lots: Sequence[LotFacts]) -> int:
    """The chance of winning none of these lots, every bidder of a sold lot being as likely its winner as any other."""
    return math.ceil(10_000 * math.prod(1 - 1 / len(lot.bids) for lot in lots if lot.winner_id is not None))


def _pairs(lots: Sequence[LotFacts], at: Thresholds) -> Iterator[Finding]:
    """They meet beyond chance, one wins most of it, the other nothing at all."""
    bid_on: Counter[UUID] = Counter(party for lot in lots for party in lot.bids)
    met: dict[tuple[UUID, UUID], list[LotFacts]] = defaultdict(list)
    for lot in lots:
        for pair in combinations(sorted(lot.bids), 2):
            met[pair].append(lot)
    for (first, second), common in sorted(met.items()):
        if len(common) < at.least_lots:
            continue
        wins = {party: sum(lot.winner_id == party for lot in common) for party in (first, second)}
        if min(wins.values()) > 0 or max(wins.values()) * 10_000 < at.least_share_bps * len(common):
            continue
        loser = min(wins, key=lambda party: wins[party])
        one_in = binomial_odds(len(lots), (bid_on[first] * bid_on[second], len(lots) ** 2), len(common)) // len(met)
        no_win_bps = _never_wins_bps(common)
        if one_in >= at.least_odds and no_win_bps <= at.rarely_bps:
            counts = {
                "lots_together": len(common), "lots_of_first": bid_on[first], "lots_of_second": bid_on[second], "lots": len(lots),
                "wins_of_first": wins[first], "wins_of_second": wins[second], "bids_of_loser": sum(lot.bids[loser] for lot in common),
                "one_in": one_in, "no_win_bps": no_win_bps,
            }  # fmt: skip
            yield Finding(Screen.PAIR, first, second, tuple(lot.id for lot in common), counts=counts)


def binomial_odds(trials: int, ratio: tuple[int, int], least: int) -> int:
    """``least`` or more successes come once in so many times, each having the chance of ``ratio``; at most ``ODDS_MAX``."""
    part, whole = ratio
    if least <= 0 or part >= whole:
        return 1
    if part <= 0 or least > trials:
        return ODDS_MAX
    log_p, log_q = math.log(part / whole), math.log1p(-part / whole)
    chance = math.fsum(
        math.exp(
            math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1) + count * log_p + (trials - count) * log_q
        )
        for count in range(least, trials + 1)
    )
    return ODDS_MAX if chance * ODDS_MAX <= 1 else max(1, int(1 / chance))
