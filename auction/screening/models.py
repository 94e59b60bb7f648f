"""Tables of screening."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from auction.screening.domain import Screen
from marketplace.core.db import Json, enum_type, primary_id


class Screening(SQLModel, table=True):
    """A closed session that was looked at, once."""

    __tablename__ = "auction_screening"

    session_id: UUID = Field(primary_key=True, foreign_key="auction_session.id")
    screened_at: datetime
    lots: int
    findings: int


class ScreeningFinding(SQLModel, table=True):
    """One finding and its case. ``evidence`` is what the case shows: lots, pseudonyms, counts and hashes, never personal data.

    ``first_id`` and ``second_id`` are parties; the first is the consignor when ``with_consignor``.
    """

    __tablename__ = "auction_screening_finding"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "screen", "first_id", "second_id", "with_consignor", name="auction_screening_finding_once"),
        sa.Index("ix_auction_screening_finding_pair", "first_id", "second_id"),
    )

    id: UUID = primary_id()
    session_id: UUID = Field(foreign_key="auction_screening.session_id")
    screen: Screen = Field(sa_type=enum_type(Screen, "screen"))
    first_id: UUID
    second_id: UUID
    with_consignor: bool
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    case_id: UUID
    found_at: datetime
