"""Tables of proofs: the market's public keys, and the heads it signed."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.verifying.domain import HeadReason
from marketplace.core.db import append_only, enum_type


class SigningKey(SQLModel, table=True):
    """A public key the market ever signed with, published for ever: what it signed stays checkable after the secret is changed.

    ``public_key`` is base64 of 32 bytes, ``id`` the first sixteen hex digits of its SHA-256.
    """

    __tablename__ = "auction_signing_key"

    id: str = Field(primary_key=True, max_length=16)
    public_key: str = Field(max_length=44)
    first_used_at: datetime


append_only(SigningKey.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class SignedHead(SQLModel, table=True):
    """The log's head at one seq, signed. ``statement`` is the canonical JSON that was signed."""

    __tablename__ = "auction_signed_head"
    __table_args__ = (sa.CheckConstraint("seq > 0", name="seq_from_one"),)

    lot_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=sa.BigInteger)
    reason: HeadReason = Field(sa_type=enum_type(HeadReason, "reason"))
    statement: str = Field(sa_type=sa.Text)
    key_id: str = Field(max_length=16)
    signature: str = Field(max_length=88)
    signed_at: datetime


append_only(SignedHead.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
