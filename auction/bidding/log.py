"""The lot's log: what an entry says and how it is chained. Pure; the verifier uses the same functions.

An entry is published as canonical JSON that names its predecessor's hash; its own hash is the SHA-256 of exactly those bytes. A maximum
enters as a salted commitment, so that the log can be public while maxima are not.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from auction.bidding.domain import Accepted, Act, Bidder, LotState, SealedBid, rank
from auction.sessions.domain import Format
from marketplace.core.crypto import canonical_json

GENESIS = "0" * 64
_PLAIN = Act.BID


@dataclass(frozen=True, slots=True)
class Entry:
    """One published entry. ``document`` is the canonical JSON whose SHA-256 is ``hash``."""

    lot_id: UUID
    seq: int
    document: str
    hash: str

    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.document)
        return found


def instant(at: datetime) -> str:
    """Microseconds always shown, so that texts sort as instants do: ``2026-11-24T13:00:00.000000Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def commitment(lot_id: str, seq: int, amount_minor: int, salt: str) -> str:
    """Binds an amount without telling it; whoever is given amount and salt can check it."""
    return hashlib.sha256(f"{lot_id}|{seq}|{amount_minor}|{salt}".encode()).hexdigest()


def seal(lot_id: UUID, content: dict[str, Any]) -> Entry:
    """The entry of a content that already names ``seq`` and ``previous``. Plain values only."""
    document = canonical_json(content)
    return Entry(lot_id, content["seq"], document.decode(), hashlib.sha256(document).hexdigest())


def bid_content(
    *, lot: str, accepted: Accepted, bidder: Bidder, commitment_hash: str, at: str, ends_at: str, previous: str
) -> dict[str, Any]:
    """What an accepted bid publishes. Of a sealed one: that it was made, and what it is bound to; nothing that depends on amounts."""
    state = accepted.state
    if state.price_minor is None:  # only a sealed bid makes no price
        return {
            "at": at,
            "bidder": bidder.pseudonym,
            "commitment": commitment_hash,
            "ends_at": ends_at,
            "kind": "bid",
            "lot": lot,
            "previous": previous,
            "seq": state.seq,
        }
    content = {
        "at": at,
        "bidder": bidder.pseudonym,
        "commitment": commitment_hash,
        "ends_at": ends_at,
        "extensions": state.extensions,
        "kind": "bid",
        "leader": state.leader_pseudonym,
        "lot": lot,
        "next_minimum_minor": state.next_minimum_minor,
        "previous": previous,
        "price_minor": state.price_minor,
        "reserve_met": state.reserve_met,
        "seq": state.seq,
    }
    return content if accepted.act is _PLAIN else content | {"act": accepted.act.value}


def revealed_content(state: LotState, bids: Sequence[tuple[SealedBid, str]]) -> dict[str, Any]:
    """What is told when envelopes are opened: every bidder's last bid with its salt, the highest first. At a second price the winner's
    amount stays closed: his commitment binds it, and no price needs it.
    """
    salts = {bid.seq: salt for bid, salt in bids}
    ranked = rank([bid for bid, _ in bids])
    told = [{"amount_minor": bid.amount_minor, "bidder": bid.pseudonym, "bid": bid.seq, "salt": salts[bid.seq]} for bid in ranked]
    if told and state.rules.format is Format.SEALED_SECOND_PRICE:
        told[0] |= {"amount_minor": None, "salt": None}
    return {"bids": told}


def note_content(state: LotState, **more: Any) -> dict[str, Any]:
    """What every entry tells that is no bid but happens to a running lot: where the lot stands behind it."""
    return {
        "ends_at": instant(state.ends_at),
        "leader": state.leader_pseudonym,
        "price_minor": state.price_minor,
        **more,
    }


def find_break(entries: Iterable[Entry]) -> int | None:
    """The ``seq`` of the first entry that does not follow from the one before it, None when the chain is whole."""
    previous, expected = GENESIS, 1
    for entry in entries:
        content = entry.content()
        whole = hashlib.sha256(entry.document.encode()).hexdigest() == entry.hash
        if not whole or entry.seq != expected or content["seq"] != expected or content["previous"] != previous:
            return expected
        previous, expected = entry.hash, expected + 1
    return None
