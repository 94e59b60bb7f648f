"""Every SELECT of consignments."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain import OPEN_STATES, ConsignmentState, Side
from marketplace.sourcing.models import Consignment, ConsignmentPriceStep, ConsignmentSignature


def find_consignment(session: Session, consignment_id: UUID) -> Consignment | None:
    return session.get(Consignment, consignment_id)


def lock_consignment(session: Session, consignment_id: UUID) -> Consignment | None:
    return session.exec(
        select(Consignment).where(Consignment.id == consignment_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_open_of_vehicle(session: Session, vehicle_id: UUID) -> Consignment | None:
    return session.exec(select(Consignment).where(Consignment.vehicle_id == vehicle_id, col(Consignment.state).in_(OPEN_STATES))).first()


def list_signed_sides(session: Session, consignment_id: UUID) -> list[Side]:
    rows = session.exec(select(ConsignmentSignature).where(ConsignmentSignature.consignment_id == consignment_id))
    return [row.side for row in rows]


def list_of_party(
    session: Session, *, party_id: UUID, as_agent: bool, state: ConsignmentState | None, paging: PageQuery
) -> list[Consignment]:
    """As consignor and, with ``as_agent``, as agent; newest first; up to ``limit + 1``."""
    own = col(Consignment.consignor_id) == party_id
    conditions: list[Any] = [sa.or_(own, col(Consignment.agent_id) == party_id) if as_agent else own]
    if state is not None:
        conditions.append(Consignment.state == state)
    return list(
        session.exec(
            select(Consignment)
            .where(*conditions, paging.where_after(col(Consignment.id), descending=True))
            .order_by(col(Consignment.id).desc())
            .limit(paging.limit + 1)
        )
    )


def list_of_consignor(session: Session, party_id: UUID) -> list[Consignment]:
    return list(session.exec(select(Consignment).where(Consignment.consignor_id == party_id).order_by(col(Consignment.id))))


def list_due(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """Active consignments whose term is over."""
    return list(
        session.exec(
            select(Consignment.id)
            .where(Consignment.state == ConsignmentState.ACTIVE, col(Consignment.ends_at) <= now)
            .order_by(col(Consignment.ends_at))
            .limit(limit)
        )
    )


# --- price-drop plans --------------------------------------------------------------------------------------------------------


def list_steps(session: Session, consignment_id: UUID) -> list[ConsignmentPriceStep]:
    """A plan's steps in their order."""
    return list(
        session.exec(
            select(ConsignmentPriceStep)
            .where(ConsignmentPriceStep.consignment_id == consignment_id)
            .order_by(col(ConsignmentPriceStep.seq))
        )
    )


def list_consignments_with_due_steps(session: Session, *, now: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """Active consignments with a step whose time has come, by id, behind ``after``."""
    due = (
        select(ConsignmentPriceStep.consignment_id)
        .join(Consignment, col(Consignment.id) == ConsignmentPriceStep.consignment_id)
        .where(
            col(ConsignmentPriceStep.outcome).is_(None),
            col(ConsignmentPriceStep.due_at) <= now,
            Consignment.state == ConsignmentState.ACTIVE,
        )
        .distinct()
        .order_by(col(ConsignmentPriceStep.consignment_id))
        .limit(limit)
    )
    return list(session.exec(due.where(col(ConsignmentPriceStep.consignment_id) > after) if after else due))
