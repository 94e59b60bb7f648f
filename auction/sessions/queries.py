"""Every SELECT of sessions."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from auction.sessions.domain import SessionState, SessionUnknown
from auction.sessions.models import AuctionSession
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def get_session(session: Session, session_id: UUID) -> AuctionSession:
    """Raises ``SessionUnknown``."""
    row = session.get(AuctionSession, session_id)
    if row is None:
        raise SessionUnknown
    return row


def lock_session(session: Session, session_id: UUID) -> AuctionSession:
    """Raises ``SessionUnknown``."""
    row = session.exec(
        select(AuctionSession).where(AuctionSession.id == session_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise SessionUnknown
    return row


def list_public(session: Session, page: PageQuery) -> Sequence[AuctionSession]:
    """Announced sessions, newest first, one more than the page holds."""
    return session.exec(
        select(AuctionSession)
        .where(AuctionSession.state != SessionState.DRAFT, page.where_after(AuctionSession.id, descending=True))
        .order_by(col(AuctionSession.id).desc())
        .limit(page.limit + 1)
    ).all()
