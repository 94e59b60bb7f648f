"""Every SELECT of partners."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery
from valuation.partners.models import Estimate, EstimateUsage


def get_estimate(session: Session, *, estimate_id: UUID) -> Estimate:
    found = session.get(Estimate, estimate_id)
    if found is None:
        raise NotFound
    return found


def list_estimates(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[Estimate]:
    """Newest first; one more than the page holds."""
    return session.exec(
        select(Estimate)
        .where(Estimate.party_id == party_id, page.where_after(col(Estimate.id), descending=True))
        .order_by(col(Estimate.id).desc())
        .limit(page.limit + 1)
    ).all()


def list_all_estimates(session: Session, *, party_id: UUID) -> Sequence[Estimate]:
    """For a person's data export."""
    return session.exec(select(Estimate).where(Estimate.party_id == party_id).order_by(col(Estimate.id))).all()


def delete_estimates(session: Session, *, party_id: UUID) -> int:
    return session.connection().execute(sa.delete(Estimate).where(col(Estimate.party_id) == party_id)).rowcount


def lock_usage(session: Session, *, caller_id: UUID, party_id: UUID, used_on: date) -> EstimateUsage:
    """The caller's row of a day, made when missing, locked: two calls at once are both counted."""
    insert = postgresql.insert if session.connection().dialect.name == "postgresql" else sqlite.insert
    row = {"caller_id": caller_id, "used_on": used_on, "party_id": party_id, "used": 0}
    session.connection().execute(insert(EstimateUsage).values(row).on_conflict_do_nothing())
    statement = (
        select(EstimateUsage)
        .where(EstimateUsage.caller_id == caller_id, EstimateUsage.used_on == used_on)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.exec(statement).one()


def list_usage(session: Session, *, party_id: UUID, since: date) -> Sequence[EstimateUsage]:
    """The party's callers, newest day first."""
    return session.exec(
        select(EstimateUsage)
        .where(EstimateUsage.party_id == party_id, col(EstimateUsage.used_on) >= since)
        .order_by(col(EstimateUsage.used_on).desc(), col(EstimateUsage.caller_id))
        .limit(1_000)
    ).all()


def delete_usage(session: Session, *, party_id: UUID) -> int:
    return session.connection().execute(sa.delete(EstimateUsage).where(col(EstimateUsage.party_id) == party_id)).rowcount
