"""Printing and handing out. Printing takes seconds: composed in one transaction, printed outside of any, kept in another."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from auction.lots import queries as lots
from auction.lots.models import AuctionSession
from auction.papers import queries
from auction.papers.domain import (
    PUBLIC,
    ConfirmationNotSigned,
    NotAnnouncedYet,
    PaperKind,
    PaperNotPrinted,
    PaperUnknown,
    SessionNotOver,
)
from auction.papers.events import PaperRequested
from auction.papers.models import AuctionPaper
from auction.papers.service import content
from auction.sessions import queries as sessions
from auction.sessions.domain import SessionState, SessionUnknown
from auction.settlement.models import Confirmation
from auction.settlement.service import confirmations
from marketplace.api import accounts
from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Database, Session
from marketplace.core.files import FileStore
from marketplace.core.printing import print_pdf, qr_svg
from marketplace.core.security import Principal

TEMPLATES = Path(__file__).parent.parent / "templates"
RECORD = "auction_record_after_mandate"
MORE_YEARS = 5
"""A mandate ends with its sale's settlement, which is still ahead when a paper is printed: files live so much longer than the term."""


def request_paper(session: Session, *, principal: Principal, session_id: UUID, kind: PaperKind) -> None:
    """Ask for a session's paper to be printed and sealed; by its house.

    Raises ``SessionUnknown``, ``PaperUnknown``, ``NotAnnouncedYet``, ``SessionNotOver``.
    """
    row = _own_session(session, principal=principal, session_id=session_id)
    _require_due(row, kind)
    _request(session, principal=principal, kind=kind, subject_id=session_id, object_kind="session")


def request_confirmation(session: Session, *, principal: Principal, lot_id: UUID) -> None:
    """By winner, consignor or house. Raises ``LotUnknown``, ``ResultUnknown``, ``ConfirmationNotSigned``."""
    _require_signed(confirmations.get_confirmation(session, principal=principal, lot_id=lot_id))
    _request(session, principal=principal, kind=PaperKind.CONFIRMATION, subject_id=lot_id, object_kind="lot")


def _request(session: Session, *, principal: Principal, kind: PaperKind, subject_id: UUID, object_kind: str) -> None:
    outbox.append(session, PaperRequested(kind=kind, subject_id=subject_id), key=f"paper:{subject_id}")
    facts = {"kind": kind.value}
    audit.record(session, principal=principal, act="paper.request", object_kind=object_kind, object_id=subject_id, facts=facts)


def _own_session(session: Session, *, principal: Principal, session_id: UUID) -> AuctionSession:
    row = sessions.get_session(session, session_id)
    if row.house_id != principal.party_id:
        raise SessionUnknown
    return row


def _require_due(row: AuctionSession, kind: PaperKind) -> None:
    if kind is PaperKind.CONFIRMATION:
        raise PaperUnknown
    if row.state is SessionState.DRAFT:
        raise NotAnnouncedYet
    if kind is PaperKind.MINUTES and row.state is not SessionState.CLOSED:
        raise SessionNotOver


def _require_signed(found: Confirmation) -> None:
    if found.winner_signed_at is None or found.auctioneer_signed_at is None:
        raise ConfirmationNotSigned


def read_session_paper(
    session: Session, *, viewer: Principal | None, session_id: UUID, kind: PaperKind, files: FileStore
) -> tuple[AuctionPaper, bytes]:
    """Notice and catalogue for everybody, minutes for the house. Raises ``SessionUnknown``, ``PaperUnknown``, ``PaperNotPrinted``."""
    row = sessions.get_session(session, session_id)
    own = viewer is not None and viewer.party_id == row.house_id
    if not own and (row.state is SessionState.DRAFT or kind not in PUBLIC):
        raise SessionUnknown
    if kind is PaperKind.CONFIRMATION:
        raise PaperUnknown
    return _read(session, subject_id=session_id, kind=kind, files=files)


def read_confirmation(session: Session, *, principal: Principal, lot_id: UUID, files: FileStore) -> tuple[AuctionPaper, bytes]:
    """For winner, consignor and house. Raises ``LotUnknown``, ``ResultUnknown``, ``ConfirmationNotSigned``, ``PaperNotPrinted``."""
    _require_signed(confirmations.get_confirmation(session, principal=principal, lot_id=lot_id))
    return _read(session, subject_id=lot_id, kind=PaperKind.CONFIRMATION, files=files)


def _read(session: Session, *, subject_id: UUID, kind: PaperKind, files: FileStore) -> tuple[AuctionPaper, bytes]:
    found = queries.find_newest(session, subject_id=subject_id, kind=kind)
    if found is None:
        raise PaperNotPrinted(retry_after_s=5)
    return found, files.get(found.file_key, now=clock.now(session))


# --- the job ---------------------------------------------------------------------------------------------------------------


def print_paper(database: Database, files: FileStore, *, kind: PaperKind, subject_id: UUID) -> None:
    """Print and seal an edition that is not there yet. Runs twice without harm."""
    with database.reading() as session:
        row, values, made_at = _compose(session, kind, subject_id)
        content_hash = sha256_hex(canonical_json(values))
        if queries.find_edition(session, subject_id=subject_id, kind=kind, content_hash=content_hash) is not None:
            return
    pictures = {"qr.svg": qr_svg(values["address"]).encode()}
    pdf = print_pdf(TEMPLATES / f"{kind.value}.typ", values, created_at=made_at, pictures=pictures)
    reason = f"{values['title']} {values['number']}"
    sealed = accounts.seal_paper(database, principal=None, organization_id=row.house_id, pdf=pdf, reason=reason)
    with database.writing() as session:
        _keep(session, files, row=row, subject_id=subject_id, kind=kind, content_hash=content_hash, sealed=sealed)


def _compose(session: Session, kind: PaperKind, subject_id: UUID) -> tuple[AuctionSession, dict[str, Any], datetime]:
    if kind is PaperKind.CONFIRMATION:
        lot = lots.get_lot(session, subject_id)
        row, found = session.get_one(AuctionSession, lot.session_id), session.get_one(Confirmation, subject_id)
        assert found.winner_signed_at is not None
        assert found.auctioneer_signed_at is not None
        return row, content.compose_confirmation(session, row, lot, found), max(found.winner_signed_at, found.auctioneer_signed_at)
    row = sessions.get_session(session, subject_id)
    at = row.announced_at or row.created_at
    if kind is PaperKind.NOTICE:
        return row, content.compose_notice(session, row), at
    if kind is PaperKind.CATALOGUE:
        return row, content.compose_catalogue(session, row), at
    return row, content.compose_minutes(session, row), row.closed_at or at


def _keep(
    session: Session,
    files: FileStore,
    *,
    row: AuctionSession,
    subject_id: UUID,
    kind: PaperKind,
    content_hash: str,
    sealed: accounts.SealedDocument,
) -> None:
    """Store it encrypted until its term ends."""
    if queries.find_edition(session, subject_id=subject_id, kind=kind, content_hash=content_hash) is not None:
        return
    years = accounts.retention_term(RECORD, on=clock.shanghai_day(sealed.at)).years + MORE_YEARS
    at = sealed.at
    ends_at = at.replace(year=at.year + years, day=min(at.day, 28))
    stored = files.put_sealed("auctions", sealed.pdf, expires_at=ends_at)
    session.add(
        AuctionPaper(
            session_id=row.id,
            subject_id=subject_id,
            kind=kind,
            content_hash=content_hash,
            file_key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size,
            seal_id=sealed.seal_id,
            printed_at=at,
        )
    )
    session.flush()
