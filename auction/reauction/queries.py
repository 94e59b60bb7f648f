"""Every SELECT about lots that come again."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.reauction.models import DebtState, DefaultDebt, Relisting, RelistPlan
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def find_plan(session: Session, *, lot_id: UUID) -> RelistPlan | None:
    return session.get(RelistPlan, lot_id)


def find_relisting(session: Session, *, lot_id: UUID) -> Relisting | None:
    """How a lot came to come again; None for one that is new."""
    return session.get(Relisting, lot_id)


def find_successor(session: Session, *, from_lot_id: UUID) -> Relisting | None:
    return session.exec(select(Relisting).where(Relisting.from_lot_id == from_lot_id)).first()


def find_barred(session: Session, *, lot_id: UUID) -> UUID | None:
    """The party that broke the sale this lot makes good."""
    return session.exec(select(Relisting.barred_party_id).where(Relisting.lot_id == lot_id)).first()


def find_debt_of_lot(session: Session, *, lot_id: UUID) -> DefaultDebt | None:
    return session.exec(select(DefaultDebt).where(DefaultDebt.lot_id == lot_id)).first()


def lock_debt_of_lot(session: Session, *, lot_id: UUID) -> DefaultDebt | None:
    return session.exec(
        select(DefaultDebt).where(DefaultDebt.lot_id == lot_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def lock_debt(session: Session, *, debt_id: UUID) -> DefaultDebt | None:
    return session.exec(
        select(DefaultDebt).where(DefaultDebt.id == debt_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def count_open_debts(session: Session, *, debtor_id: UUID) -> int:
    open_states = (DebtState.WAITING, DebtState.DUE)
    statement = select(sa.func.count()).select_from(DefaultDebt)
    return session.exec(statement.where(DefaultDebt.debtor_id == debtor_id, col(DefaultDebt.state).in_(open_states))).one()


def list_debts(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[DefaultDebt]:
    """A party's own as debtor, consignor or house, newest first."""
    own = sa.or_(col(DefaultDebt.debtor_id) == party_id, col(DefaultDebt.consignor_id) == party_id, col(DefaultDebt.house_id) == party_id)
    behind = page.where_after(DefaultDebt.id, descending=True)
    return session.exec(select(DefaultDebt).where(own, behind).order_by(col(DefaultDebt.id).desc()).limit(page.limit + 1)).all()
