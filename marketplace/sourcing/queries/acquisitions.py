"""Every SELECT of acquisitions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain.acquisitions import RUNNING_STATES, AcquisitionState, OfferState
from marketplace.sourcing.models.acquisitions import (
    Acquisition,
    AcquisitionAnswer,
    AcquisitionInspection,
    AcquisitionOffer,
    ReverseInvoice,
    StockAnnotation,
    TemporaryPlate,
)


def find_acquisition(session: Session, acquisition_id: UUID) -> Acquisition | None:
    return session.get(Acquisition, acquisition_id)


def lock_acquisition(session: Session, acquisition_id: UUID) -> Acquisition | None:
    return session.exec(
        select(Acquisition).where(Acquisition.id == acquisition_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_running_of_vehicle(session: Session, vehicle_id: UUID) -> Acquisition | None:
    return session.exec(select(Acquisition).where(Acquisition.vehicle_id == vehicle_id, col(Acquisition.state).in_(RUNNING_STATES))).first()


def find_of_order(session: Session, order_id: UUID) -> Acquisition | None:
    return session.exec(select(Acquisition).where(Acquisition.order_id == order_id)).first()


def list_of_owner(session: Session, *, owner_id: UUID, paging: PageQuery) -> Sequence[Acquisition]:
    """Newest first; up to ``limit + 1``."""
    return session.exec(
        select(Acquisition)
        .where(Acquisition.owner_id == owner_id, paging.where_after(col(Acquisition.id), descending=True))
        .order_by(col(Acquisition.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_open_to(session: Session, *, dealer_id: UUID, now: datetime, paging: PageQuery) -> Sequence[Acquisition]:
    """What a dealer may offer on now; his own cars are not among it."""
    return session.exec(
        select(Acquisition)
        .where(
            Acquisition.state == AcquisitionState.OPEN,
            Acquisition.closes_at > now,
            Acquisition.owner_id != dealer_id,
            paging.where_after(col(Acquisition.id), descending=True),
        )
        .order_by(col(Acquisition.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_due(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """Requests whose time is over, re-inspections that did not come, changes of price nobody answered."""
    state = col(Acquisition.state)
    late = sa.or_(
        sa.and_(state == AcquisitionState.OPEN, col(Acquisition.closes_at) <= now),
        sa.and_(state == AcquisitionState.ACCEPTED, col(Acquisition.inspect_by) <= now),
        sa.and_(state == AcquisitionState.PRICE_CHANGE, col(Acquisition.answer_by) <= now),
    )
    return list(session.exec(select(Acquisition.id).where(late).order_by(col(Acquisition.id)).limit(limit)))


def list_all_of_owner(session: Session, party_id: UUID) -> list[Acquisition]:
    return list(session.exec(select(Acquisition).where(Acquisition.owner_id == party_id).order_by(col(Acquisition.id))))


def list_deals(session: Session, *, dealer_id: UUID, since: datetime) -> list[tuple[Acquisition, list[AcquisitionInspection]]]:
    """A dealer's accepted offers since then, each with its re-inspections."""
    deals = session.exec(
        select(Acquisition)
        .where(Acquisition.dealer_id == dealer_id, col(Acquisition.accepted_at) >= since)
        .order_by(col(Acquisition.id))
        .limit(5_000)
    ).all()
    ids = [one.id for one in deals]
    found: dict[UUID, list[AcquisitionInspection]] = {}
    for row in session.exec(
        select(AcquisitionInspection)
        .where(col(AcquisitionInspection.acquisition_id).in_(ids))
        .order_by(col(AcquisitionInspection.acquisition_id), col(AcquisitionInspection.number))
    ):
        found.setdefault(row.acquisition_id, []).append(row)
    return [(one, found.get(one.id, [])) for one in deals]


# --- offers ----------------------------------------------------------------------------------------------------------------


def list_offers(session: Session, acquisition_id: UUID, *, dealer_id: UUID | None = None) -> list[AcquisitionOffer]:
    """Of one dealer, or all; the highest first."""
    wanted: list[Any] = [AcquisitionOffer.acquisition_id == acquisition_id]
    if dealer_id is not None:
        wanted.append(AcquisitionOffer.dealer_id == dealer_id)
    return list(
        session.exec(select(AcquisitionOffer).where(*wanted).order_by(col(AcquisitionOffer.price_minor).desc(), col(AcquisitionOffer.id)))
    )


