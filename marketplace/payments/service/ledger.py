"""The ledger's one way in, and the questions asked of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.payments import queries
from marketplace.payments.domain import Account, AccountKind, Posting
from marketplace.payments.models import LedgerAccount, LedgerPosting, LedgerTransfer


def post(session: Session, posting: Posting, *, purpose_id: UUID | None = None) -> bool:
    """Write a posting in the caller's transaction; False when its reference is in the ledger already, and nothing is done.

    Accounts are locked in the order of their keys. An account that would leave its side fails the transaction with
    ``ck_ledger_account_never_overdrawn``.
    """
    posting_id = new_id()
    if not _insert_posting(session, posting, posting_id, purpose_id):
        return False
    _open_accounts(session, posting)
    for account, (debited, credited) in sorted(_totals(posting).items(), key=lambda pair: pair[0].key):
        session.connection().execute(
            sa.update(LedgerAccount)
            .where(col(LedgerAccount.key) == account.key)
            .values(debits_minor=col(LedgerAccount.debits_minor) + debited, credits_minor=col(LedgerAccount.credits_minor) + credited)
        )
    rows = [
        {
            "posting_id": posting_id,
            "position": position,
            "debit_key": transfer.debit.key,
            "credit_key": transfer.credit.key,
            "amount_minor": transfer.amount_minor,
            "currency": transfer.debit.currency,
        }
        for position, transfer in enumerate(posting.transfers)
    ]
    session.connection().execute(sa.insert(LedgerTransfer), rows)
    return True


def _upsert(session: Session, model: Any) -> Any:  # Any: the two dialects' inserts share no type
    insert = postgresql.insert if session.connection().dialect.name == "postgresql" else sqlite.insert
    return insert(model)


def _insert_posting(session: Session, posting: Posting, posting_id: UUID, purpose_id: UUID | None) -> bool:
    row = {
        "id": posting_id,
        "reference": posting.reference,
        "kind": posting.kind,
        "purpose_id": purpose_id,
        "at": clock.now(session),
    }
    statement = _upsert(session, LedgerPosting).values(row).on_conflict_do_nothing(index_elements=["reference"])
    return session.connection().execute(statement.returning(sa.literal(1))).first() is not None


def _open_accounts(session: Session, posting: Posting) -> None:
    """Accounts that are not there yet, empty: a check sees the row proposed by an upsert, so totals are added afterwards."""
    rows = [
        {
            "key": account.key,
            "kind": account.kind,
            "gateway": account.gateway,
            "party_id": account.party_id,
            "purpose_id": account.purpose_id,
            "currency": account.currency,
            "debits_minor": 0,
            "credits_minor": 0,
        }
        for account in sorted(_totals(posting), key=lambda found: found.key)
    ]
    session.connection().execute(_upsert(session, LedgerAccount).values(rows).on_conflict_do_nothing(index_elements=["key"]))


def _totals(posting: Posting) -> dict[Account, tuple[int, int]]:
    totals: dict[Account, tuple[int, int]] = {}
    for account, amount in posting.entries():
        debited, credited = totals.get(account, (0, 0))
        totals[account] = (debited + amount, credited) if amount > 0 else (debited, credited - amount)
    return totals


def balances(session: Session) -> dict[str, int]:
    """What every kind of account holds, on its own side, in fen: ``{"escrow": …, "market_fees": …}``."""
    found = dict.fromkeys((kind.value for kind in AccountKind), 0)
    for account in queries.list_account_totals(session):
        found[account.kind.value] += account.balance_minor
    return found


def ledger_sum(session: Session) -> int:
    """Debits less credits of all accounts: zero, or something is broken."""
    return queries.get_ledger_sum(session)


def find_breaks(session: Session) -> Sequence[str]:
    """Keys of accounts whose totals are not the sum of their transfers; empty, or something is broken."""
    return queries.list_broken_accounts(session)


def escrow_pools(session: Session, *, purpose_id: UUID) -> dict[str, int]:
    """What stands in escrow for an order, by gateway, in fen."""
    return queries.list_pools(session, kind=AccountKind.ESCROW, purpose_id=purpose_id)
