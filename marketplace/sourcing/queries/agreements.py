"""Every SELECT of enterprise sources."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.sourcing.domain.agreements import AgreementSide, BatchState, CarOutcome
from marketplace.sourcing.models.agreements import SupplyAgreement, SupplyBatch, SupplyCar, SupplySignature


def find_agreement(session: Session, agreement_id: UUID) -> SupplyAgreement | None:
    return session.get(SupplyAgreement, agreement_id)


def lock_agreement(session: Session, agreement_id: UUID) -> SupplyAgreement | None:
    return session.exec(
        select(SupplyAgreement).where(SupplyAgreement.id == agreement_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def list_agreements(session: Session, *, source_id: UUID | None, paging: PageQuery) -> Sequence[SupplyAgreement]:
    """Of one source, or all; newest first."""
    wanted: list[Any] = [] if source_id is None else [SupplyAgreement.source_id == source_id]
    return session.exec(
        select(SupplyAgreement)
        .where(*wanted, paging.where_after(col(SupplyAgreement.id), descending=True))
        .order_by(col(SupplyAgreement.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_sides(session: Session, agreement_id: UUID) -> list[AgreementSide]:
    return [row.side for row in session.exec(select(SupplySignature).where(SupplySignature.agreement_id == agreement_id))]


def find_batch(session: Session, batch_id: UUID) -> SupplyBatch | None:
    return session.get(SupplyBatch, batch_id)


def count_batches(session: Session, agreement_id: UUID) -> int:
    return session.exec(select(sa.func.count()).select_from(SupplyBatch).where(SupplyBatch.agreement_id == agreement_id)).one()


def list_batches(session: Session, *, agreement_id: UUID, paging: PageQuery) -> Sequence[SupplyBatch]:
    return session.exec(
        select(SupplyBatch)
        .where(SupplyBatch.agreement_id == agreement_id, paging.where_after(col(SupplyBatch.id), descending=True))
        .order_by(col(SupplyBatch.id).desc())
        .limit(paging.limit + 1)
    ).all()


def lock_waiting_cars(session: Session, batch_id: UUID, *, limit: int) -> list[SupplyCar]:
    return list(
        session.exec(
            select(SupplyCar)
            .where(SupplyCar.batch_id == batch_id, SupplyCar.outcome == CarOutcome.WAITING)
            .order_by(col(SupplyCar.n))
            .limit(limit)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_cars(session: Session, *, batch_id: UUID, after: int, limit: int) -> list[SupplyCar]:
    return list(
        session.exec(select(SupplyCar).where(SupplyCar.batch_id == batch_id, SupplyCar.n > after).order_by(col(SupplyCar.n)).limit(limit))
    )


def list_unfinished(session: Session) -> list[UUID]:
    return list(
        session.exec(select(SupplyBatch.id).where(SupplyBatch.state == BatchState.RECEIVED).order_by(col(SupplyBatch.id)).limit(20))
    )
