"""Tables of money. Amounts are fen in BIGINT; postings and transfers are append-only."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, append_only, enum_type, primary_id
from marketplace.core.money import CNY
from marketplace.payments.domain import (
    AccountKind,
    HoldState,
    OperationKind,
    OperationState,
    PaymentState,
    PayoutState,
    RenewalState,
    SplitKind,
)
from marketplace.payments.domain.payments import RefundState

_ONLY_POSITIVE = "amount_minor > 0"

# --- the ledger -----------------------------------------------------------------------------------------------------------


class LedgerAccount(SQLModel, table=True):
    """Totals of one account. The checks keep every account on its side: no one's money below zero."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        sa.CheckConstraint("debits_minor >= 0 AND credits_minor >= 0", name="totals_not_negative"),
        sa.CheckConstraint(
            "CASE WHEN kind IN ('clearing', 'holds_at_gateway') THEN debits_minor >= credits_minor ELSE credits_minor >= debits_minor END",
            name="never_overdrawn",
        ),
        sa.UniqueConstraint("key", "currency", name="ledger_account_currency"),
    )

    key: str = Field(primary_key=True, max_length=160)
    kind: AccountKind = Field(sa_type=enum_type(AccountKind, "kind"), index=True)
    gateway: str = Field(max_length=40)
    party_id: UUID | None = Field(default=None, index=True)
    purpose_id: UUID | None = Field(default=None, index=True)
    currency: str = Field(default=CNY, max_length=3)
    debits_minor: int = Field(default=0, sa_type=sa.BigInteger)
    credits_minor: int = Field(default=0, sa_type=sa.BigInteger)


class LedgerPosting(SQLModel, table=True):
    """One fact. ``reference`` is unique: a fact that comes twice is posted once."""

    __tablename__ = "ledger_posting"

    id: UUID = primary_id()
    reference: str = Field(max_length=160, unique=True)
    kind: str = Field(max_length=40)
    purpose_id: UUID | None = Field(default=None, index=True)
    at: datetime = Field(index=True)


