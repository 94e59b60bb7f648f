"""Table of printed papers."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.papers.domain import PaperKind
from marketplace.core.db import append_only, enum_type, primary_id


class AuctionPaper(SQLModel, table=True):
    """A printed and sealed PDF of a session or, ``subject_id``, of one of its lots. ``content_hash`` is of the values it shows: when those
    change, asking again prints a new edition. The file is kept encrypted until its term ends; the row for ever.
    """

    __tablename__ = "auction_paper"
    __table_args__ = (sa.UniqueConstraint("subject_id", "kind", "content_hash", name="auction_paper_edition"),)

    id: UUID = primary_id()
    session_id: UUID = Field(foreign_key="auction_session.id", index=True)
    subject_id: UUID
    kind: PaperKind = Field(sa_type=enum_type(PaperKind, "kind"))
    content_hash: str = Field(max_length=64)
    file_key: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    size_bytes: int = Field(sa_type=sa.BigInteger)
    seal_id: UUID
    printed_at: datetime


append_only(AuctionPaper.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
