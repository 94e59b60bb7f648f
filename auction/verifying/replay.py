"""Deciding every bid of a log again, by the very functions that decided it: ``auction.bidding.domain``.

What stays closed (the last leader's maxima since he took the lead, a secret reserve) is replaced by a witness: the least amount that
the published prices force. If the log follows from the witnesses it follows from some secret amounts; if it follows from none it does not
follow from the witnesses either, since every rule is monotone in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from auction.bidding import log
from auction.bidding.domain import Accepted, BidCommand, Bidder, LotState, RegistrationState, place_bid
from auction.lots.domain import LotPhase, ReserveKind
from auction.sessions.domain import BidRules
from auction.settlement.domain import decide_result
from auction.verifying.findings import Finding
from auction.verifying.proof import Opening, opened_seqs

BEYOND_MINOR = 10**15
"""Above every amount the market takes: a secret reserve that no price met."""

Openings = Mapping[tuple[int, str], Opening]


@dataclass(slots=True)
class Replayed:
    """The lot after its last entry as the rules give it, and what does not follow. ``closed`` only behind the last entry."""

    state: LotState | None = None
    findings: list[Finding] = field(default_factory=list)
    closed: bool = False


class _DoesNotFollow(Exception):
    def __init__(self, seq: int, zh: str, en: str) -> None:
        super().__init__(en)
        self.finding = Finding(zh, en, seq=seq)


def replay(contents: Sequence[Mapping[str, Any]], openings: Openings) -> Replayed:
    """Decide a closed ascending lot again from its opening; stops at the first entry that does not follow."""
    found = Replayed()
    try:
        _Replay(contents, openings, found).run()
    except _DoesNotFollow as error:
        found.findings.append(error.finding)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        seq = found.state.seq + 1 if found.state is not None else 1
        found.findings.append(Finding(f"内容缺失或有误({error})", f"something is missing or malformed in it ({error})", seq=seq))
    return found


class _Replay:
    def __init__(self, contents: Sequence[Mapping[str, Any]], openings: Openings, found: Replayed) -> None:
        self._contents = contents
        self._openings = openings
        self._found = found
        self._bidders: dict[str, Bidder] = {}
        self._must_open = frozenset(opened_seqs(contents))
        self._witnesses = find_witnesses(contents, openings)

    def run(self) -> None:
        for content in self._contents:
            step = {"opened": self._opened, "bid": self._bid, "closed": self._closed}.get(content["kind"])
            if step is None:
                raise _DoesNotFollow(content["seq"], f"未知的记录类型 {content['kind']}", f"an entry of unknown kind {content['kind']!r}")
            step(content)

    def _opened(self, content: Mapping[str, Any]) -> None:
        if content["seq"] != 1:
            raise _DoesNotFollow(content["seq"], "标的再次开拍", "the lot opens a second time")
        self._found.state = LotState(
            phase=LotPhase.OPEN,
            rules=BidRules.from_json(content["rules"]),
            start_minor=content["start_minor"],
            reserve_minor=_reserve(self._contents, self._openings),
            opens_at=_instant(content["opens_at"]),
            ends_at=_instant(content["ends_at"]),
            hard_end_at=_instant(content["hard_end_at"]) if content["hard_end_at"] else None,
            seq=1,
        )

    def _state(self, content: Mapping[str, Any]) -> LotState:
        if self._found.state is None:
            raise _DoesNotFollow(content["seq"], "日志没有开拍记录", "the log does not begin with the lot's opening")
        if self._found.closed:
            raise _DoesNotFollow(content["seq"], "结束之后仍有记录", "something happened after the close")
        return self._found.state

    def _bid(self, content: Mapping[str, Any]) -> None:
        state, seq = self._state(content), content["seq"]
        pseudonym = content["bidder"]
        bidder = self._bidders.setdefault(pseudonym, Bidder(UUID(int=len(self._bidders) + 1), pseudonym, RegistrationState.REGISTERED))
        opened = self._openings.get((seq, "commitment"))
        if opened is None and seq in self._must_open:
            raise _DoesNotFollow(seq, "决定价格的最高限价未公开", "the maximum that set the price is not opened")
        maximum = opened.amount_minor if opened is not None else self._witnesses[seq]
        command = BidCommand(UUID(content["lot"]), bidder.registration_id, bidder.registration_id, maximum)
        decision = place_bid(state, command, bidder, _instant(content["at"]))
        if not isinstance(decision, Accepted):
            refusal = decision.refusal
            raise _DoesNotFollow(seq, f"按规则不应接受此出价:{refusal.title('zh')}", f"the rules refuse this bid: {refusal.title('en')}")
        self._compare(content, decision, bidder)
        self._found.state = decision.state

    def _compare(self, content: Mapping[str, Any], accepted: Accepted, bidder: Bidder) -> None:
        wanted = log.bid_content(
            lot=content["lot"],
            accepted=accepted,
            bidder=bidder,
            commitment_hash=content["commitment"],
            at=content["at"],
            ends_at=log.instant(accepted.state.ends_at),
            previous=content["previous"],
        )
        require_same(content, wanted)

    def _closed(self, content: Mapping[str, Any]) -> None:
        state = self._state(content)
        if _instant(content["at"]) < state.ends_at:
            raise _DoesNotFollow(content["seq"], "在结束时间之前关闭", "the lot was closed before its end")
        kind = decide_result(state)
        wanted = {
            "bids": state.seq - 1,
            "ended_at": log.instant(state.ends_at),
            "price_minor": state.price_minor,
            "result": kind.value,
            "winner": state.leader_pseudonym if kind.value == "sold" else None,
        }
        require_same(content, wanted, subset=True)
        self._found.closed = True
        self._found.state = replace(state, seq=state.seq + 1)


def require_same(content: Mapping[str, Any], wanted: Mapping[str, Any], *, subset: bool = False) -> None:
    """Raises for the first field that differs from what the rules give."""
    names = wanted if subset else {**wanted, **content}
    for name in names:
        says, gives = content.get(name), wanted.get(name)
        if says != gives or type(says) is not type(gives):
            raise _DoesNotFollow(content["seq"], f"{name} 记为 {says},按规则应为 {gives}", f"{name} is {says}, the rules give {gives}")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- witnesses -----------------------------------------------------------------------------------------------------------------


def _reserve(contents: Sequence[Mapping[str, Any]], openings: Openings) -> int | None:
    """The reserve, or the least one that the published ``reserve_met`` allows: the price at which it was first met."""
    opened = contents[0]
    if opened["reserve_kind"] != ReserveKind.HIDDEN.value:
        reserve: int | None = opened["reserve_minor"]
        return reserve
    known = openings.get((1, "reserve_commitment"))
    if known is not None:
        return known.amount_minor
    met = (int(content["price_minor"]) for content in contents if content["kind"] == "bid" and content["reserve_met"])
    return next(met, BEYOND_MINOR)


def find_witnesses(contents: Sequence[Mapping[str, Any]], openings: Openings) -> dict[int, int]:
    """For each bid that led and is not opened, the least maximum that the prices of its time force."""
    least: dict[int, int] = {}
    leading: int | None = None
    leader: str | None = None
    for content in contents:
        if content["kind"] != "bid":
            continue
        seq, price = content["seq"], int(content["price_minor"])
        if content["leader"] == content["bidder"]:
            raised = leading is not None and leader == content["leader"]
            above = least[leading] + 1 if raised and leading is not None else 0
            leading, leader = seq, content["leader"]
            known = openings.get((seq, "commitment"))
            least[seq] = known.amount_minor if known is not None else max(price, above)
        elif leading is not None:
            least[leading] = max(least[leading], price)
    return least
