"""The bay register of an agent: number, in use or not, what stands where; a bay holds one car."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.sourcing.domain import Side
from marketplace.sourcing.domain.custody import BayClosed, BayNotFound, BayRegistered, BayTaken, CustodyEnded, CustodyNotFound
from marketplace.sourcing.models import Custody, CustodyBay
from marketplace.sourcing.queries import custody as queries
from marketplace.sourcing.service.offering import lock_as
from marketplace.sourcing.service.records import ConsignmentView, record, view
from marketplace.vehicles import api as vehicles


@dataclass(frozen=True, slots=True)
class BayView:
    """A bay and what stands in it."""

    bay: CustodyBay
    custody: Custody | None
    vehicle_title: str | None


def register_bay(session: Session, *, principal: Principal, number: str, note: str) -> BayView:
    """Raises ``BayRegistered``."""
    if queries.find_bay(session, agent_id=principal.party_id, number=number) is not None:
        raise BayRegistered
    bay = CustodyBay(agent_id=principal.party_id, number=number, note=note, created_at=clock.now(session))
    session.add(bay)
    session.flush()
    audit.record(session, principal=principal, act="bay.register", object_kind="bay", object_id=bay.id, facts={"number": number})
    return BayView(bay, None, None)


def change_bay(session: Session, *, principal: Principal, bay_id: UUID, is_open: bool | None, note: str | None) -> BayView:
    """Put a bay out of use or back, or note something. Raises ``BayNotFound``, ``BayTaken`` while a car stands in it."""
    bay = queries.lock_bay_by_id(session, bay_id)
    if bay is None or bay.agent_id != principal.party_id:
        raise BayNotFound
    standing = queries.find_in_bay(session, bay.id)
    if is_open is False and standing is not None:
        raise BayTaken
    bay.is_open = bay.is_open if is_open is None else is_open
    bay.note = bay.note if note is None else note
    session.add(bay)
    session.flush()
    audit.record(session, principal=principal, act="bay.change", object_kind="bay", object_id=bay.id, facts={"is_open": bay.is_open})
    return _views(session, [(bay, standing)])[0]


def list_bays(session: Session, *, principal: Principal, paging: PageQuery) -> list[BayView]:
    """The caller's register by number; up to ``limit + 1``."""
    return _views(session, queries.list_bays(session, agent_id=principal.party_id, paging=paging))


def _views(session: Session, found: list[tuple[CustodyBay, Custody | None]]) -> list[BayView]:
    cars = vehicles.get_vehicles(session, vehicle_ids=[custody.vehicle_id for _, custody in found if custody is not None])
    return [BayView(bay, custody, cars[custody.vehicle_id].title if custody else None) for bay, custody in found]


def lock_free_bay(session: Session, *, agent_id: UUID, number: str) -> CustodyBay:
    """The bay, locked, when a car may be put into it. Raises ``BayNotFound``, ``BayClosed``, ``BayTaken``."""
    bay = queries.lock_bay(session, agent_id=agent_id, number=number)
    if bay is None:
        raise BayNotFound
    if not bay.is_open:
        raise BayClosed
    if queries.find_in_bay(session, bay.id) is not None:
        raise BayTaken
    return bay


def move_car(session: Session, *, principal: Principal, consignment_id: UUID, bay_number: str) -> ConsignmentView:
    """Put the car into another bay. Raises ``ConsignmentNotFound``, ``CustodyNotFound``, ``CustodyEnded`` and as ``lock_free_bay``."""
    consignment = lock_as(session, principal=principal, consignment_id=consignment_id, side=Side.AGENT)
    custody = queries.find_custody(session, consignment.id)
    if custody is None:
        raise CustodyNotFound
    if custody.returned_at is not None:
        raise CustodyEnded
    before = queries.get_bay(session, custody.bay_id)
    bay = lock_free_bay(session, agent_id=consignment.agent_id, number=bay_number)
    custody.bay_id = bay.id
    session.add(custody)
    session.flush()
    record(session, consignment, act="custody.move", principal=principal, facts={"from": before.number, "to": bay.number})
    return view(session, consignment)
