"""Consignments as others see them: views, events, the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.core import audit, outbox
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.sourcing import queries
from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState, Side
from marketplace.sourcing.domain.custody import PieceKind
from marketplace.sourcing.events import ConsignmentEvent, consignment_key
from marketplace.sourcing.models import Consignment, ConsignmentPriceStep
from marketplace.sourcing.queries import custody as custody_queries

DOCUMENT_KIND = "consignment"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsignmentView:
    """A consignment as its two parties see it. Amounts in fen."""

    id: UUID
    vehicle_id: UUID
    consignor_id: UUID
    agent_id: UUID
    kind: ConsignmentKind
    state: ConsignmentState
    floor_minor: int
    ask_minor: int
    term_days: int
    commission_bps: int
    withdrawal_fee_minor: int
    storage_free_days: int
    storage_day_minor: int
    price_steps: tuple[ConsignmentPriceStep, ...]
    content_hash: str
    signed_sides: tuple[Side, ...]
    offered_at: datetime
    signed_at: datetime | None
    ends_at: datetime | None
    listing_id: UUID | None
    bay_number: str | None
    custody_receipt: str | None
    custody_key_count: int | None
    custody_papers: tuple[str, ...]
    returned_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    order_id: UUID | None
    price_minor: int | None
    commission_minor: int | None
    version: int


def view(session: Session, row: Consignment) -> ConsignmentView:
    signed = queries.list_signed_sides(session, row.id)
    special: dict[str, Any] = {"signed_sides": tuple(sorted(signed)), "price_steps": tuple(queries.list_steps(session, row.id))}
    special |= _custody_fields(session, row)
    plain = {name: getattr(row, name) for name in ConsignmentView.__dataclass_fields__ if name not in special}
    return ConsignmentView(**plain, **special)


def _custody_fields(session: Session, row: Consignment) -> dict[str, Any]:
    """What the receipt lists; all empty where the car stays with its owner."""
    custody = custody_queries.find_custody(session, row.id) if row.kind is ConsignmentKind.PHYSICAL else None
    pieces = custody_queries.list_pieces(session, custody.id) if custody else []
    return {
        "bay_number": custody_queries.get_bay(session, custody.bay_id).number if custody and custody.returned_at is None else None,
        "custody_receipt": custody.receipt_no if custody else None,
        "custody_key_count": sum(one.kind is PieceKind.KEY for one in pieces) if custody else None,
        "custody_papers": tuple(one.label for one in pieces if one.kind is PieceKind.DOCUMENT),
        "returned_at": custody.returned_at if custody else None,
    }


def event_fields(row: Consignment) -> dict[str, Any]:
    """The common part of a consignment's events."""
    return {
        "consignment_id": row.id,
        "vehicle_id": row.vehicle_id,
        "consignor_id": row.consignor_id,
        "agent_id": row.agent_id,
        "kind": row.kind,
        "state": row.state,
    }


def announce(session: Session, row: Consignment, event: ConsignmentEvent) -> None:
    outbox.append(session, event, key=consignment_key(row.id))


def record(
    session: Session, row: Consignment, *, act: str, principal: Principal | None, facts: dict[str, Any], reason: str | None = None
) -> None:
    audit.record(session, principal=principal, act=act, object_kind=DOCUMENT_KIND, object_id=row.id, facts=facts, reason=reason)
