"""The sandbox bank: a witness account 资金监管账户 for the market and one account for each party, with real balances.

It is another party that happens to keep its books in our database, in tables of its own; it shares nothing with the ledger, so
the two can be reconciled. It refuses what a bank refuses, answers a repeated key with the same answer, and loses answers when
a drill tells it to. Every answer says that it is the sandbox.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.money import CNY
from marketplace.core.settings import Settings
from marketplace.payments import queries
from marketplace.payments.domain import Capabilities, OperationKind, ReportLine
from marketplace.payments.gateway import Answer, AnswerKind, Call, OutcomeUnknown
from marketplace.payments.models import (
    SandboxBankAccount,
    SandboxBankAnswer,
    SandboxBankDrill,
    SandboxBankFreeze,
    SandboxBankMovement,
)

NAME = "sandbox_bank"
WITNESS_ACCOUNT = "6217000000000000001"
MAX_AMOUNT_MINOR = 100_000_000_000


def capabilities(settings: Settings) -> Capabilities:
    return Capabilities(
        can_hold=True,
        hold_days=settings.sandbox_hold_days,
        max_amount_minor=MAX_AMOUNT_MINOR,
        currencies=frozenset({CNY}),
        offline=True,
        sandbox=True,
        renews=True,
        charges=True,
    )


def account_number(party_id: UUID) -> str:
    """A party's account at the sandbox bank: nineteen digits, the same for ever."""
    return f"6228{party_id.int % 10**15:015d}"


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class SandboxBank:
    """One bank. Every call is one transaction of the bank's own."""

    name = NAME

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self.capabilities = capabilities(settings)

    def call(self, call: Call) -> Answer:
        """Do it once for each key. Raises ``OutcomeUnknown`` when a drill loses the answer on its way to us."""
        with self._database.writing() as session:
            answer = self._answer(session, call)
            lost = _lose_answer(session)
        if lost:
            raise OutcomeUnknown("the bank's answer did not arrive")
        return answer

    def report(self, *, since: datetime, until: datetime) -> list[ReportLine]:
        with self._database.reading() as session:
            movements = queries.list_movements(session, account_no=WITNESS_ACCOUNT, since=since, until=until)
        return [
            ReportLine(
                movement.id.hex,
                movement.amount_minor if movement.to_account == WITNESS_ACCOUNT else -movement.amount_minor,
            )
            for movement in movements
        ]

    def _answer(self, session: Session, call: Call) -> Answer:
        known = session.get(SandboxBankAnswer, str(call.key))
        if known is not None:
            return _read(known)
        open_account(session, account_no=WITNESS_ACCOUNT, party_id=None)
        try:
            answer = _DO[call.kind](session, call, self._settings)
        except _Refused as refused:
            answer = Answer(AnswerKind.REFUSED, code=refused.code)
        said = asdict(answer) | {"kind": answer.kind.value, "lapses_at": answer.lapses_at.isoformat() if answer.lapses_at else None}
        session.add(SandboxBankAnswer(key=str(call.key), answer=said, at=clock.now(session)))
        return answer


def _read(known: SandboxBankAnswer) -> Answer:
    said = known.answer
    lapses_at = datetime.fromisoformat(said["lapses_at"]) if said["lapses_at"] else None
    return Answer(AnswerKind(said["kind"]), said["gateway_ref"], said["code"], lapses_at, said["instructions"])


def _lose_answer(session: Session) -> bool:
    drill = session.get(SandboxBankDrill, 1, with_for_update=True, populate_existing=True)
    if drill is None or drill.lost_answers <= 0:
        return False
    drill.lost_answers -= 1
    session.add(drill)
    return True


# --- the bank's own bookings ------------------------------------------------------------------------------------------------


def open_account(session: Session, *, account_no: str, party_id: UUID | None, holder: str = "") -> SandboxBankAccount:
    """The account, opened with nothing in it when it is not there; two at once open one."""
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = SandboxBankAccount(account_no=account_no, party_id=party_id, holder=holder, opened_at=clock.now(session))
    connection.execute(insert(SandboxBankAccount).values(fresh.model_dump()).on_conflict_do_nothing())
    return session.get_one(SandboxBankAccount, account_no)


