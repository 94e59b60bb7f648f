"""Placing bids: a batch in, a batch of answers out, one transaction."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from auction.bidding import log, queries
from auction.bidding.domain import Accepted, BidCommand, Bidder, BidUnusual, place_bid
from auction.bidding.events import LotMoved
from auction.bidding.log import Entry
from auction.bidding.queries import Loaded, LockedLot, Storage, StoredBid, Writes
from auction.bidding.queries.postgres import PostgresStorage
from auction.lines.domain import Book, need
from auction.lots import service as lots
from auction.lots.domain import LotPhase, LotUnknown
from marketplace.core import outbox
from marketplace.core.db import Session
from marketplace.core.errors import Refusal
from marketplace.core.idempotency import IdempotencyKeyReused
from marketplace.core.problem import refusal_body
from marketplace.core.security import Principal

SALT_BYTES = 16
UNPUBLISHED = (LotPhase.DRAFT, LotPhase.MANDATED)
"""Before the notice nobody but house and consignor learns that the lot is there."""
_storages: dict[str, Storage] = {"sqlite": Storage(), "postgresql": PostgresStorage()}


@dataclass(frozen=True, slots=True)
class BidAnswer:
    """What one command is answered. ``body`` is JSON: a receipt (201) or a problem document."""

    status: int
    body: bytes


@dataclass(slots=True)
class Decided:
    """Answers in the order of the commands, and the entries to publish after the commit."""

    answers: list[BidAnswer] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    loaded: Loaded
    writes: Writes = field(default_factory=Writes)
    decided: Decided = field(default_factory=Decided)
    at_text: dict[datetime, str] = field(default_factory=dict)
    salts: bytes = b""

    def text(self, at: datetime) -> str:
        found = self.at_text.get(at)
        if found is None:
            found = self.at_text[at] = log.instant(at)
        return found


def place_bids(session: Session, commands: Sequence[BidCommand]) -> Decided:
    """Lock, read the clock, load, decide in order of arrival, write. Answers are good only after the caller's commit."""
    storage = _storages[session.get_bind().dialect.name]
    loaded = storage.load(
        session,
        lot_ids={command.lot_id for command in commands},
        pairs={(command.lot_id, command.party_id) for command in commands},
        keys={(command.actor_id, command.key) for command in commands if command.key is not None},
    )
    batch = _Batch(loaded, salts=os.urandom(SALT_BYTES * len(commands)))
    for position, command in enumerate(commands):
        batch.decided.answers.append(_answer(batch, command, position))
    batch.writes.book = loaded.book
    batch.writes.lots = [lot for lot in loaded.lots.values() if lot.state.seq > lot.from_seq]
    storage.write(session, batch.writes)
    for lot in batch.writes.lots:
        outbox.append(session, _lot_moved(lot), key=f"lot:{lot.id}")
    return batch.decided


def _answer(batch: _Batch, command: BidCommand, position: int) -> BidAnswer:
    loaded = batch.loaded
    key = (command.actor_id, command.key) if command.key is not None else None
    known = loaded.answers.get(key) if key is not None else None
    if known is not None:
        return _repeat(known, command)
    lot = loaded.lots.get(command.lot_id)
    if lot is None or lot.state.phase in UNPUBLISHED:
        return _refused(batch, command, LotUnknown())
    at = loaded.now if lot.moved_at is None or lot.moved_at <= loaded.now else lot.moved_at
    bidder = loaded.bidders.get((command.lot_id, command.party_id))
    decision = place_bid(lot.state, command, bidder, at)
    if not isinstance(decision, Accepted):
        return _refused(batch, command, decision.refusal)
    assert bidder is not None
    if loaded.book.lines and (refusal := _reserve(loaded.book, lot, bidder, decision, command.maximum_minor)) is not None:
        return _refused(batch, command, refusal)
    return _accepted(batch, command, lot, bidder, decision, at, position)


def _reserve(book: Book, lot: LockedLot, bidder: Bidder, accepted: Accepted, maximum_minor: int) -> Refusal | None:
    """A line must carry the bid, whether or not it takes the lead; it reserves while it leads, a sealed bid to the close."""
    if bidder.line_id is not None:
        amount = need(maximum_minor, bidder.fee_bps)
        refusal = book.find_refusal(lot_id=lot.id, registration_id=bidder.registration_id, line_id=bidder.line_id, amount_minor=amount)
        if refusal is not None:
            return refusal
        if accepted.state.rules.format.is_sealed or accepted.state.leader_id == bidder.registration_id:
            book.reserve(lot_id=lot.id, registration_id=bidder.registration_id, line_id=bidder.line_id, amount_minor=amount)
    if not accepted.state.rules.format.is_sealed:
        book.release_others(lot_id=lot.id, registration_id=accepted.state.leader_id)
    return None


