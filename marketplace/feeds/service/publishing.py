"""Entries follow what is on sale; a cursor never skips a change."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Session
from marketplace.feeds import queries
from marketplace.feeds.domain import FeedName
from marketplace.feeds.models import FeedEntry, FeedHead


def put(
    session: Session,
    *,
    feed: FeedName,
    object_id: UUID,
    vehicle_id: UUID,
    seller_id: UUID,
    document: dict[str, Any] | None,
    published_no: int,
) -> None:
    """Show an object as ``document`` says, or no more (None). ``published_no`` is the event's publication number: a change takes it,
    or the next free number above it.

    Numbers are given under the feed's lock, so they become visible in their order whatever order events arrive in. Run twice it
    changes nothing. The full VIN is never in a document.
    """
    head = _lock_head(session, feed)
    entry = queries.find_entry(session, feed, object_id)
    if document is None and (entry is None or entry.is_removed):
        return
    shown = document or {}
    content_hash = sha256_hex(canonical_json(shown))
    if entry is not None and entry.content_hash == content_hash:
        return
    head.last_no = max(head.last_no + 1, published_no)
    head.chain = sha256_hex(f"{head.chain}{head.last_no}{object_id}{content_hash}".encode())
    session.add(head)
    entry = entry or FeedEntry(feed=feed, object_id=object_id, vehicle_id=vehicle_id, seller_id=seller_id, feed_no=0, content_hash="")
    entry.seller_id = seller_id
    entry.feed_no, entry.is_removed, entry.content_hash, entry.document = head.last_no, document is None, content_hash, shown
    session.add(entry)
    session.flush()


def _lock_head(session: Session, feed: FeedName) -> FeedHead:
    head = queries.lock_head(session, feed)
    if head is None:
        connection = session.connection()
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(FeedHead).values(feed=feed, last_no=0).on_conflict_do_nothing())
        head = queries.lock_head(session, feed)
    assert head is not None
    return head
