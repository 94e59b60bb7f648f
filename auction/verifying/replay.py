"""Deciding every bid of a log again, by the very functions that decided it: ``auction.bidding.domain``.

What stays closed (the last leader's maxima since he took the lead, a secret reserve) is replaced by a witness: the least amount that
the published prices force. If the log follows from the witnesses it follows from some secret amounts; if it follows from none it does not
follow from the witnesses either, since every rule is monotone in them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from auction.bidding import log
from auction.bidding.domain import (
    Accepted,
    Act,
    BidCommand,
    Bidder,
    LotState,
    RegistrationState,
    SealedBid,
    hammer,
    pass_lot,
    place_bid,
    resume,
    reveal,
    suspend,
    warn,
)
from auction.lots.domain import LotPhase, ReserveKind
from auction.sessions.domain import BidRules
from auction.settlement.domain import ResultKind, decide_result
from auction.verifying.findings import Finding
from auction.verifying.proof import Opening, opened_seqs
from marketplace.core.errors import Refusal

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
    """Decide a closed lot of any format again from its opening; stops at the first entry that does not follow."""
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
        self._envelopes: dict[int, tuple[Bidder, Mapping[str, Any]]] = {}
        self._suspended_at: datetime | None = None
        self._bids = 0

    def run(self) -> None:
        steps: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "opened": self._opened,
            "bid": self._bid,
            "fair_warning": self._conducted,
            "hammer": self._conducted,
            "pass": self._conducted,
            "suspended": self._suspended,
            "resumed": self._resumed,
            "revealed": self._revealed,
            "closed": self._closed,
        }
        for content in self._contents:
            step = steps.get(content["kind"])
            if step is None:
                raise _DoesNotFollow(content["seq"], f"未知的记录类型 {content['kind']}", f"an entry of unknown kind {content['kind']!r}")
            try:
                step(content)
            except Refusal as refusal:
                zh, en = refusal.title("zh"), refusal.title("en")
                raise _DoesNotFollow(content["seq"], f"按规则此时不应发生:{zh}", f"the rules do not allow it: {en}") from refusal

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
            buy_now_minor=content.get("buy_now_minor"),
            floor_minor=content.get("floor_minor"),
            on_approval=content["reserve_kind"] == ReserveKind.ON_APPROVAL.value,
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
        maximum = opened.amount_minor if opened is not None else self._witnesses.get(seq, state.start_minor)
        act = Act(content.get("act", Act.BID.value))
        command = BidCommand(UUID(content["lot"]), bidder.registration_id, bidder.registration_id, maximum, confirmed=True, act=act)
        decision = place_bid(state, command, bidder, _instant(content["at"]))
        if not isinstance(decision, Accepted):
            raise decision.refusal
        self._compare(content, decision, bidder)
        self._envelopes[seq] = (bidder, content)
        self._bids += 1
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

    # --- what happens beside bids

    def _conducted(self, content: Mapping[str, Any]) -> None:
        act = {"fair_warning": warn, "hammer": hammer, "pass": pass_lot}[content["kind"]]
        self._noted(content, act(self._state(content), _instant(content["at"])))

    def _suspended(self, content: Mapping[str, Any]) -> None:
        self._suspended_at = _instant(content["at"])
        self._noted(content, suspend(self._state(content), self._suspended_at))

    def _resumed(self, content: Mapping[str, Any]) -> None:
        state = self._state(content)
        if state.phase is not LotPhase.SUSPENDED or self._suspended_at is None:
            raise _DoesNotFollow(content["seq"], "未暂停即恢复", "it is resumed without having been suspended")
        self._noted(content, resume(state, self._suspended_at, _instant(content["at"])))

    def _noted(self, content: Mapping[str, Any], after: LotState) -> None:
        wanted = log.note_content(
            after, opens_at=log.instant(after.opens_at), hard_end_at=log.instant(after.hard_end_at) if after.hard_end_at else None
        )
        require_same(content, {name: value for name, value in wanted.items() if name in content}, subset=True)
        self._found.state = after

    def _revealed(self, content: Mapping[str, Any]) -> None:
        """The envelopes: each amount told is what its bid was bound to; none is left out; price and leader follow."""
        state = self._state(content)
        if not state.rules.format.is_sealed or _instant(content["at"]) < state.ends_at:
            raise _DoesNotFollow(content["seq"], "不应在此时开封", "envelopes are opened only of sealed bids, at the end")
        told = {one["bid"]: one for one in content["bids"]}
        bids = [self._envelope(content, seq, told[seq], told) for seq in told]
        last = {bidder.pseudonym: seq for seq, (bidder, _) in self._envelopes.items()}
        if sorted(last.values()) != sorted(told):
            raise _DoesNotFollow(content["seq"], "开封的出价与日志不符", "the envelopes opened are not each bidder's last bid")
        after = reveal(state, [bid for bid, _ in bids])
        require_same(content, log.revealed_content(after, bids), subset=True)
        self._found.state = replace(after, seq=state.seq + 1)

    def _envelope(
        self, content: Mapping[str, Any], seq: int, told: Mapping[str, Any], every: Mapping[int, Mapping[str, Any]]
    ) -> tuple[SealedBid, str]:
        bidder, bid = self._envelopes[seq]
        amount, salt = told["amount_minor"], told["salt"]
        if amount is not None and log.commitment(bid["lot"], seq, amount, salt) != bid["commitment"]:
            raise _DoesNotFollow(
                content["seq"], f"第 {seq} 条的金额与承诺不符", f"the amount told of bid {seq} is not the one it is bound to"
            )
        if amount is None:
            amount, salt = self._least_winning(seq, every), ""
        return SealedBid(seq, bidder.registration_id, told["bidder"], amount), salt

    def _least_winning(self, seq: int, every: Mapping[int, Mapping[str, Any]]) -> int:
        """The winner's amount at a second price stays closed: the least with which he wins at the price that was told."""
        known = self._openings.get((seq, "commitment"))
        if known is not None:
            return known.amount_minor
        others = [(one["amount_minor"], other) for other, one in every.items() if one["amount_minor"] is not None]
        least = max((amount + (seq > other) for amount, other in others), default=0)
        price = self._contents[-1].get("price_minor")
        return max(least, price if isinstance(price, int) else 0)

    def _closed(self, content: Mapping[str, Any]) -> None:
        state = self._state(content)
        if _instant(content["at"]) < state.ends_at:
            raise _DoesNotFollow(content["seq"], "在结束时间之前关闭", "the lot was closed before its end")
        if state.phase is not LotPhase.OPEN:
            raise _DoesNotFollow(content["seq"], "暂停期间关闭", "the lot was closed while it was suspended")
        kind = decide_result(state)
        wanted = {
            "bids": self._bids,
            "ended_at": log.instant(state.ends_at),
            "price_minor": state.price_minor,
            "result": kind.value,
            "winner": state.leader_pseudonym if kind is ResultKind.SOLD else None,
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
    for content in contents:
        sold = content["kind"] == "closed" and content["result"] in (ResultKind.SOLD.value, ResultKind.ON_APPROVAL.value)
        if sold or (content["kind"] == "bid" and content.get("reserve_met")):
            return int(content["price_minor"])
    return BEYOND_MINOR


def find_witnesses(contents: Sequence[Mapping[str, Any]], openings: Openings) -> dict[int, int]:
    """For each bid that led and is not opened, the least maximum that the prices of its time force."""
    least: dict[int, int] = {}
    leading: int | None = None
    leader: str | None = None
    for content in contents:
        if content["kind"] != "bid" or "leader" not in content:
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
