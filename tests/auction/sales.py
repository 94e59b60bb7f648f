"""A lot sold by the pure rules alone, and its proof file as the market would write it: no database."""

import base64
import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from auction.bidding import log
from auction.bidding.domain import Accepted, Act, BidCommand, Bidder, LotState, RegistrationState, SealedBid, place_bid, reveal
from auction.bidding.log import Entry
from auction.lots.domain import LotPhase
from auction.sessions.domain import BidRules
from auction.settlement.domain import decide_result
from auction.verifying import proof
from auction.verifying.domain import HeadReason
from auction.verifying.proof import Lead, Opening
from auction.verifying.statements import Signed, head_statement, key_id_of, receipt_statement, seal_statement
from marketplace.core.crypto import canonical_json, new_signing_key, public_key_of, sign
from tests.auctions import YUAN, rules

START = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
LOT = UUID("01990b7e-0000-7000-8000-000000000001")


def signed(key: bytes, statement: dict[str, Any]) -> Signed:
    signature = sign(key, canonical_json(statement))
    return Signed(statement, key_id_of(public_key_of(key)), base64.b64encode(signature).decode())


@dataclass
class Sale:
    """``sale.bid("B01", 12_000, at_s=30)`` in yuan and seconds from the opening; ``sale.close()``; ``sale.file()``."""

    start_yuan: int = 10_000
    reserve_yuan: int | None = None
    visible: bool = False
    bid_rules: BidRules = field(default_factory=rules)
    run_s: int = 600
    key: bytes = field(default_factory=new_signing_key)
    entries: list[Entry] = field(default_factory=list)
    secrets: dict[int, Opening] = field(default_factory=dict)
    heads: list[Signed] = field(default_factory=list)
    buy_now_yuan: int | None = None
    floor_yuan: int | None = None
    envelopes: list[tuple[SealedBid, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bidders: dict[str, Bidder] = {}
        ends_at = START + timedelta(seconds=self.run_s)
        reserve = None if self.reserve_yuan is None else self.reserve_yuan * YUAN
        self.state = LotState(
            phase=LotPhase.OPEN,
            rules=self.bid_rules,
            start_minor=self.start_yuan * YUAN,
            reserve_minor=reserve,
            opens_at=START,
            ends_at=ends_at,
            hard_end_at=self.bid_rules.hard_end(ends_at),
            buy_now_minor=None if self.buy_now_yuan is None else self.buy_now_yuan * YUAN,
            floor_minor=None if self.floor_yuan is None else self.floor_yuan * YUAN,
        )
        hidden = reserve is not None and not self.visible
        self._append(
            "opened",
            START,
            {
                "buy_now_minor": self.state.buy_now_minor,
                "floor_minor": self.state.floor_minor,
                "ends_at": log.instant(ends_at),
                "hard_end_at": log.instant(self.state.hard_end_at) if self.state.hard_end_at else None,
                "legal_mode": "agreed_bidding",
                "mode": "c2c_auction",
                "opens_at": log.instant(START),
                "reserve_commitment": log.commitment(str(LOT), 1, reserve or 0, "reserve salt") if hidden else None,
                "reserve_kind": "none" if reserve is None else "hidden" if hidden else "visible",
                "reserve_minor": None if hidden else reserve,
                "rules": self.bid_rules.to_json(),
                "session": str(UUID(int=2)),
                "start_minor": self.start_yuan * YUAN,
                "vehicle": str(UUID(int=3)),
            },
        )
        self.state = replace(self.state, seq=1)
        self.sign_head(HeadReason.OPENING)

    def _append(self, kind: str, at: datetime, content: dict[str, Any]) -> Entry:
        previous = self.entries[-1].hash if self.entries else log.GENESIS
        frame = {"at": log.instant(at), "kind": kind, "lot": str(LOT), "previous": previous, "seq": len(self.entries) + 1}
        self.entries.append(log.seal(LOT, {**content, **frame}))
        return self.entries[-1]

    def bid(self, pseudonym: str, maximum_yuan: int, *, at_s: float = 1.0, act: Act = Act.BID) -> Entry | None:
        """None when the rules refuse it."""
        at = START + timedelta(seconds=at_s)
        bidder = self._bidders.setdefault(pseudonym, Bidder(UUID(int=100 + len(self._bidders)), pseudonym, RegistrationState.REGISTERED))
        maximum = maximum_yuan * YUAN
        command = BidCommand(LOT, bidder.registration_id, bidder.registration_id, maximum, act=act)
        decision = place_bid(self.state, command, bidder, at)
        if not isinstance(decision, Accepted):
            return None
        seq, salt = decision.state.seq, f"salt of {decision.state.seq}"
        content = log.bid_content(
            lot=str(LOT), accepted=decision, bidder=bidder, commitment_hash=log.commitment(str(LOT), seq, maximum, salt),
            at=log.instant(at), ends_at=log.instant(decision.state.ends_at), previous=self.entries[-1].hash,
        )  # fmt: skip
        self.entries.append(log.seal(LOT, content))
        self.secrets[seq] = Opening(seq, maximum, salt)
        self.envelopes.append((SealedBid(seq, bidder.registration_id, pseudonym, maximum), salt))
        self.state = decision.state
        return self.entries[-1]

    def note(self, kind: str, after: LotState, at_s: float, **more: Any) -> Entry:
        """A warning, the hammer, a suspension: what is no bid."""
        entry = self._append(kind, START + timedelta(seconds=at_s), log.note_content(after, **more))
        self.state = after
        return entry

    def reveal(self) -> Entry:
        last = {bid.pseudonym: (bid, salt) for bid, salt in self.envelopes}
        after = reveal(self.state, [bid for bid, _ in last.values()])
        entry = self._append("revealed", self.state.ends_at, log.revealed_content(after, [*last.values()]))
        self.state = replace(after, seq=self.state.seq + 1)
        return entry

    def close(self, **changes: Any) -> Entry:
        if self.state.rules.format.is_sealed:
            self.reveal()
        kind = decide_result(self.state)
        content = {
            "bids": len(self.envelopes),
            "ended_at": log.instant(self.state.ends_at),
            "price_minor": self.state.price_minor,
            "result": kind.value,
            "winner": self.state.leader_pseudonym if kind.value == "sold" else None,
        }
        entry = self._append("closed", self.state.ends_at + timedelta(milliseconds=20), content | changes)
        self.sign_head(HeadReason.CLOSE)
        return entry

    def sign_head(self, reason: HeadReason) -> None:
        last = self.entries[-1]
        statement = head_statement(lot=str(LOT), seq=last.seq, head_hash=last.hash, at=log.instant(START), reason=reason)
        self.heads.append(signed(self.key, statement))

    def receipt(self, seq: int) -> Signed:
        entry, opening = self.entries[seq - 1], self.secrets[seq]
        return signed(
            self.key,
            receipt_statement(entry=entry.content(), entry_hash=entry.hash, maximum_minor=opening.amount_minor, salt=opening.salt),
        )

    @property
    def keys(self) -> dict[str, bytes]:
        public = public_key_of(self.key)
        return {key_id_of(public): public}

    def is_closed(self) -> bool:
        return bool(self.entries[-1].content()["kind"] == "closed")

    def lines(self) -> list[bytes]:
        """All lines but the seal."""
        header = proof.header_line(lot=str(LOT), market="测试市场", number=7, title="大众 帕萨特 2019", session=str(UUID(int=2)))
        found = [header, proof.key_line(public_key_of(self.key))]
        lead = Lead()
        for entry in self.entries:
            found.append(proof.entry_line(entry))
            opened = lead.take(entry.content())
            if opened is not None and self.is_closed():
                found.append(proof.opening_line(self.secrets[opened]))
        return [*found, *[proof.signed_line("head", head) for head in self.heads]]

    def file(self) -> bytes:
        return self.seal(self.lines())

    def seal(self, lines: list[bytes]) -> bytes:
        """The file of these lines, sealed: what a market that lies would publish."""
        content = b"".join([line + b"\n" for line in lines])
        statement = seal_statement(lot=str(LOT), lines=len(lines), sha256=hashlib.sha256(content).hexdigest())
        return content + proof.signed_line("seal", signed(self.key, statement)) + b"\n"

    def forge(self, seq: int, **changes: Any) -> None:
        """Rewrite an entry and every hash behind it, and sign all heads anew: only the rules can tell."""
        contents = [entry.content() for entry in self.entries]
        contents[seq - 1] |= changes
        previous = log.GENESIS
        for position, content in enumerate(contents):
            self.entries[position] = log.seal(LOT, orjson.loads(orjson.dumps(content | {"previous": previous})))
            previous = self.entries[position].hash
        self.heads = []
        self.sign_head(HeadReason.CLOSE)
