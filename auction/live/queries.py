"""Every SELECT of the live channel."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from auction.lots.models import Lot
from marketplace.core.db import Session


def list_heads(session: Session, *, lot_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The seq of each lot's head."""
    return {row[0]: row[1] for row in session.exec(select(Lot.id, Lot.seq).where(col(Lot.id).in_(lot_ids)))}
