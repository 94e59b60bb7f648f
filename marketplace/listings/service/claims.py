"""The claim: one row a vehicle, moved by compare-and-set in the caller's transaction.

Who changes a claim locks its row first and the car's listings after it, in the order of ids; nobody locks the other way round.
A second taker waits for the first one's transaction, then sees its result: exactly one has the car.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from marketplace.core import clock, outbox
from marketplace.core.db import Session, id_list
from marketplace.listings import queries
from marketplace.listings.domain import ClaimKind, ClaimView, ListingState, VehicleClaimed
from marketplace.listings.events import ClaimReleased, ClaimTaken, ListingChanged, claim_key, listing_key
from marketplace.listings.models import VehicleClaim
from marketplace.listings.service.records import event_fields


def lock_claims(session: Session, *, vehicle_ids: list[UUID]) -> dict[UUID, ClaimView | None]:
    """Make sure each car has its row and lock them in the order of ids; who holds each car, None when it is free."""
    ids = id_list(vehicle_ids)
    if not ids:
        return {}
    at = clock.now(session)
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = [{"vehicle_id": vehicle_id, "fence": 0, "changed_at": at} for vehicle_id in ids]
    connection.execute(insert(VehicleClaim).values(fresh).on_conflict_do_nothing())
    rows = session.exec(
        sa.select(VehicleClaim)  # type: ignore[call-overload]  # an ORM select with options
        .where(col(VehicleClaim.vehicle_id).in_(ids))
        .order_by(col(VehicleClaim.vehicle_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    return {row.vehicle_id: view_of(row) for row in rows}


def view_of(row: VehicleClaim | None) -> ClaimView | None:
    if row is None or row.kind is None or row.holder_id is None:
        return None
    return ClaimView(row.vehicle_id, row.kind, row.holder_id, row.fence)


def lock_claim(session: Session, *, vehicle_id: UUID) -> ClaimView | None:
    """Who holds the car, its claim locked until the caller's transaction ends: nobody takes it meanwhile. None: it is free."""
    return lock_claims(session, vehicle_ids=[vehicle_id])[vehicle_id]


def take_claim(session: Session, *, vehicle_id: UUID, kind: ClaimKind, holder_id: UUID) -> int:
    """Take a free car; returns the fence. The holder taking it again gets the fence he has. Raises ``VehicleClaimed``."""
    held = lock_claims(session, vehicle_ids=[vehicle_id])[vehicle_id]
    if held is not None:
        if (held.kind, held.holder_id) == (kind, holder_id):
            return held.fence
        raise VehicleClaimed(held_by=held.kind)
    return _move(session, vehicle_id=vehicle_id, kind=kind, holder_id=holder_id)


def hand_over_claim(session: Session, *, vehicle_id: UUID, from_holder_id: UUID, kind: ClaimKind, holder_id: UUID) -> int:
    """Give a held car on without a moment in which it is free (lot → order); returns the new fence.

    Repeating it changes nothing. Raises ``VehicleClaimed`` when somebody else holds it or nobody does.
    """
    held = lock_claims(session, vehicle_ids=[vehicle_id])[vehicle_id]
    if held is not None and (held.kind, held.holder_id) == (kind, holder_id):
        return held.fence
    if held is None or held.holder_id != from_holder_id:
        raise VehicleClaimed(held_by=held.kind if held else "nobody")
    return _move(session, vehicle_id=vehicle_id, kind=kind, holder_id=holder_id)


def release_claim(session: Session, *, vehicle_id: UUID, holder_id: UUID) -> bool:
    """Let the car go; whether ``holder_id`` held it. Someone else's claim is left as it is."""
    held = lock_claims(session, vehicle_ids=[vehicle_id])[vehicle_id]
    if held is None or held.holder_id != holder_id:
        return False
    _free(session, held, sold=False)
    _announce_availability(session, vehicle_id=vehicle_id, claim=None)
    return True


def _move(session: Session, *, vehicle_id: UUID, kind: ClaimKind, holder_id: UUID) -> int:
    fence = _update(session, vehicle_id=vehicle_id, kind=kind, holder_id=holder_id, at=clock.now(session))
    outbox.append(session, ClaimTaken(vehicle_id=vehicle_id, kind=kind, holder_id=holder_id, fence=fence), key=claim_key(vehicle_id))
    _announce_availability(session, vehicle_id=vehicle_id, claim=kind)
    return fence


def free_sold(session: Session, held: ClaimView) -> None:
    """End the claim of a car that is sold."""
    _free(session, held, sold=True)


def _free(session: Session, held: ClaimView, *, sold: bool) -> None:
    fence = _update(session, vehicle_id=held.vehicle_id, kind=None, holder_id=None, at=clock.now(session))
    event = ClaimReleased(vehicle_id=held.vehicle_id, kind=held.kind, holder_id=held.holder_id, fence=fence, sold=sold)
    outbox.append(session, event, key=claim_key(held.vehicle_id))


def _update(session: Session, *, vehicle_id: UUID, kind: ClaimKind | None, holder_id: UUID | None, at: datetime) -> int:
    """Change the row under its lock; the fence grows by one."""
    row = session.get_one(VehicleClaim, vehicle_id)
    row.kind, row.holder_id, row.changed_at, row.fence = kind, holder_id, at, row.fence + 1
    session.add(row)
    session.flush()
    return row.fence


def _announce_availability(session: Session, *, vehicle_id: UUID, claim: ClaimKind | None) -> None:
    for listing in queries.lock_open_of_vehicles(session, vehicle_ids=[vehicle_id]):
        if listing.state is ListingState.LIVE:
            listing.version += 1
            session.add(listing)
            outbox.append(session, ListingChanged(**event_fields(listing, claim)), key=listing_key(listing.id))
    session.flush()


def find_claim(session: Session, *, vehicle_id: UUID) -> ClaimView | None:
    return view_of(queries.find_claim(session, vehicle_id=vehicle_id))
