"""Every SELECT of custody and charges."""

from uuid import UUID

from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain.custody import ChargeState
from marketplace.sourcing.models import ConsignmentCharge, Custody, CustodyBay, CustodyMovement, CustodyPiece


def find_bay(session: Session, *, agent_id: UUID, number: str) -> CustodyBay | None:
    return session.exec(select(CustodyBay).where(CustodyBay.agent_id == agent_id, CustodyBay.number == number)).first()


def get_bay(session: Session, bay_id: UUID) -> CustodyBay:
    return session.get_one(CustodyBay, bay_id)


def lock_bay(session: Session, *, agent_id: UUID, number: str) -> CustodyBay | None:
    """Who puts a car into a bay waits here for whoever does so now."""
    return session.exec(
        select(CustodyBay)
        .where(CustodyBay.agent_id == agent_id, CustodyBay.number == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def lock_bay_by_id(session: Session, bay_id: UUID) -> CustodyBay | None:
    return session.exec(
        select(CustodyBay).where(CustodyBay.id == bay_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def list_bays(session: Session, *, agent_id: UUID, paging: PageQuery) -> list[tuple[CustodyBay, Custody | None]]:
    """An agent's register by number, with what stands where; up to ``limit + 1``."""
    rows = session.exec(
        select(CustodyBay, Custody)
        .join(Custody, (col(Custody.bay_id) == CustodyBay.id) & col(Custody.returned_at).is_(None), isouter=True)
        .where(CustodyBay.agent_id == agent_id, paging.where_after(col(CustodyBay.number)))
        .order_by(col(CustodyBay.number))
        .limit(paging.limit + 1)
    )
    return [(bay, custody) for bay, custody in rows]


def find_in_bay(session: Session, bay_id: UUID) -> Custody | None:
    """What stands in a bay now."""
    return session.exec(select(Custody).where(Custody.bay_id == bay_id, col(Custody.returned_at).is_(None))).first()


def find_custody(session: Session, consignment_id: UUID) -> Custody | None:
    return session.exec(select(Custody).where(Custody.consignment_id == consignment_id)).first()


def find_standing_of_vehicle(session: Session, vehicle_id: UUID) -> Custody | None:
    """The custody a car is in now."""
    return session.exec(select(Custody).where(Custody.vehicle_id == vehicle_id, col(Custody.returned_at).is_(None))).first()


def list_pieces(session: Session, custody_id: UUID) -> list[CustodyPiece]:
    """As the receipt lists them."""
    return list(session.exec(select(CustodyPiece).where(CustodyPiece.custody_id == custody_id).order_by(col(CustodyPiece.seq))))


def list_movements(session: Session, custody_id: UUID) -> list[CustodyMovement]:
    """Oldest first."""
    return list(session.exec(select(CustodyMovement).where(CustodyMovement.custody_id == custody_id).order_by(col(CustodyMovement.id))))


def find_movement(session: Session, *, custody_id: UUID, movement_id: UUID) -> CustodyMovement | None:
    return session.exec(select(CustodyMovement).where(CustodyMovement.id == movement_id, CustodyMovement.custody_id == custody_id)).first()


def list_charges(session: Session, consignment_id: UUID) -> list[ConsignmentCharge]:
    """Oldest first."""
    return list(
        session.exec(
            select(ConsignmentCharge).where(ConsignmentCharge.consignment_id == consignment_id).order_by(col(ConsignmentCharge.id))
        )
    )


def find_charge(session: Session, charge_id: UUID) -> ConsignmentCharge | None:
    return session.get(ConsignmentCharge, charge_id)


def lock_charge(session: Session, charge_id: UUID) -> ConsignmentCharge | None:
    return session.exec(
        select(ConsignmentCharge).where(ConsignmentCharge.id == charge_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_unpaid(session: Session, *, consignor_id: UUID, agent_id: UUID) -> ConsignmentCharge | None:
    """Something a consignor still owes an agent."""
    return session.exec(
        select(ConsignmentCharge)
        .where(
            ConsignmentCharge.consignor_id == consignor_id,
            ConsignmentCharge.agent_id == agent_id,
            ConsignmentCharge.state == ChargeState.DUE,
        )
        .order_by(col(ConsignmentCharge.id))
        .limit(1)
    ).first()
