"""Who may act on a car."""

from datetime import date
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.vehicles import queries
from marketplace.vehicles.domain import Capacity, DocumentKind, HeldByAnother, HoldingView, VehicleNotFound
from marketplace.vehicles.events import HoldingMoved, vehicle_key
from marketplace.vehicles.models import Holding, Vehicle
from marketplace.vehicles.service import sales, views

OUTLIVED = frozenset(
    {DocumentKind.REGISTRATION_CERTIFICATE, DocumentKind.DRIVING_LICENCE, DocumentKind.POWER_OF_ATTORNEY, DocumentKind.PURCHASE_CONTRACT}
)
"""Papers in the former holder's name: a new title needs new ones."""


def require_holding(session: Session, *, vehicle_id: UUID, party_id: UUID) -> HoldingView:
    """The party's open holding; raises ``VehicleNotFound``."""
    row = queries.find_holding(session, vehicle_id, party_id)
    if row is None:
        raise VehicleNotFound
    return views.holding_view(row)


def owner_of(session: Session, *, vehicle_id: UUID) -> UUID | None:
    """Who holds the title (owner, dealer stock or pilot); None when nobody does."""
    row = queries.find_title(session, vehicle_id)
    return row.party_id if row else None


def seller_of(session: Session, *, vehicle_id: UUID, party_id: UUID) -> UUID:
    """Whose sale of the car the caller asks about: his own when he holds it, else the title holder's."""
    if queries.find_holding(session, vehicle_id, party_id) is not None:
        return party_id
    return owner_of(session, vehicle_id=vehicle_id) or party_id


def move_holding(
    session: Session,
    *,
    vehicle_id: UUID,
    to_party_id: UUID,
    capacity: Capacity,
    proof: str,
    principal: Principal | None = None,
    acquired_on: date | None = None,
) -> HoldingView:
    """The title goes to ``to_party_id``: every open holding ends by sale, papers in the former name and the plate with it.

    Done twice for the same new holder it changes nothing. Raises ``NotFound``.
    """
    row = queries.lock_row(session, vehicle_id)
    at = clock.now(session)
    title = queries.find_title(session, vehicle_id)
    if title is not None and title.party_id == to_party_id and title.capacity is capacity:
        return views.holding_view(title)
    if title is not None:
        sales.record_sale(session, vehicle_id=vehicle_id, party_id=title.party_id, proof=proof)
    for holding in queries.list_open_holdings(session, vehicle_id):
        holding.until_at = at
        holding.ended_by = "sale" if holding.capacity is not Capacity.CONSIGNEE else "consignment_ended"
        session.add(holding)
    _retire_papers(session, row)
    session.flush()
    moved = Holding(
        vehicle_id=vehicle_id,
        party_id=to_party_id,
        capacity=capacity,
        since_at=at,
        acquired_on=acquired_on or clock.shanghai_day(at),
        proof=proof[:200],
    )
    session.add(moved)
    row.facts_version += 1
    row.transfer_count += 1
    row.updated_at = at
    session.flush()
    _announce_move(session, principal, row, title.party_id if title else None, moved)
    return views.holding_view(moved)


def _retire_papers(session: Session, row: Vehicle) -> None:
    at = clock.now(session)
    for document in queries.list_documents(session, row.id):
        if document.kind in OUTLIVED:
            document.superseded_at = at
            session.add(document)
    row.plate, row.plate_hash, row.plate_region = None, None, None
    session.add(row)


def _announce_move(session: Session, principal: Principal | None, row: Vehicle, from_party_id: UUID | None, moved: Holding) -> None:
    append(
        session,
        HoldingMoved(
            vehicle_id=row.id,
            from_party_id=from_party_id,
            to_party_id=moved.party_id,
            capacity=moved.capacity,
            facts_version=row.facts_version,
        ),
        key=vehicle_key(row.id),
    )
    audit.record(
        session,
        principal=principal,
        act="vehicle.move_holding",
        object_kind="vehicle",
        object_id=row.id,
        facts={
            "from": str(from_party_id) if from_party_id else None,
            "to": str(moved.party_id),
            "capacity": moved.capacity.value,
            "proof": moved.proof,
        },
    )