def book(
    session: Session, *, kind: str, from_account: str | None, to_account: str | None, amount_minor: int, reference: str
) -> SandboxBankMovement:
    """Move money between two of the bank's accounts; raises ``_Refused`` as a bank would."""
    accounts = queries.lock_bank_accounts(session, [number for number in (from_account, to_account) if number is not None])
    for number in (from_account, to_account):
        if number is not None and (number not in accounts or accounts[number].state != "open"):
            raise _Refused("account_closed" if number in accounts else "account_unknown")
    if from_account is not None:
        payer = accounts[from_account]
        if payer.balance_minor - payer.frozen_minor < amount_minor:
            raise _Refused("insufficient_funds")
        payer.balance_minor -= amount_minor
        session.add(payer)
    if to_account is not None:
        accounts[to_account].balance_minor += amount_minor
        session.add(accounts[to_account])
    movement = SandboxBankMovement(
        kind=kind,
        from_account=from_account,
        to_account=to_account,
        amount_minor=amount_minor,
        reference=reference,
        at=clock.now(session),
    )
    session.add(movement)
    session.flush()
    return movement


Refused = _Refused
"""Raised by ``book``; its ``code`` is the bank's reason."""


def _hold(session: Session, call: Call, settings: Settings) -> Answer:
    number = _account_of(call)
    account = queries.lock_bank_accounts(session, [number]).get(number)
    if account is None:
        raise _Refused("account_unknown")
    if account.state != "open":
        raise _Refused("account_closed")
    if account.balance_minor - account.frozen_minor < call.amount_minor:
        raise _Refused("insufficient_funds")
    account.frozen_minor += call.amount_minor
    at = clock.now(session)
    freeze = SandboxBankFreeze(
        account_no=number,
        amount_minor=call.amount_minor,
        at=at,
        lapses_at=at + timedelta(days=settings.sandbox_hold_days),
    )
    session.add(account)
    session.add(freeze)
    session.flush()
    return Answer(AnswerKind.DONE, gateway_ref=freeze.id.hex, lapses_at=freeze.lapses_at)


def _account_of(call: Call) -> str:
    if call.party_id is None:
        raise _Refused("account_unknown")
    return account_number(call.party_id)


def _end_freeze(session: Session, call: Call, state: str) -> SandboxBankFreeze:
    freeze = queries.lock_freeze(session, UUID(call.source_ref)) if call.source_ref else None
    if freeze is None:
        raise _Refused("reference_unknown")
    if freeze.state != "active":
        raise _Refused(f"freeze_{freeze.state}")
    account = queries.lock_bank_accounts(session, [freeze.account_no])[freeze.account_no]
    account.frozen_minor -= freeze.amount_minor
    freeze.state = state
    session.add(account)
    session.add(freeze)
    session.flush()
    return freeze


def _release(session: Session, call: Call, _settings: Settings) -> Answer:
    freeze = _end_freeze(session, call, "released")
    return Answer(AnswerKind.DONE, gateway_ref=freeze.id.hex)


def _take(session: Session, call: Call, _settings: Settings) -> Answer:
    freeze = _end_freeze(session, call, "captured")
    if call.amount_minor > freeze.amount_minor:
        raise _Refused("above_the_freeze")
    movement = book(
        session,
        kind="capture",
        from_account=freeze.account_no,
        to_account=WITNESS_ACCOUNT,
        amount_minor=call.amount_minor,
        reference=call.key.hex,
    )
    return Answer(AnswerKind.DONE, gateway_ref=movement.id.hex)


def _refund(session: Session, call: Call, _settings: Settings) -> Answer:
    original = queries.find_movement(session, UUID(call.source_ref)) if call.source_ref else None
    if original is None or original.to_account != WITNESS_ACCOUNT:
        raise _Refused("reference_unknown")
    movement = book(
        session,
        kind="refund",
        from_account=WITNESS_ACCOUNT,
        to_account=original.from_account,
        amount_minor=call.amount_minor,
        reference=call.key.hex,
    )
    return Answer(AnswerKind.DONE, gateway_ref=movement.id.hex)


def _payout(session: Session, call: Call, _settings: Settings) -> Answer:
    number = _account_of(call)
    open_account(session, account_no=number, party_id=call.party_id)
    movement = book(
        session,
        kind="payout",
        from_account=WITNESS_ACCOUNT,
        to_account=number,
        amount_minor=call.amount_minor,
        reference=call.key.hex,
    )
    return Answer(AnswerKind.DONE, gateway_ref=movement.id.hex)


def _not_a_bank_matter(_session: Session, _call: Call, _settings: Settings) -> Answer:
    """The payer transfers by himself: there is nothing to collect or to cancel at the bank."""
    return Answer(AnswerKind.DONE)


_DO = {
    OperationKind.HOLD: _hold,
    OperationKind.RENEW: _hold,
    OperationKind.DROP: _release,
    OperationKind.CHARGE: _take,
    OperationKind.RELEASE: _release,
    OperationKind.CAPTURE: _take,
    OperationKind.FORFEIT: _take,
    OperationKind.COLLECT: _not_a_bank_matter,
    OperationKind.CANCEL: _not_a_bank_matter,
    OperationKind.REFUND: _refund,
    OperationKind.PAYOUT: _payout,
}