class LedgerTransfer(SQLModel, table=True):
    """One amount from one account to another: debit and credit in one row, so no posting can be out of balance.

    The foreign keys carry the currency: both accounts have the transfer's own.
    """

    __tablename__ = "ledger_transfer"
    __table_args__ = (
        sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),
        sa.CheckConstraint("debit_key <> credit_key", name="two_accounts"),
        sa.ForeignKeyConstraint(
            ["debit_key", "currency"], ["ledger_account.key", "ledger_account.currency"], name="ledger_transfer_debit_account"
        ),
        sa.ForeignKeyConstraint(
            ["credit_key", "currency"], ["ledger_account.key", "ledger_account.currency"], name="ledger_transfer_credit_account"
        ),
    )

    posting_id: UUID = Field(foreign_key="ledger_posting.id", primary_key=True)
    position: int = Field(primary_key=True)
    debit_key: str = Field(max_length=160, index=True)
    credit_key: str = Field(max_length=160, index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(max_length=3)


append_only(LedgerPosting.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
append_only(LedgerTransfer.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class Reconciliation(SQLModel, table=True):
    """One comparison of a gateway's report with the ledger."""

    __tablename__ = "payment_reconciliation"

    id: UUID = primary_id()
    gateway: str = Field(max_length=40, index=True)
    at: datetime
    lines: int
    theirs_minor: int = Field(sa_type=sa.BigInteger)
    ours_minor: int = Field(sa_type=sa.BigInteger)
    differences: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)


# --- what the market asks of gateways -----------------------------------------------------------------------------------


class Hold(SQLModel, table=True):
    """A deposit. ``taken_minor`` is what was captured or forfeited of it.

    ``renewed_at``: of its present authorization; ``tried_at``: when a longer one was last asked for without success so far.
    ``charged_ref``: it is in the witness account and goes back as a refund of this. ``taking_minor``: what is wanted of it.
    """

    __tablename__ = "payment_hold"
    __table_args__ = (
        sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),
        sa.CheckConstraint("taken_minor >= 0 AND taken_minor <= amount_minor", name="never_above_the_amount"),
        sa.Index("ix_payment_hold_purpose", "purpose_kind", "purpose_id"),
        sa.Index(
            "ix_payment_hold_lapsing", "lapses_at", sqlite_where=sa.text("state = 'held'"), postgresql_where=sa.text("state = 'held'")
        ),
    )

    id: UUID = primary_id()
    party_id: UUID = Field(index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(default=CNY, max_length=3)
    gateway: str = Field(max_length=40)
    gateway_ref: str | None = Field(default=None, max_length=120)
    instructions: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    purpose_kind: str = Field(max_length=40)
    purpose_id: UUID
    state: HoldState = Field(default=HoldState.REQUESTED, sa_type=enum_type(HoldState, "state"))
    order_id: UUID | None = Field(default=None)
    to_party_id: UUID | None = Field(default=None)
    costs_to: UUID | None = Field(default=None)
    taken_minor: int = Field(default=0, sa_type=sa.BigInteger)
    claims: dict[str, int] = Field(default_factory=dict, sa_type=Json)
    reason: str | None = Field(default=None, max_length=200)
    failure_code: str | None = Field(default=None, max_length=60)
    requested_at: datetime
    held_at: datetime | None = Field(default=None)
    lapses_at: datetime | None = Field(default=None)
    card_hash: str | None = Field(default=None, max_length=80)
    renewed_at: datetime | None = Field(default=None)
    tried_at: datetime | None = Field(default=None)
    warned_at: datetime | None = Field(default=None)
    charged_ref: str | None = Field(default=None, max_length=120)
    taking_minor: int = Field(default=0, sa_type=sa.BigInteger)
    ended_at: datetime | None = Field(default=None)


_PENDING = sa.text("state = 'requested'")


class HoldRenewal(SQLModel, table=True):
    """One try to make a deposit last longer, a second authorization or a charge; one at a time. ``old_ref`` is what it replaced."""

    __tablename__ = "payment_hold_renewal"
    __table_args__ = (
        sa.Index("uq_payment_hold_renewal_pending", "hold_id", unique=True, sqlite_where=_PENDING, postgresql_where=_PENDING),
        sa.CheckConstraint("kind IN ('renew', 'charge')", name="renewed_or_charged"),
    )

    id: UUID = primary_id()
    hold_id: UUID = Field(foreign_key="payment_hold.id", index=True)
    kind: OperationKind = Field(sa_type=enum_type(OperationKind, "kind"))
    state: RenewalState = Field(default=RenewalState.REQUESTED, sa_type=enum_type(RenewalState, "state"))
    old_ref: str | None = Field(default=None, max_length=120)
    failure_code: str | None = Field(default=None, max_length=60)
    requested_at: datetime
    ended_at: datetime | None = Field(default=None)


class Payment(SQLModel, table=True):
    """Money asked of a payer; one open or paid at a time for one purpose."""

    __tablename__ = "payment"
    __table_args__ = (
        sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),
        sa.Index("uq_payment_one_due", "purpose_kind", "purpose_id", unique=True, sqlite_where=sa.text("state = 'due'"),
                 postgresql_where=sa.text("state = 'due'")),
    )  # fmt: skip

    id: UUID = primary_id()
    payer_id: UUID = Field(index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(default=CNY, max_length=3)
    gateway: str = Field(max_length=40)
    gateway_ref: str | None = Field(default=None, max_length=120)
    reference: str = Field(max_length=40, unique=True)
    instructions: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    purpose_kind: str = Field(max_length=40)
    purpose_id: UUID = Field(index=True)
    state: PaymentState = Field(default=PaymentState.DUE, sa_type=enum_type(PaymentState, "state"))
    failure_code: str | None = Field(default=None, max_length=60)
    requested_at: datetime
    paid_at: datetime | None = Field(default=None)


class Refund(SQLModel, table=True):
    """Money on its way back. ``hold_id``: a charged deposit that ends with it. Without both: money for nothing we know of, or a rest."""

    __tablename__ = "payment_refund"
    __table_args__ = (sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),)

    id: UUID = primary_id()
    payment_id: UUID | None = Field(default=None, foreign_key="payment.id", index=True)
    hold_id: UUID | None = Field(default=None, foreign_key="payment_hold.id", index=True)
    source_ref: str = Field(max_length=120)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(default=CNY, max_length=3)
    gateway: str = Field(max_length=40)
    state: RefundState = Field(default=RefundState.REQUESTED, sa_type=enum_type(RefundState, "state"))
    reason: str = Field(max_length=200)
    failure_code: str | None = Field(default=None, max_length=60)
    requested_at: datetime
    refunded_at: datetime | None = Field(default=None)


class Payout(SQLModel, table=True):
    """Settled money on its way to a party. ``waiting`` until the party has a payout account."""

    __tablename__ = "payout"
    __table_args__ = (
        sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),
        sa.UniqueConstraint("purpose_id", "position", name="payout_once"),
    )

    id: UUID = primary_id()
    party_id: UUID = Field(index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(default=CNY, max_length=3)
    gateway: str = Field(max_length=40)
    kind: SplitKind = Field(sa_type=enum_type(SplitKind, "kind"))
    purpose_kind: str = Field(max_length=40)
    purpose_id: UUID = Field(index=True)
    position: int
    payout_account_id: UUID | None = Field(default=None)
    state: PayoutState = Field(default=PayoutState.WAITING, sa_type=enum_type(PayoutState, "state"), index=True)
    failure_code: str | None = Field(default=None, max_length=60)
    requested_at: datetime
    paid_at: datetime | None = Field(default=None)


class GatewayOperation(SQLModel, table=True):
    """One call to a gateway. Its id is the idempotency key, so however often it is sent, it happens once."""

    __tablename__ = "gateway_operation"
    __table_args__ = (
        sa.UniqueConstraint("subject_id", "kind", name="gateway_operation_once"),
        sa.Index("ix_gateway_operation_open", "requested_at", sqlite_where=sa.text("state IN ('requested', 'sent')"),
                 postgresql_where=sa.text("state IN ('requested', 'sent')")),
    )  # fmt: skip

    id: UUID = primary_id()
    kind: OperationKind = Field(sa_type=enum_type(OperationKind, "kind"))
    gateway: str = Field(max_length=40)
    subject_id: UUID = Field(index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(default=CNY, max_length=3)
    arguments: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    state: OperationState = Field(default=OperationState.REQUESTED, sa_type=enum_type(OperationState, "state"))
    gateway_ref: str | None = Field(default=None, max_length=120)
    refusal_code: str | None = Field(default=None, max_length=60)
    requested_at: datetime
    sent_at: datetime | None = Field(default=None)
    finished_at: datetime | None = Field(default=None)


class GatewayPayee(SQLModel, table=True):
    """How a gateway knows a party that is paid out, e.g. Stripe's ``acct_…``."""

    __tablename__ = "gateway_payee"

    party_id: UUID = Field(primary_key=True)
    gateway: str = Field(primary_key=True, max_length=40)
    reference: str = Field(max_length=120)
    linked_at: datetime


# --- the sandbox bank: another party's books, which happen to lie in our database -----------------------------------------


class SandboxBankAccount(SQLModel, table=True):
    """An account at the sandbox bank. ``frozen_minor`` is part of the balance and cannot be spent."""

    __tablename__ = "sandbox_bank_account"
    __table_args__ = (
        sa.CheckConstraint("frozen_minor >= 0 AND balance_minor >= frozen_minor", name="covered"),
        sa.CheckConstraint("state IN ('open', 'closed')", name="state"),
    )

    account_no: str = Field(primary_key=True, max_length=19)
    party_id: UUID | None = Field(default=None, unique=True)
    holder: str = Field(default="", sa_type=encrypted("sandbox_bank_holder"))
    balance_minor: int = Field(default=0, sa_type=sa.BigInteger)
    frozen_minor: int = Field(default=0, sa_type=sa.BigInteger)
    state: str = Field(default="open", max_length=10)
    opened_at: datetime


class SandboxBankMovement(SQLModel, table=True):
    """One booking between two of the bank's accounts; no account on one side is cash over the counter."""

    __tablename__ = "sandbox_bank_movement"
    __table_args__ = (sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),)

    id: UUID = primary_id()
    kind: str = Field(max_length=20)
    from_account: str | None = Field(default=None, foreign_key="sandbox_bank_account.account_no", index=True)
    to_account: str | None = Field(default=None, foreign_key="sandbox_bank_account.account_no", index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    reference: str = Field(max_length=120, index=True)
    at: datetime


append_only(SandboxBankMovement.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it


class SandboxBankFreeze(SQLModel, table=True):
    """Money frozen in a customer's own account for the market."""

    __tablename__ = "sandbox_bank_freeze"
    __table_args__ = (
        sa.CheckConstraint(_ONLY_POSITIVE, name="amount_positive"),
        sa.CheckConstraint("state IN ('active', 'released', 'captured')", name="state"),
    )

    id: UUID = primary_id()
    account_no: str = Field(foreign_key="sandbox_bank_account.account_no", index=True, max_length=19)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    state: str = Field(default="active", max_length=10)
    at: datetime
    lapses_at: datetime


class SandboxBankAnswer(SQLModel, table=True):
    """What the bank answered to a request: the same key gets the same answer, refusals too."""

    __tablename__ = "sandbox_bank_answer"

    key: str = Field(primary_key=True, max_length=80)
    answer: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    at: datetime


class SandboxBankDrill(SQLModel, table=True):
    """One row: how many of the next answers the bank loses on their way to us, though it has done what was asked."""

    __tablename__ = "sandbox_bank_drill"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True)
    lost_answers: int = Field(default=0)
