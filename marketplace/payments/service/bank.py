"""The buyer's own bank, as the sandbox plays it: open an account, look at it, transfer. Nothing here is the market's ledger."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import audit, outbox
from marketplace.core.db import Session
from marketplace.core.errors import NotFound, Refusal
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings
from marketplace.payments import queries
from marketplace.payments.domain import GatewayUnknown, reference_is_valid
from marketplace.payments.events import BankTransferBooked
from marketplace.payments.gateway.registry import installed
from marketplace.payments.gateway.sandbox import NAME, WITNESS_ACCOUNT, Refused, account_number, book, open_account
from marketplace.payments.models import SandboxBankAccount, SandboxBankDrill, SandboxBankMovement

BANK = "沙盒银行 sandbox bank"


class InsufficientFunds(Refusal):
    zh = "沙盒银行:账户可用余额不足"
    en = "Sandbox bank: the account's free balance is too low."


class ReferenceUnknown(Refusal):
    """The check digits do not fit: a mistyped reference never leaves the payer's bank."""

    status = 422
    zh = "沙盒银行:付款附言校验不通过"
    en = "Sandbox bank: the reference's check digits are wrong."


class TransferRepeated(Refusal):
    zh = "沙盒银行:该附言已转账,疑似重复付款"
    en = "Sandbox bank: a transfer with this reference was made already."


class BankAccountClosed(Refusal):
    zh = "沙盒银行:账户已销户或不存在"
    en = "Sandbox bank: the account is closed or does not exist."


class DemoOnly(Refusal):
    status = 403
    zh = "仅演示市场可用"
    en = "Only in a demo market."


_REFUSALS: dict[str, type[Refusal]] = {"insufficient_funds": InsufficientFunds}


def _check_open() -> None:
    if NAME not in installed():
        raise GatewayUnknown(gateway=NAME)


def open_own_account(session: Session, *, principal: Principal, opening_minor: int) -> SandboxBankAccount:
    """The caller's party's account; money to begin with only in a demo market, and only once. Raises ``DemoOnly``."""
    _check_open()
    if opening_minor and not get_settings().demo:
        raise DemoOnly
    return open_with(session, party_id=principal.party_id, opening_minor=opening_minor)


def open_with(session: Session, *, party_id: UUID, opening_minor: int) -> SandboxBankAccount:
    """A party's account with an opening balance paid in over the counter, when it is new or was never paid into."""
    name = accounts.legal_name(session, party_id=party_id)
    number = account_number(party_id)
    account = open_account(session, account_no=number, party_id=party_id, holder=name)
    if opening_minor and not queries.find_cash(session, account_no=number):
        book(session, kind="cash", from_account=None, to_account=number, amount_minor=opening_minor, reference="opening")
    return account


def get_own_account(session: Session, *, principal: Principal) -> SandboxBankAccount:
    _check_open()
    account = queries.find_bank_account(session, party_id=principal.party_id)
    if account is None:
        raise NotFound
    return account


def transfer(session: Session, *, principal: Principal, reference: str, amount_minor: int) -> SandboxBankMovement:
    """From the caller's account to the market's witness account; the market hears of it by message.

    Raises ``ReferenceUnknown``, ``TransferRepeated``, ``InsufficientFunds``, ``BankAccountClosed``.
    """
    _check_open()
    number = account_number(principal.party_id)
    if not reference_is_valid(reference):
        raise ReferenceUnknown
    open_account(session, account_no=WITNESS_ACCOUNT, party_id=None)
    queries.lock_bank_accounts(session, [number, WITNESS_ACCOUNT])
    if queries.find_transfer(session, from_account=number, reference=reference) is not None:
        raise TransferRepeated
    try:
        movement = book(
            session, kind="transfer", from_account=number, to_account=WITNESS_ACCOUNT, amount_minor=amount_minor, reference=reference
        )
    except Refused as refused:
        raise _REFUSALS.get(refused.code, BankAccountClosed) from refused
    event = BankTransferBooked(movement_id=movement.id, reference=reference, amount_minor=amount_minor, from_account=number[-4:])
    outbox.append(session, event, key=f"bank:{movement.id}")
    facts = {"amount_minor": amount_minor, "bank": NAME}
    audit.record(session, principal=principal, act="sandbox_bank.transfer", object_kind="bank_movement", object_id=movement.id, facts=facts)
    return movement


def set_drill(session: Session, *, principal: Principal, lost_answers: int) -> SandboxBankDrill:
    """Have the bank lose its next answers on their way to us. Raises ``DemoOnly``."""
    _check_open()
    if not get_settings().demo:
        raise DemoOnly
    drill = session.get(SandboxBankDrill, 1) or SandboxBankDrill()
    drill.lost_answers = lost_answers
    session.add(drill)
    facts = {"lost_answers": lost_answers}
    audit.record(session, principal=principal, act="sandbox_bank.drill", object_kind="party", object_id=principal.party_id, facts=facts)
    return drill