def award_title(
    session: Session, *, vehicle_id: UUID, from_party_id: UUID | None, to_party_id: UUID, capacity: Capacity, proof: str
) -> HoldingView | None:
    """The market decided that the car is ``to_party_id``'s, not ``from_party_id``'s: no sale, no transfer, the plate stays.

    None, and nothing changed, when the title is no longer with whom the decision was about. Twice is once.
    """
    row = queries.lock_row(session, vehicle_id)
    title = queries.find_title(session, vehicle_id)
    if title is not None and title.party_id == to_party_id:
        return views.holding_view(title)
    if (title.party_id if title else None) != from_party_id:
        facts = {"to": str(to_party_id), "proof": proof}
        audit.record(session, principal=None, act="vehicle.title_moved_on", object_kind="vehicle", object_id=vehicle_id, facts=facts)
        return None
    at = clock.now(session)
    for holding in queries.list_open_holdings(session, vehicle_id):
        holding.until_at, holding.ended_by = at, "title_case"
        session.add(holding)
    session.flush()
    awarded = Holding(vehicle_id=vehicle_id, party_id=to_party_id, capacity=capacity, since_at=at, proof=proof[:200])
    session.add(awarded)
    row.facts_version += 1
    row.updated_at = at
    session.flush()
    _announce_move(session, None, row, from_party_id, awarded)
    return views.holding_view(awarded)


def grant_consignee(session: Session, *, principal: Principal | None, vehicle_id: UUID, party_id: UUID, proof: str) -> HoldingView:
    """A consignee may act on the car beside its owner until the title moves or the consignment ends. Raises ``HeldByAnother``."""
    queries.lock_row(session, vehicle_id)
    found = queries.find_holding(session, vehicle_id, party_id)
    if found is not None:
        return views.holding_view(found)
    if any(one.capacity is Capacity.CONSIGNEE for one in queries.list_open_holdings(session, vehicle_id)):
        raise HeldByAnother
    row = Holding(vehicle_id=vehicle_id, party_id=party_id, capacity=Capacity.CONSIGNEE, since_at=clock.now(session), proof=proof[:200])
    session.add(row)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="vehicle.grant_consignee",
        object_kind="vehicle",
        object_id=vehicle_id,
        facts={"party_id": str(party_id), "proof": proof},
    )
    return views.holding_view(row)


def note_privately(
    session: Session,
    *,
    principal: Principal,
    vehicle_id: UUID,
    note: str,
    buy_price_minor: int | None,
    floor_price_minor: int | None = None,
) -> None:
    """The holder's own note, purchase price and floor: on his holding, never on the car. Raises ``VehicleNotFound``."""
    row = queries.find_holding(session, vehicle_id, principal.party_id)
    if row is None:
        raise VehicleNotFound
    row.private_note, row.buy_price_minor, row.floor_price_minor = note, buy_price_minor, floor_price_minor
    session.add(row)
    audit.record(session, principal=principal, act="vehicle.note", object_kind="vehicle", object_id=vehicle_id)


def end_holding(session: Session, *, principal: Principal | None, vehicle_id: UUID, party_id: UUID, reason: str) -> None:
    """Close a party's holding without a sale (the consignment ended, the owner takes his car off the market). Raises ``NotFound``."""
    queries.lock_row(session, vehicle_id)
    row = queries.find_holding(session, vehicle_id, party_id)
    if row is None:
        raise NotFound
    row.until_at = clock.now(session)
    row.ended_by = reason[:60]
    session.add(row)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="vehicle.end_holding",
        object_kind="vehicle",
        object_id=vehicle_id,
        facts={"party_id": str(party_id), "reason": reason},
    )
