"""A party's data in notifications: where its machines listen, and what it was told."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport
from marketplace.core.db import Session
from marketplace.notifications import queries
from marketplace.notifications.domain import EndpointState

LIMIT = 10_000


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    """Endpoints with their URLs, never a secret; notices, newest first."""
    return {
        "webhook_endpoints": [
            {"id": str(one.id), "url": one.url, "kinds": one.kinds, "subjects": one.subjects, "created_at": one.created_at.isoformat()}
            for one in queries.list_endpoints(session, party_id=party_id)
        ],
        "notices": [
            {"kind": one.kind, "zh": one.zh, "en": one.en, "facts": one.facts, "created_at": one.created_at.isoformat()}
            for one in queries.list_all_notices(session, party_id=party_id, limit=LIMIT)
        ],
    }


def erase(session: Session, party_id: UUID) -> ErasureReport:
    """Switch every endpoint off and forget where it was; delete the notices."""
    found = queries.list_endpoints(session, party_id=party_id)
    for one in found:
        one.url, one.host, one.state, one.reason = "https://erased.invalid/", "erased", EndpointState.DISABLED, "erased"
        one.former_secret = None
        session.add(one)
    session.flush()
    notices = queries.delete_notices_of(session, party_id=party_id)
    return ErasureReport(erased=len(found) + notices, kept=[])
