"""Count the visitors of a listing: each once a legal day, robots and the seller's own people aside, nobody recognizable afterwards."""

import secrets
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.listings import queries
from marketplace.listings.domain import ListingNotFound, ListingState
from marketplace.listings.domain.views import device_of, is_robot, visitor_digest
from marketplace.listings.models import ListingViews, ListingVisitor, VisitorSalt
from marketplace.listings.queries import interest


def count_view(session: Session, *, listing_id: UUID, viewer: Principal | None, address: str, user_agent: str) -> bool:
    """Whether this was a visitor not counted yet today. Raises ``ListingNotFound`` unless the listing is live."""
    listing = queries.find_listing(session, listing_id=listing_id)
    if listing is None or listing.state is not ListingState.LIVE:
        raise ListingNotFound
    if is_robot(user_agent) or (viewer is not None and viewer.party_id in {listing.seller_id, listing.agent_id}):
        return False
    today = clock.shanghai_day(clock.now(session))
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = {"seen_on": today, "salt": secrets.token_hex(32)}
    if interest.find_salt(session, today) is None:
        connection.execute(insert(VisitorSalt).values(fresh).on_conflict_do_nothing())
    salt = interest.find_salt(session, today)
    assert salt is not None
    # a person who is signed in is one visitor from whatever device; nothing of either is kept
    who, device = (str(viewer.id), "") if viewer is not None else (address, device_of(user_agent))
    digest = visitor_digest(bytes.fromhex(salt.salt), listing_id=listing_id.bytes, visitor=who, device=device)
    seen = {"listing_id": listing_id, "seen_on": today, "digest": digest}
    new = insert(ListingVisitor).values(seen).on_conflict_do_nothing().returning(col(ListingVisitor.digest))
    if connection.execute(new).first() is None:
        return False
    counted = insert(ListingViews).values(listing_id=listing_id, seen_on=today, visitors=1)
    connection.execute(
        counted.on_conflict_do_update(index_elements=["listing_id", "seen_on"], set_={"visitors": col(ListingViews.visitors) + 1})
    )
    return True


def forget_visitors(session: Session) -> int:
    """Digests and salts of days that are over go; the counts stay. Returns how many digests went."""
    today = clock.shanghai_day(clock.now(session))
    connection = session.connection()
    gone = connection.execute(sa.delete(ListingVisitor).where(col(ListingVisitor.seen_on) < today)).rowcount
    connection.execute(sa.delete(VisitorSalt).where(col(VisitorSalt.seen_on) < today))
    return gone
