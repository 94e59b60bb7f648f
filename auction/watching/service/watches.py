"""The watch list."""

from collections.abc import Sequence
from uuid import UUID

from auction.lots import service as lots
from auction.lots.models import AuctionSession, Lot
from auction.watching import queries
from auction.watching.domain import NotWatched, WatchListFull
from auction.watching.models import Watch
from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings


def watch(session: Session, *, principal: Principal, lot_id: UUID) -> tuple[Lot, AuctionSession]:
    """Put a lot on the party's list; twice is once. Raises ``LotUnknown``, ``WatchListFull``."""
    lot, row = lots.get_visible_lot(session, viewer=principal, lot_id=lot_id)
    party_id, most = principal.party_id, get_settings().auction_watch_limit
    if not queries.is_watched(session, party_id=party_id, lot_id=lot_id):
        if queries.count_watched(session, party_id=party_id) >= most:
            raise WatchListFull(most=most)
        queries.insert_watch(session, party_id=party_id, lot_id=lot_id, at=clock.now(session))
        audit.record(session, principal=principal, act="lot.watch", object_kind="lot", object_id=lot_id)
    return lot, row


def unwatch(session: Session, *, principal: Principal, lot_id: UUID) -> None:
    """Raises ``NotWatched``."""
    if not queries.delete_watch(session, party_id=principal.party_id, lot_id=lot_id):
        raise NotWatched
    audit.record(session, principal=principal, act="lot.unwatch", object_kind="lot", object_id=lot_id)


def list_watched(session: Session, *, principal: Principal, page: PageQuery) -> Sequence[tuple[Watch, Lot, AuctionSession]]:
    return queries.list_watched(session, party_id=principal.party_id, page=page)
