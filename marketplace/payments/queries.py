"""Every SELECT of payments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery
from marketplace.payments.domain import (
    AccountKind,
    HoldState,
    OperationKind,
    OperationState,
    PaymentState,
    PayoutState,
    RenewalState,
    ReportLine,
    Side,
)
from marketplace.payments.domain import normal_side as side_of
from marketplace.payments.models import (
    GatewayOperation,
    GatewayPayee,
    Hold,
    HoldRenewal,
    LedgerAccount,
    LedgerPosting,
    LedgerTransfer,
    Payment,
    Payout,
    Reconciliation,
    Refund,
    SandboxBankAccount,
    SandboxBankFreeze,
    SandboxBankMovement,
)

_LOCKED = {"populate_existing": True}

# --- ledger ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """Totals of all accounts of one kind at one gateway in one currency."""

    kind: AccountKind
    gateway: str
    currency: str
    accounts: int
    debits_minor: int
    credits_minor: int

    @property
    def balance_minor(self) -> int:
        difference = self.debits_minor - self.credits_minor
        return difference if side_of(self.kind) is Side.DEBIT else -difference


def list_account_totals(session: Session) -> list[AccountTotal]:
    rows = session.connection().execute(
        sa.select(
            col(LedgerAccount.kind),
            col(LedgerAccount.gateway),
            col(LedgerAccount.currency),
            sa.func.count(),
            sa.cast(sa.func.coalesce(sa.func.sum(LedgerAccount.debits_minor), 0), sa.BigInteger),
            sa.cast(sa.func.coalesce(sa.func.sum(LedgerAccount.credits_minor), 0), sa.BigInteger),
        )
        .group_by(col(LedgerAccount.kind), col(LedgerAccount.gateway), col(LedgerAccount.currency))
        .order_by(col(LedgerAccount.kind), col(LedgerAccount.gateway))
    )
    return [AccountTotal(AccountKind(row[0]), row[1], row[2], int(row[3]), int(row[4]), int(row[5])) for row in rows]


def get_ledger_sum(session: Session) -> int:
    total = sa.func.coalesce(sa.func.sum(col(LedgerAccount.debits_minor) - col(LedgerAccount.credits_minor)), 0)
    return int(session.connection().execute(sa.select(total)).scalar_one())


def list_broken_accounts(session: Session) -> list[str]:
    def sums(key: Any) -> sa.Subquery:
        amount = sa.func.sum(col(LedgerTransfer.amount_minor))
        return sa.select(key.label("key"), amount.label("amount")).group_by(key).subquery()

    debited, credited = sums(col(LedgerTransfer.debit_key)), sums(col(LedgerTransfer.credit_key))
    statement = (
        sa.select(col(LedgerAccount.key))
        .outerjoin(debited, debited.c.key == col(LedgerAccount.key))
        .outerjoin(credited, credited.c.key == col(LedgerAccount.key))
        .where(
            sa.or_(
                sa.func.coalesce(debited.c.amount, 0) != col(LedgerAccount.debits_minor),
                sa.func.coalesce(credited.c.amount, 0) != col(LedgerAccount.credits_minor),
            )
        )
        .order_by(col(LedgerAccount.key))
    )
    return list(session.connection().execute(statement).scalars())


def list_pools(session: Session, *, kind: AccountKind, purpose_id: UUID) -> dict[str, int]:
    rows = session.exec(
        select(LedgerAccount)
        .where(LedgerAccount.kind == kind, LedgerAccount.purpose_id == purpose_id)
        .order_by(col(LedgerAccount.key))
        .execution_options(**_LOCKED)
    )
    return {row.gateway: row.credits_minor - row.debits_minor for row in rows if row.credits_minor > row.debits_minor}


def list_ledger_lines(session: Session, *, gateway: str, since: datetime, until: datetime) -> list[ReportLine]:
    """What the ledger says came into and went out of a gateway's witness account, by external reference."""
    clearing = select(LedgerAccount.key).where(LedgerAccount.kind == AccountKind.CLEARING, LedgerAccount.gateway == gateway)
    lines = []
    for key, sign in ((col(LedgerTransfer.debit_key), 1), (col(LedgerTransfer.credit_key), -1)):
        rows = session.exec(
            select(LedgerPosting.reference, LedgerTransfer.amount_minor)
            .join(LedgerTransfer, col(LedgerTransfer.posting_id) == col(LedgerPosting.id))
            .where(key.in_(clearing), col(LedgerPosting.at) >= since, col(LedgerPosting.at) < until)
        )
        lines += [ReportLine(reference.rpartition(":")[2], sign * amount) for reference, amount in rows]
    return lines


def find_latest_reconciliation(session: Session, *, gateway: str) -> Reconciliation | None:
    return session.exec(
        select(Reconciliation).where(Reconciliation.gateway == gateway).order_by(col(Reconciliation.id).desc()).limit(1)
    ).first()


