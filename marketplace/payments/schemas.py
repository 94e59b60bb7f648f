"""Bodies of payments' requests and answers. Amounts are fen."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.payments.domain import HoldState, PaymentState, PayoutState, SplitKind

_ID = "0192f0c1-2345-7abc-8def-0123456789ab"


class GatewayBody(BaseModel):
    """What a gateway of this deployment can do."""

    name: str = Field(examples=["sandbox_bank"])
    can_hold: bool
    hold_days: int | None = Field(examples=[180])
    max_amount_minor: int = Field(examples=[100_000_000_000])
    currencies: list[str] = Field(examples=[["CNY"]])
    offline: bool = Field(description="The payer acts at his own bank.")
    sandbox: bool = Field(description="Invented money.")


class HoldBody(BaseModel):
    """A deposit."""

    id: UUID = Field(examples=[_ID])
    party_id: UUID
    amount_minor: int = Field(examples=[500_000])
    gateway: str = Field(examples=["sandbox_bank"])
    purpose_kind: str = Field(examples=["lot"])
    purpose_id: UUID
    state: HoldState
    lapses_at: datetime | None
    failure_code: str | None = Field(examples=["insufficient_funds"])
    instructions: dict[str, Any]


class PaymentBody(BaseModel):
    """Money asked of the caller. ``instructions`` say where to send it."""

    id: UUID = Field(examples=[_ID])
    amount_minor: int = Field(examples=[8_800_000])
    gateway: str = Field(examples=["sandbox_bank"])
    state: PaymentState
    reference: str = Field(examples=["HR0712V5G9XK3QW8ZT4B"])
    instructions: dict[str, Any]
    purpose_kind: str = Field(examples=["order"])
    purpose_id: UUID
    paid_at: datetime | None


class PayoutBody(BaseModel):
    """Settled money on its way to the caller; ``waiting`` until a payout account is named."""

    id: UUID = Field(examples=[_ID])
    amount_minor: int = Field(examples=[8_500_000])
    kind: SplitKind
    gateway: str = Field(examples=["sandbox_bank"])
    state: PayoutState
    purpose_kind: str = Field(examples=["order"])
    purpose_id: UUID
    paid_at: datetime | None


class AccountTotalBody(BaseModel):
    """All accounts of one kind at one gateway. ``balance_minor`` is on the kind's own side."""

    kind: str = Field(examples=["escrow"])
    gateway: str = Field(examples=["sandbox_bank"])
    currency: str = Field(examples=["CNY"])
    accounts: int = Field(examples=[3])
    debits_minor: int
    credits_minor: int
    balance_minor: int


class ReconciliationBody(BaseModel):
    """The latest comparison of the gateway's report with the ledger."""

    gateway: str = Field(examples=["sandbox_bank"])
    at: datetime
    lines: int
    theirs_minor: int
    ours_minor: int
    differences: list[dict[str, Any]]


class LedgerSummaryBody(BaseModel):
    """``sum_minor`` is zero and ``broken_accounts`` empty, or something is wrong."""

    sum_minor: int = Field(examples=[0])
    broken_accounts: list[str]
    accounts: list[AccountTotalBody]
    reconciliations: list[ReconciliationBody]


class PayeeRequest(BaseModel):
    """How the gateway knows the caller's party when it is paid out."""

    model_config = ConfigDict(extra="forbid")
    gateway: Literal["stripe"] = Field(examples=["stripe"])
    reference: str = Field(pattern=r"^acct_[A-Za-z0-9]{8,60}$", examples=["acct_1Nv0FGQ9RKHgCVdK"])


class PayeeBody(BaseModel):
    gateway: str = Field(examples=["stripe"])
    reference: str = Field(examples=["acct_1Nv0FGQ9RKHgCVdK"])


# --- the sandbox bank --------------------------------------------------------------------------------------------------------


class BankAccountRequest(BaseModel):
    """Open an account; money to begin with only in a demo market."""

    model_config = ConfigDict(extra="forbid")
    opening_minor: int = Field(default=0, ge=0, le=1_000_000_000, examples=[50_000_000])


class BankAccountBody(BaseModel):
    bank: str = Field(examples=["沙盒银行 sandbox bank"])
    account_no: str = Field(examples=["6228000000000001234"])
    balance_minor: int = Field(examples=[50_000_000])
    frozen_minor: int = Field(examples=[500_000])
    state: str = Field(examples=["open"])


class BankTransferRequest(BaseModel):
    """To the market's witness account, with the reference of the payment."""

    model_config = ConfigDict(extra="forbid")
    reference: str = Field(min_length=1, max_length=40, examples=["HR0712V5G9XK3QW8ZT4B"])
    amount_minor: int = Field(gt=0, le=100_000_000_000, examples=[8_800_000])


class BankTransferBody(BaseModel):
    bank: str = Field(examples=["沙盒银行 sandbox bank"])
    movement_id: UUID = Field(examples=[_ID])
    reference: str = Field(examples=["HR0712V5G9XK3QW8ZT4B"])
    amount_minor: int = Field(examples=[8_800_000])
    at: datetime


class DrillRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lost_answers: int = Field(ge=0, le=100, examples=[1])


class DrillBody(BaseModel):
    lost_answers: int = Field(examples=[1])


class WebhookBody(BaseModel):
    """``new`` is false for a message that came before."""

    new: bool
