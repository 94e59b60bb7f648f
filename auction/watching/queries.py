"""Every SELECT of watching."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from auction.bidding.domain import RegistrationState
from auction.bidding.models import EntryKind, LogEntry, Registration
from auction.lots.domain import LotPhase
from auction.lots.models import AuctionSession, Lot
from auction.negotiation.models import Negotiation
from auction.settlement.models import AuctionResult
from auction.watching.domain import Show
from auction.watching.models import EndingTold, Watch
from marketplace.api import orders
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery

_AHEAD = (LotPhase.ANNOUNCED, LotPhase.OPEN, LotPhase.SUSPENDED)
_INVOLVED = (RegistrationState.REGISTERED, RegistrationState.SUSPENDED)


def list_watched(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[tuple[Watch, Lot, AuctionSession]]:
    """A party's watch list, soonest end first, one more than the page holds."""
    return session.exec(
        select(Watch, Lot, AuctionSession)
        .join(Lot, col(Lot.id) == col(Watch.lot_id))
        .join(AuctionSession, col(AuctionSession.id) == col(Lot.session_id))
        .where(Watch.party_id == party_id, page.where_after(Lot.ends_at, Lot.id))
        .order_by(col(Lot.ends_at), col(Lot.id))
        .limit(page.limit + 1)
    ).all()


def count_watched(session: Session, *, party_id: UUID) -> int:
    return session.exec(select(sa.func.count()).select_from(Watch).where(Watch.party_id == party_id)).one()


def is_watched(session: Session, *, party_id: UUID, lot_id: UUID) -> bool:
    return session.exec(select(Watch.lot_id).where(Watch.party_id == party_id, Watch.lot_id == lot_id)).first() is not None


def insert_watch(session: Session, *, party_id: UUID, lot_id: UUID, at: datetime) -> None:
    """Twice is once."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(Watch).values(party_id=party_id, lot_id=lot_id, created_at=at).on_conflict_do_nothing())


def delete_watch(session: Session, *, party_id: UUID, lot_id: UUID | None = None) -> int:
    """One lot, or all of a party's; how many went."""
    statement = sa.delete(Watch).where(col(Watch.party_id) == party_id)
    if lot_id is not None:
        statement = statement.where(col(Watch.lot_id) == lot_id)
    return session.connection().execute(statement).rowcount


def list_watchers(session: Session, *, lot_id: UUID) -> set[UUID]:
    return set(session.exec(select(Watch.party_id).where(Watch.lot_id == lot_id)))


# --- one's own bids --------------------------------------------------------------------------------------------------------


def list_own(
    session: Session, *, party_id: UUID, show: Show, page: PageQuery
) -> Sequence[tuple[Registration, Lot, AuctionSession, AuctionResult | None]]:
    """A party's lots, the newest registration first, one more than the page holds."""
    statement = (
        select(Registration, Lot, AuctionSession, AuctionResult)
        .join(Lot, col(Lot.id) == col(Registration.lot_id))
        .join(AuctionSession, col(AuctionSession.id) == col(Lot.session_id))
        .outerjoin(AuctionResult, col(AuctionResult.lot_id) == col(Lot.id))
        .where(Registration.party_id == party_id, page.where_after(Registration.id, descending=True))
    )
    agreed = sa.exists().where(
        col(Negotiation.registration_id) == col(Registration.id), col(Negotiation.order_id).is_not(None)
    )  # a contract behind the hammer
    if show is Show.RUNNING:
        statement = statement.where(col(Lot.state).in_(_AHEAD))
    elif show in (Show.WON, Show.TO_PAY):
        statement = statement.where(sa.or_(col(AuctionResult.winner_id) == party_id, agreed))
    return session.exec(statement.order_by(col(Registration.id).desc()).limit(page.limit + 1)).all()


def list_last_bids(session: Session, *, registrations: Collection[UUID], lots: Collection[UUID]) -> dict[UUID, LogEntry]:
    """Each registration's last bid."""
    last = (
        select(LogEntry.registration_id, sa.func.max(LogEntry.seq).label("seq"))
        .where(col(LogEntry.lot_id).in_(lots), col(LogEntry.registration_id).in_(registrations))
        .group_by(col(LogEntry.registration_id))
        .subquery()
    )
    rows = session.exec(
        select(LogEntry)
        .join(last, sa.and_(last.c.registration_id == LogEntry.registration_id, last.c.seq == LogEntry.seq))
        .where(col(LogEntry.lot_id).in_(lots))
    )
    return {row.registration_id: row for row in rows if row.registration_id is not None}


def find_order(session: Session, *, lot_id: UUID, party_id: UUID, known: UUID | None) -> orders.OrderView | None:
    """The party's order of a lot, by the hammer or negotiated."""
    found = orders.get_order(session, order_id=known) if known is not None else orders.find_order_of_source(session, source_id=lot_id)
    return found if found is not None and found.buyer_id == party_id else None


# --- whom to tell ----------------------------------------------------------------------------------------------------------


def list_documents(session: Session, *, lot_id: UUID, from_seq: int, to_seq: int) -> Sequence[str]:
    """What the log says from the entry before ``from_seq`` to ``to_seq``."""
    behind = (LogEntry.lot_id == lot_id, LogEntry.seq >= from_seq - 1, LogEntry.seq <= to_seq)
    return session.exec(select(LogEntry.document).where(*behind).order_by(col(LogEntry.seq))).all()


def list_parties(session: Session, *, lot_id: UUID, pseudonyms: Collection[str]) -> dict[str, UUID]:
    """Parties by pseudonym."""
    named = (Registration.lot_id == lot_id, col(Registration.pseudonym).in_(pseudonyms))
    return dict(session.exec(select(Registration.pseudonym, Registration.party_id).where(*named)).all())


def list_bidders(session: Session, *, lot_id: UUID) -> set[UUID]:
    """Parties with a bid on the lot."""
    bid = sa.exists().where(
        col(LogEntry.lot_id) == lot_id, col(LogEntry.kind) == EntryKind.BID, col(LogEntry.registration_id) == col(Registration.id)
    )
    return set(session.exec(select(Registration.party_id).where(Registration.lot_id == lot_id, bid)))


def list_involved(session: Session, *, lot_id: UUID) -> set[UUID]:
    """Parties that may bid on the lot."""
    return set(session.exec(select(Registration.party_id).where(Registration.lot_id == lot_id, col(Registration.state).in_(_INVOLVED))))


def list_registered(session: Session, *, lot_id: UUID) -> set[UUID]:
    """Everybody who registered, whatever became of it."""
    return set(session.exec(select(Registration.party_id).where(Registration.lot_id == lot_id)))


def list_ending(session: Session, *, now: datetime, until: datetime, limit: int) -> Sequence[Lot]:
    """Open lots that end by then and whose people were not told. A lane's lots end within seconds: not those."""
    told = sa.exists().where(col(EndingTold.lot_id) == col(Lot.id))
    ending = (Lot.state == LotPhase.OPEN, col(Lot.lane).is_(None), col(Lot.ends_at) > now, col(Lot.ends_at) <= until, ~told)
    return session.exec(select(Lot).where(*ending).order_by(col(Lot.id)).limit(limit)).all()


def insert_told(session: Session, *, lot_ids: Sequence[UUID], at: datetime) -> None:
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(EndingTold).on_conflict_do_nothing(), [{"lot_id": lot_id, "at": at} for lot_id in lot_ids])