# --- holds, payments, payouts ---------------------------------------------------------------------------------------------


def get_hold(session: Session, hold_id: UUID) -> Hold:
    found = session.get(Hold, hold_id)
    if found is None:
        raise NotFound
    return found


def lock_hold(session: Session, hold_id: UUID) -> Hold:
    found = session.exec(select(Hold).where(Hold.id == hold_id).with_for_update().execution_options(**_LOCKED)).first()
    if found is None:
        raise NotFound
    return found


def find_hold_by_ref(session: Session, *, gateway: str, gateway_ref: str) -> Hold | None:
    return session.exec(select(Hold).where(Hold.gateway == gateway, Hold.gateway_ref == gateway_ref)).first()


def list_holds(session: Session, *, party_id: UUID, paging: PageQuery) -> Sequence[Hold]:
    return session.exec(
        select(Hold)
        .where(Hold.party_id == party_id, paging.where_after(col(Hold.id), descending=True))
        .order_by(col(Hold.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_card_hashes(session: Session, *, party_ids: Collection[UUID], since: datetime) -> Sequence[tuple[UUID, str | None]]:
    """Which cards parties had deposits held on."""
    statement = select(Hold.party_id, Hold.card_hash).where(
        col(Hold.party_id).in_(party_ids), col(Hold.card_hash).is_not(None), Hold.requested_at >= since
    )
    return session.exec(statement.distinct()).all()


def lock_renewal(session: Session, renewal_id: UUID) -> HoldRenewal:
    return session.get_one(HoldRenewal, renewal_id, with_for_update=True, populate_existing=True)


def find_pending_renewal(session: Session, *, hold_id: UUID) -> HoldRenewal | None:
    """Under the hold's lock."""
    return session.exec(select(HoldRenewal).where(HoldRenewal.hold_id == hold_id, HoldRenewal.state == RenewalState.REQUESTED)).first()


def list_lapsing_holds(
    session: Session, *, purpose_kinds: Sequence[str], before: datetime, after: UUID | None, limit: int
) -> Sequence[Hold]:
    """Held deposits whose gateway's time limit comes, in the order of ids."""
    statement = select(Hold).where(Hold.state == HoldState.HELD, col(Hold.lapses_at) <= before, col(Hold.purpose_kind).in_(purpose_kinds))
    if after is not None:
        statement = statement.where(col(Hold.id) > after)
    return session.exec(statement.order_by(col(Hold.id)).limit(limit)).all()


def list_lapsed_holds(session: Session, *, before: datetime, limit: int) -> list[UUID]:
    return list(
        session.exec(
            select(Hold.id)
            .where(Hold.state == HoldState.HELD, col(Hold.lapses_at) <= before)
            .order_by(col(Hold.lapses_at), col(Hold.id))
            .limit(limit)
        )
    )


def get_payment(session: Session, payment_id: UUID) -> Payment:
    found = session.get(Payment, payment_id)
    if found is None:
        raise NotFound
    return found


def lock_payment(session: Session, payment_id: UUID) -> Payment:
    found = session.exec(select(Payment).where(Payment.id == payment_id).with_for_update().execution_options(**_LOCKED)).first()
    if found is None:
        raise NotFound
    return found


def find_due_payment(session: Session, *, purpose_kind: str, purpose_id: UUID) -> Payment | None:
    return session.exec(
        select(Payment).where(Payment.purpose_kind == purpose_kind, Payment.purpose_id == purpose_id, Payment.state == PaymentState.DUE)
    ).first()


def list_payments_for(session: Session, *, purpose_kind: str, purpose_id: UUID) -> list[Payment]:
    return list(
        session.exec(
            select(Payment).where(Payment.purpose_kind == purpose_kind, Payment.purpose_id == purpose_id).order_by(col(Payment.id))
        )
    )


def find_payment_by(session: Session, *, gateway: str, reference: str | None, gateway_ref: str | None) -> Payment | None:
    """By what the payer wrote, else by the gateway's id of what it collected."""
    if reference is not None:
        found = session.exec(select(Payment).where(Payment.gateway == gateway, Payment.reference == reference)).first()
        if found is not None:
            return found
    if gateway_ref is None:
        return None
    return session.exec(select(Payment).where(Payment.gateway == gateway, Payment.gateway_ref == gateway_ref)).first()


def list_payments(session: Session, *, payer_id: UUID, paging: PageQuery) -> Sequence[Payment]:
    return session.exec(
        select(Payment)
        .where(Payment.payer_id == payer_id, paging.where_after(col(Payment.id), descending=True))
        .order_by(col(Payment.id).desc())
        .limit(paging.limit + 1)
    ).all()


def lock_refund(session: Session, refund_id: UUID) -> Refund:
    found = session.exec(select(Refund).where(Refund.id == refund_id).with_for_update().execution_options(**_LOCKED)).first()
    if found is None:
        raise NotFound
    return found


def lock_payout(session: Session, payout_id: UUID) -> Payout:
    found = session.exec(select(Payout).where(Payout.id == payout_id).with_for_update().execution_options(**_LOCKED)).first()
    if found is None:
        raise NotFound
    return found


def list_payouts_of(session: Session, *, purpose_id: UUID) -> list[Payout]:
    return list(session.exec(select(Payout).where(Payout.purpose_id == purpose_id).order_by(col(Payout.position))))


def list_payouts(session: Session, *, party_id: UUID, paging: PageQuery) -> Sequence[Payout]:
    return session.exec(
        select(Payout)
        .where(Payout.party_id == party_id, paging.where_after(col(Payout.id), descending=True))
        .order_by(col(Payout.id).desc())
        .limit(paging.limit + 1)
    ).all()


def list_waiting_payouts(session: Session, *, limit: int) -> list[UUID]:
    return list(session.exec(select(Payout.id).where(Payout.state == PayoutState.WAITING).order_by(col(Payout.id)).limit(limit)))


# --- gateway operations ---------------------------------------------------------------------------------------------------


def lock_operation(session: Session, operation_id: UUID) -> GatewayOperation:
    found = session.exec(
        select(GatewayOperation).where(GatewayOperation.id == operation_id).with_for_update().execution_options(**_LOCKED)
    ).first()
    if found is None:
        raise NotFound
    return found


def find_operation(session: Session, *, operation_id: UUID) -> GatewayOperation | None:
    return session.get(GatewayOperation, operation_id)


def find_operation_of(session: Session, *, subject_id: UUID, kind: OperationKind) -> GatewayOperation | None:
    return session.exec(select(GatewayOperation).where(GatewayOperation.subject_id == subject_id, GatewayOperation.kind == kind)).first()


def list_stuck_operations(session: Session, *, before: datetime, limit: int) -> list[GatewayOperation]:
    open_states = (OperationState.REQUESTED, OperationState.SENT)
    return list(
        session.exec(
            select(GatewayOperation)
            .where(col(GatewayOperation.state).in_(open_states), col(GatewayOperation.requested_at) < before)
            .order_by(col(GatewayOperation.id))
            .limit(limit)
        )
    )


def find_payee(session: Session, *, party_id: UUID, gateway: str) -> GatewayPayee | None:
    return session.get(GatewayPayee, (party_id, gateway))


# --- the sandbox bank's own books -----------------------------------------------------------------------------------------


def find_bank_account(session: Session, *, party_id: UUID) -> SandboxBankAccount | None:
    return session.exec(select(SandboxBankAccount).where(SandboxBankAccount.party_id == party_id)).first()


def lock_bank_accounts(session: Session, account_nos: Sequence[str]) -> dict[str, SandboxBankAccount]:
    rows = session.exec(
        select(SandboxBankAccount)
        .where(col(SandboxBankAccount.account_no).in_(sorted(set(account_nos))))
        .order_by(col(SandboxBankAccount.account_no))
        .with_for_update()
        .execution_options(**_LOCKED)
    )
    return {row.account_no: row for row in rows}


def lock_freeze(session: Session, freeze_id: UUID) -> SandboxBankFreeze | None:
    return session.exec(
        select(SandboxBankFreeze).where(SandboxBankFreeze.id == freeze_id).with_for_update().execution_options(**_LOCKED)
    ).first()


def find_movement(session: Session, movement_id: UUID) -> SandboxBankMovement | None:
    return session.get(SandboxBankMovement, movement_id)


def find_transfer(session: Session, *, from_account: str, reference: str) -> SandboxBankMovement | None:
    return session.exec(
        select(SandboxBankMovement).where(
            SandboxBankMovement.from_account == from_account,
            SandboxBankMovement.reference == reference,
            SandboxBankMovement.kind == "transfer",
        )
    ).first()


def list_movements(session: Session, *, account_no: str, since: datetime, until: datetime) -> list[SandboxBankMovement]:
    return list(
        session.exec(
            select(SandboxBankMovement)
            .where(
                sa.or_(col(SandboxBankMovement.from_account) == account_no, col(SandboxBankMovement.to_account) == account_no),
                col(SandboxBankMovement.at) >= since,
                col(SandboxBankMovement.at) < until,
            )
            .order_by(col(SandboxBankMovement.id))
        )
    )


def find_cash(session: Session, *, account_no: str) -> SandboxBankMovement | None:
    return session.exec(
        select(SandboxBankMovement).where(SandboxBankMovement.to_account == account_no, SandboxBankMovement.kind == "cash").limit(1)
    ).first()
