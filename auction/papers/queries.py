"""Every SELECT of papers."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from auction.papers.domain import PaperKind
from auction.papers.models import AuctionPaper
from marketplace.core.db import Session


def find_newest(session: Session, *, subject_id: UUID, kind: PaperKind) -> AuctionPaper | None:
    return session.exec(
        select(AuctionPaper)
        .where(AuctionPaper.subject_id == subject_id, AuctionPaper.kind == kind)
        .order_by(col(AuctionPaper.id).desc())
        .limit(1)
    ).first()


def find_edition(session: Session, *, subject_id: UUID, kind: PaperKind, content_hash: str) -> AuctionPaper | None:
    edition = (AuctionPaper.subject_id == subject_id, AuctionPaper.kind == kind, AuctionPaper.content_hash == content_hash)
    return session.exec(select(AuctionPaper).where(*edition)).first()


def list_of_session(session: Session, *, session_id: UUID) -> Sequence[AuctionPaper]:
    """All editions of all papers, oldest first."""
    return session.exec(select(AuctionPaper).where(AuctionPaper.session_id == session_id).order_by(col(AuctionPaper.id))).all()
