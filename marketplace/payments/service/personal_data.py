"""A person's money facts: exported in full, kept for the law's terms when the account is erased."""

from typing import Any
from uuid import UUID

from sqlmodel import select

from marketplace.accounts.api import ErasureReport
from marketplace.core.db import Session
from marketplace.payments.models import Hold, Payment, Payout, SandboxBankAccount

KEPT = "会计凭证保存三十年(会计档案管理办法);交易信息保存三年(电子商务法 第三十一条)"


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    """Deposits, payments and payouts of a party."""
    holds = session.exec(select(Hold).where(Hold.party_id == party_id)).all()
    payments = session.exec(select(Payment).where(Payment.payer_id == party_id)).all()
    payouts = session.exec(select(Payout).where(Payout.party_id == party_id)).all()
    return {
        "holds": [one.model_dump(mode="json", include={"id", "amount_minor", "state", "requested_at", "ended_at"}) for one in holds],
        "payments": [one.model_dump(mode="json", include={"id", "amount_minor", "state", "requested_at", "paid_at"}) for one in payments],
        "payouts": [one.model_dump(mode="json", include={"id", "amount_minor", "state", "requested_at", "paid_at"}) for one in payouts],
    }


def erase(session: Session, party_id: UUID) -> ErasureReport:
    """The sandbox account's holder name goes; amounts stay under ids, as accounting law wants."""
    account = session.exec(select(SandboxBankAccount).where(SandboxBankAccount.party_id == party_id)).first()
    erased = 0
    if account is not None and account.holder:
        account.holder = ""
        session.add(account)
        erased = 1
    return ErasureReport(erased=erased, kept=[KEPT])
