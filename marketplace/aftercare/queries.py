"""Every SELECT of aftercare."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.aftercare.domain import CaseNotFound, CaseState
from marketplace.aftercare.models import CasePaper, SaleInvoice, SandboxOfficeApplication, SandboxOfficeMark, ServiceCase
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def get_case(session: Session, case_id: UUID) -> ServiceCase:
    """Raises ``CaseNotFound``."""
    found = session.get(ServiceCase, case_id)
    if found is None:
        raise CaseNotFound
    return found


def lock_case(session: Session, case_id: UUID) -> ServiceCase:
    """Raises ``CaseNotFound``."""
    found = session.exec(
        select(ServiceCase).where(ServiceCase.id == case_id).with_for_update().execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise CaseNotFound
    return found


def find_case_of_order(session: Session, order_id: UUID) -> ServiceCase | None:
    return session.exec(select(ServiceCase).where(ServiceCase.order_id == order_id)).first()


def list_cases(
    session: Session, *, party_id: UUID | None, state: CaseState | None, order_id: UUID | None, paging: PageQuery
) -> Sequence[ServiceCase]:
    """Cases, newest first: a party's own, or everybody's when ``party_id`` is None."""
    statement = select(ServiceCase).where(paging.where_after(col(ServiceCase.id), descending=True))
    if party_id is not None:
        sides = (col(ServiceCase.seller_id), col(ServiceCase.buyer_id), col(ServiceCase.agent_id), col(ServiceCase.issuer_id))
        statement = statement.where(sa.or_(*[side == party_id for side in sides]))
    if state is not None:
        statement = statement.where(ServiceCase.state == state)
    if order_id is not None:
        statement = statement.where(ServiceCase.order_id == order_id)
    return session.exec(statement.order_by(col(ServiceCase.id).desc()).limit(paging.limit + 1)).all()


def list_papers(session: Session, case_id: UUID) -> list[CasePaper]:
    return list(session.exec(select(CasePaper).where(CasePaper.case_id == case_id).order_by(col(CasePaper.position))))


def find_invoice(session: Session, order_id: UUID) -> SaleInvoice | None:
    return session.exec(select(SaleInvoice).where(SaleInvoice.order_id == order_id)).first()


def list_cases_of_party(session: Session, party_id: UUID) -> list[ServiceCase]:
    mine = sa.or_(col(ServiceCase.seller_id) == party_id, col(ServiceCase.buyer_id) == party_id)
    return list(session.exec(select(ServiceCase).where(mine).order_by(col(ServiceCase.id))))


# --- the sandbox office's own books ------------------------------------------------------------------------------------------


def list_marks(session: Session, vehicle_id: UUID) -> frozenset[str]:
    return frozenset(session.exec(select(SandboxOfficeMark.kind).where(SandboxOfficeMark.vehicle_id == vehicle_id)))


def find_application(session: Session, *, transfer_id: UUID, attempt: int) -> SandboxOfficeApplication | None:
    return session.exec(
        select(SandboxOfficeApplication).where(
            SandboxOfficeApplication.transfer_id == transfer_id, SandboxOfficeApplication.attempt == attempt
        )
    ).first()