def _repeat(known: StoredBid, command: BidCommand) -> BidAnswer:
    """The same key: the same answer, or a refusal when the bid is another one."""
    if known.lot_id != command.lot_id or known.maximum_minor != command.maximum_minor:
        return _problem(IdempotencyKeyReused())
    if known.entry is None:
        return BidAnswer(known.status, known.body.encode())
    return _receipt(known.entry.content(), known.entry.hash, known.maximum_minor)


def _accepted(
    batch: _Batch, command: BidCommand, lot: LockedLot, bidder: Bidder, accepted: Accepted, at: datetime, position: int
) -> BidAnswer:
    seq = accepted.state.seq
    lot_text = str(lot.id)
    salt = batch.salts[SALT_BYTES * position : SALT_BYTES * (position + 1)].hex()
    content = log.bid_content(
        lot=lot_text,
        accepted=accepted,
        bidder=bidder,
        commitment_hash=log.commitment(lot_text, seq, command.maximum_minor, salt),
        at=batch.text(at),
        ends_at=batch.text(accepted.state.ends_at),
        previous=lot.head_hash,
    )
    entry = log.seal(lot.id, content)
    lot.state, lot.head_hash, lot.moved_at = accepted.state, entry.hash, at
    batch.writes.entries.append(
        {
            "lot_id": lot.id,
            "seq": seq,
            "kind": "bid",
            "document": entry.document,
            "hash": entry.hash,
            "registration_id": bidder.registration_id,
            "actor_id": command.actor_id,
            "key": command.key,
            "maximum_minor": command.maximum_minor,
            "salt": salt,
        }
    )
    batch.decided.entries.append(entry)
    if command.key is not None:
        batch.loaded.answers[command.actor_id, command.key] = StoredBid(lot.id, command.maximum_minor, entry)
    return _receipt(content, entry.hash, command.maximum_minor)


def _refused(batch: _Batch, command: BidCommand, refusal: Refusal) -> BidAnswer:
    answer = _problem(refusal)
    if command.key is not None and not isinstance(refusal, BidUnusual):  # a question is no answer: the key may be used to confirm
        body = answer.body.decode()
        batch.writes.refusals.append(
            {
                "actor_id": command.actor_id,
                "key": command.key,
                "lot_id": command.lot_id,
                "maximum_minor": command.maximum_minor,
                "status": answer.status,
                "body": body,
                "at": batch.loaded.now,
            }
        )
        batch.loaded.answers[command.actor_id, command.key] = StoredBid(command.lot_id, command.maximum_minor, None, answer.status, body)
    return answer


def _problem(refusal: Refusal) -> BidAnswer:
    return BidAnswer(refusal.status, refusal_body(refusal))


def _receipt(content: dict[str, Any], entry_hash: str, maximum_minor: int) -> BidAnswer:
    """The receipt is made of the entry, so that it reads the same however often it is asked for."""
    is_sealed = "leader" not in content
    receipt = {
        "lot_id": content["lot"],
        "seq": content["seq"],
        "bidder": content["bidder"],
        "leading": None if is_sealed else content["leader"] == content["bidder"],
        "maximum_minor": maximum_minor,
        "price_minor": None if is_sealed else content["price_minor"],
        "next_minimum_minor": None if is_sealed else content["next_minimum_minor"],
        "reserve_met": None if is_sealed else content["reserve_met"],
        "at": content["at"],
        "ends_at": content["ends_at"],
        "hash": entry_hash,
    }
    return BidAnswer(201, orjson.dumps(receipt))


def _lot_moved(lot: LockedLot) -> LotMoved:
    state = lot.state
    is_sealed = state.rules.format.is_sealed
    return LotMoved.model_construct(
        lot_id=lot.id,
        session_id=lot.session_id,
        vehicle_id=lot.vehicle_id,
        from_seq=lot.from_seq + 1,
        to_seq=state.seq,
        price_minor=state.price_minor,
        next_minimum_minor=state.next_minimum_minor,
        reserve_met=None if is_sealed else state.reserve_met,
        ends_at=state.ends_at,
    )


def list_log(session: Session, *, lot_id: UUID, after_seq: int, limit: int) -> list[Entry]:
    """A lot's log behind ``after_seq``, in order."""
    return queries.list_log(session, lot_id=lot_id, after_seq=after_seq, limit=limit)


def list_visible_log(session: Session, *, viewer: Principal | None, lot_id: UUID, after_seq: int, limit: int) -> list[Entry]:
    """The log of a lot the viewer may see. Raises ``LotUnknown``."""
    lots.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    return list_log(session, lot_id=lot_id, after_seq=after_seq, limit=limit)
