"""Notices to people: written once whatever a handler runs twice, read, marked as read, forgotten at their term."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.notifications import queries
from marketplace.notifications.domain import NoticeUnknown, Told
from marketplace.notifications.models import Notice


def notify(session: Session, *, party_ids: Collection[UUID], told: Told) -> None:
    """Tell some parties one thing. Twice is once: by party, kind, subject and seq."""
    parties = sorted(set(party_ids))
    if not parties:
        return
    if told.newest_only:
        newer = queries.list_newer_parties(session, party_ids=parties, kind=told.kind, subject_id=told.subject_id, seq=told.seq)
        parties = [one for one in parties if one not in newer]
        if not parties:
            return
        queries.delete_older_unread(session, party_ids=parties, kind=told.kind, subject_id=told.subject_id, seq=told.seq)
    at = clock.now(session)
    said = {name: getattr(told, name) for name in ("kind", "subject_kind", "subject_id", "seq", "zh", "en")}
    said |= {"facts": dict(told.facts), "created_at": at, "read_at": None}
    queries.insert_notices(session, [{"id": new_id(), "party_id": party_id, **said} for party_id in parties])


def list_own(session: Session, *, principal: Principal, unread: bool, page: PageQuery) -> Sequence[Notice]:
    return queries.list_notices(session, party_id=principal.party_id, unread=unread, page=page)


def count_unread(session: Session, *, principal: Principal) -> int:
    return queries.count_unread(session, party_id=principal.party_id)


def read(session: Session, *, principal: Principal, notice_id: UUID) -> Notice:
    """Mark one as read; twice is once. Raises ``NoticeUnknown``."""
    found = queries.lock_notice(session, party_id=principal.party_id, notice_id=notice_id)
    if found is None:
        raise NoticeUnknown
    if found.read_at is None:
        found.read_at = clock.now(session)
        session.add(found)
        session.flush()
    return found


def read_up_to(session: Session, *, principal: Principal, notice_id: UUID) -> int:
    """Mark that one and all older ones as read; how many were not. Raises ``NoticeUnknown``."""
    if queries.lock_notice(session, party_id=principal.party_id, notice_id=notice_id) is None:
        raise NoticeUnknown
    return queries.mark_read(session, party_id=principal.party_id, up_to=notice_id, at=clock.now(session))


def forget(session: Session, *, days: int, limit: int = 500) -> int:
    """Delete notices past their term, a batch at a time."""
    return queries.delete_notices(session, before=clock.now(session) - timedelta(days=days), limit=limit)
