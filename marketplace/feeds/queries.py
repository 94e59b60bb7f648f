"""Every SELECT of outbound feeds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.feeds.domain import ConsentNotFound, FeedName
from marketplace.feeds.models import FeedEntry, FeedHead, VinConsent

STREAM_ROWS = 200


def find_head(session: Session, feed: FeedName) -> FeedHead | None:
    return session.get(FeedHead, feed)


def lock_head(session: Session, feed: FeedName) -> FeedHead | None:
    return session.exec(select(FeedHead).where(FeedHead.feed == feed).with_for_update().execution_options(populate_existing=True)).first()


def find_entry(session: Session, feed: FeedName, object_id: UUID) -> FeedEntry | None:
    return session.get(FeedEntry, (feed, object_id))


def list_numbers(session: Session, feed: FeedName, *, since: int | None, limit: int) -> list[tuple[int, bool]]:
    """``(feed_no, is_removed)`` of a page and one more, in feed order; the whole feed leaves out what was removed."""
    statement = sa.select(col(FeedEntry.feed_no), col(FeedEntry.is_removed)).where(col(FeedEntry.feed) == feed)
    statement = statement.where(~col(FeedEntry.is_removed) if since is None else col(FeedEntry.feed_no) > since)
    rows = session.connection().execute(statement.order_by(col(FeedEntry.feed_no)).limit(limit + 1))
    return [(row[0], row[1]) for row in rows]


def list_entries(session: Session, feed: FeedName, *, after: int, up_to: int, removed: bool) -> Sequence[FeedEntry]:
    """The next entries behind number ``after``, in feed order."""
    rows = session.exec(
        select(FeedEntry)
        .where(FeedEntry.feed == feed, FeedEntry.feed_no > after, FeedEntry.feed_no <= up_to, col(FeedEntry.is_removed) == removed)
        .order_by(col(FeedEntry.feed_no))
        .limit(STREAM_ROWS)
    ).all()
    session.expunge_all()  # a read-only pass: what was written out is not kept
    return rows


def list_consented(
    session: Session, feed: FeedName, *, partner_id: UUID, at: datetime, since: int, limit: int
) -> list[tuple[FeedEntry, UUID | None]]:
    """Cars behind ``since`` with the consent that opens each to this partner, if any; in feed order."""
    standing = sa.and_(
        col(VinConsent.seller_id) == col(FeedEntry.seller_id),
        col(VinConsent.partner_id) == partner_id,
        col(VinConsent.revoked_at).is_(None),
        sa.or_(col(VinConsent.ends_at).is_(None), col(VinConsent.ends_at) > at),
    )
    rows = session.exec(
        select(FeedEntry, VinConsent.id)
        .outerjoin(VinConsent, standing)
        .where(FeedEntry.feed == feed, FeedEntry.feed_no > since, ~col(FeedEntry.is_removed))
        .order_by(col(FeedEntry.feed_no))
        .limit(limit)
    )
    return [(entry, consent_id) for entry, consent_id in rows]


def lock_consent(session: Session, consent_id: UUID) -> VinConsent:
    """Raises ``ConsentNotFound``."""
    row = session.exec(
        select(VinConsent).where(VinConsent.id == consent_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise ConsentNotFound
    return row


def find_standing(session: Session, *, seller_id: UUID, partner_id: UUID) -> VinConsent | None:
    return session.exec(
        select(VinConsent).where(
            VinConsent.seller_id == seller_id, VinConsent.partner_id == partner_id, col(VinConsent.revoked_at).is_(None)
        )
    ).first()


def list_consents(session: Session, *, seller_id: UUID, paging: PageQuery) -> Sequence[VinConsent]:
    """Newest first, up to ``limit + 1``."""
    return session.exec(
        select(VinConsent)
        .where(VinConsent.seller_id == seller_id, paging.where_after(col(VinConsent.id), descending=True))
        .order_by(col(VinConsent.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_all_consents(session: Session, *, seller_id: UUID) -> Sequence[VinConsent]:
    return session.exec(select(VinConsent).where(VinConsent.seller_id == seller_id).order_by(col(VinConsent.id))).all()
