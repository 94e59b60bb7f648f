"""A person's watch list: exported, and deleted with the account."""

from typing import Any
from uuid import UUID

from auction.watching import queries
from marketplace.api import accounts
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery

LIMIT = 10_000


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    rows = queries.list_watched(session, party_id=party_id, page=PageQuery(limit=LIMIT, after=None))
    return {"watched_lots": [{"lot_id": str(lot.id), "title": lot.title, "since": one.created_at.isoformat()} for one, lot, _ in rows]}


def erase(session: Session, party_id: UUID) -> accounts.ErasureReport:
    return accounts.ErasureReport(erased=queries.delete_watch(session, party_id=party_id), kept=[])