def lock_open_offers(session: Session, acquisition_id: UUID) -> list[AcquisitionOffer]:
    return list(
        session.exec(
            select(AcquisitionOffer)
            .where(AcquisitionOffer.acquisition_id == acquisition_id, AcquisitionOffer.state == OfferState.OPEN)
            .order_by(col(AcquisitionOffer.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def find_offer(session: Session, offer_id: UUID) -> AcquisitionOffer | None:
    return session.get(AcquisitionOffer, offer_id, populate_existing=True)


def list_offers_of_dealer(session: Session, *, dealer_id: UUID, paging: PageQuery) -> Sequence[AcquisitionOffer]:
    return session.exec(
        select(AcquisitionOffer)
        .where(AcquisitionOffer.dealer_id == dealer_id, paging.where_after(col(AcquisitionOffer.id), descending=True))
        .order_by(col(AcquisitionOffer.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_lapsed(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """Requests with an offer whose period is over."""
    return list(
        session.exec(
            select(AcquisitionOffer.acquisition_id)
            .where(AcquisitionOffer.state == OfferState.OPEN, AcquisitionOffer.valid_until <= now)
            .distinct()
            .order_by(col(AcquisitionOffer.acquisition_id))
            .limit(limit)
        )
    )


# --- re-inspections ----------------------------------------------------------------------------------------------------------


def list_inspections(session: Session, acquisition_id: UUID) -> list[AcquisitionInspection]:
    return list(
        session.exec(
            select(AcquisitionInspection)
            .where(AcquisitionInspection.acquisition_id == acquisition_id)
            .order_by(col(AcquisitionInspection.number))
        )
    )


def list_answers(session: Session, inspection_ids: Sequence[UUID]) -> dict[UUID, AcquisitionAnswer]:
    rows = session.exec(select(AcquisitionAnswer).where(col(AcquisitionAnswer.inspection_id).in_(inspection_ids)))
    return {row.inspection_id: row for row in rows}


# --- invoices and annotations ------------------------------------------------------------------------------------------------


def find_reverse_invoice(session: Session, order_id: UUID) -> ReverseInvoice | None:
    return session.exec(select(ReverseInvoice).where(ReverseInvoice.order_id == order_id)).first()


def sum_reverse_invoices(session: Session, *, seller_id: UUID, since: datetime) -> int:
    """Fen invoiced in reverse to a seller since then."""
    total = sa.func.coalesce(sa.func.sum(col(ReverseInvoice.amount_minor)), 0)
    return int(session.exec(select(total).where(ReverseInvoice.seller_id == seller_id, col(ReverseInvoice.issued_at) > since)).one())


def lock_all_of_owner(session: Session, owner_id: UUID) -> list[UUID]:
    """Every acquisition of an owner, locked in the order of ids: two dealers never count him at once."""
    return list(
        session.exec(select(Acquisition.id).where(Acquisition.owner_id == owner_id).order_by(col(Acquisition.id)).with_for_update())
    )


def list_reverse_invoices_of(session: Session, seller_id: UUID) -> list[ReverseInvoice]:
    return list(session.exec(select(ReverseInvoice).where(ReverseInvoice.seller_id == seller_id).order_by(col(ReverseInvoice.id))))


def find_annotation(session: Session, vehicle_id: UUID) -> StockAnnotation | None:
    """The standing one."""
    return session.exec(
        select(StockAnnotation).where(StockAnnotation.vehicle_id == vehicle_id, col(StockAnnotation.ended_at).is_(None))
    ).first()


def lock_annotation(session: Session, vehicle_id: UUID) -> StockAnnotation | None:
    return session.exec(
        select(StockAnnotation)
        .where(StockAnnotation.vehicle_id == vehicle_id, col(StockAnnotation.ended_at).is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def list_plates(session: Session, annotation_id: UUID) -> list[TemporaryPlate]:
    return list(
        session.exec(select(TemporaryPlate).where(TemporaryPlate.annotation_id == annotation_id).order_by(col(TemporaryPlate.number)))
    )
