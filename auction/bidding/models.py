"""Tables of bidding: the log, registrations, and the refusals that keyed bids were answered."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.bidding.domain import Conflict, RegistrationState
from auction.lots.models import Lot
from marketplace.core.db import append_only, enum_type, primary_id, undeletable


class EntryKind(StrEnum):
    """What a log entry says."""

    OPENED = "opened"
    BID = "bid"
    FAIR_WARNING = "fair_warning"
    HAMMER = "hammer"
    PASS = "pass"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    REVEALED = "revealed"
    CLOSED = "closed"


class LogEntry(SQLModel, table=True):
    """One entry of a lot's log: gap-free by ``seq``, never changed.

    ``document`` is what is published: canonical JSON that names its predecessor's hash; ``hash`` is its SHA-256. The columns behind it are
    private: who bid, with which maximum, and the salt that opens the commitment. ``key`` is the bidder's idempotency key.
    """

    __tablename__ = "auction_log"
    __table_args__ = (
        sa.UniqueConstraint("actor_id", "key", name="auction_log_key"),
        sa.CheckConstraint("seq > 0", name="seq_from_one"),
        sa.CheckConstraint("(kind = 'bid') = (maximum_minor IS NOT NULL)", name="bid_has_maximum"),
        sa.CheckConstraint("(kind = 'bid') = (registration_id IS NOT NULL)", name="bid_has_bidder"),
    )

    lot_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=sa.BigInteger)
    kind: EntryKind = Field(sa_type=enum_type(EntryKind, "kind"))
    document: str = Field(sa_type=sa.Text)
    hash: str = Field(max_length=64)
    registration_id: UUID | None = Field(default=None)
    actor_id: UUID | None = Field(default=None)
    key: str | None = Field(default=None, max_length=200)
    maximum_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    salt: str | None = Field(default=None, max_length=32)


append_only(LogEntry.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class BidRefusal(SQLModel, table=True):
    """The refusal a keyed bid was answered; the same key is answered the same again."""

    __tablename__ = "auction_bid_refusal"

    actor_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    lot_id: UUID
    maximum_minor: int = Field(sa_type=sa.BigInteger)
    status: int
    body: str = Field(sa_type=sa.Text)
    at: datetime = Field(index=True)


class Registration(SQLModel, table=True):
    """A party admitted to bid on one lot. Its state changes only under the lot's lock, so a bid sees one truth.

    On a line there is no hold of the lot's own: each bid reserves its maximum and ``fee_bps`` of it there.
    """

    __tablename__ = "auction_registration"
    __table_args__ = (
        sa.UniqueConstraint("lot_id", "party_id", name="auction_registration_party"),
        sa.UniqueConstraint("lot_id", "pseudonym", name="auction_registration_pseudonym"),
        sa.CheckConstraint("deposit_minor >= 0", name="deposit_not_negative"),
        sa.CheckConstraint("state <> 'registered' OR hold_id IS NOT NULL OR deposit_minor = 0", name="registered_has_deposit"),
    )

    id: UUID = primary_id()
    lot_id: UUID = Field(foreign_key="auction_lot.id")
    party_id: UUID = Field(index=True)
    person_id: UUID
    pseudonym: str = Field(max_length=8)
    state: RegistrationState = Field(default=RegistrationState.REQUESTED, sa_type=enum_type(RegistrationState, "state"))
    conflict: Conflict | None = Field(default=None, sa_type=enum_type(Conflict, "conflict"))
    deposit_minor: int = Field(sa_type=sa.BigInteger)
    hold_id: UUID | None = Field(default=None, index=True)
    line_id: UUID | None = Field(default=None, foreign_key="auction_line.id", index=True)
    fee_bps: int = Field(default=0)
    created_at: datetime


undeletable(Registration.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


__all__ = ["BidRefusal", "EntryKind", "LogEntry", "Lot", "Registration"]
