"""Payments without HTTP: a till with parties who have money at the sandbox bank, and a relay that runs this feature's jobs."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest

from marketplace.accounts.api import PayoutAccountMissing, PayoutAccountView
from marketplace.core import outbox
from marketplace.core.db import Database, Session
from marketplace.core.ids import new_id
from marketplace.core.outbox import Delivered, Relay
from marketplace.core.settings import Settings
from marketplace.payments import tasks
from marketplace.payments.api import HoldView, PaymentView, get_hold, get_payment, hold, request_payment
from marketplace.payments.events import BankTransferBooked
from marketplace.payments.gateway.sandbox import WITNESS_ACCOUNT, account_number, book, open_account
from marketplace.payments.models import SandboxBankAccount

heard: list[tuple[str, dict[str, object]]] = []


@outbox.subscriber("test.hear_payments")
def hear(_session: Session, event: Delivered) -> None:
    heard.append((event.name, event.payload))


PUBLIC = (
    "payments.hold_held payments.hold_failed payments.hold_released payments.hold_lapsing payments.hold_lapsed payments.hold_captured "
    "payments.hold_forfeited payments.payment_received payments.payment_failed payments.payout_paid payments.refunded"
).split()


@dataclass
class Till:
    """``payable`` are the parties who have named a payout account."""

    db: Database
    payable: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        heard.clear()
        subscribers: dict[str, list[outbox.Subscriber]] = {name: [hear] for name in PUBLIC}
        subscribers["payments.operation_requested"] = [tasks.run_operation]
        subscribers["payments.bank_transfer_booked"] = [tasks.hear_bank]
        self.relay = Relay(self.db, subscribers=subscribers, settings=Settings(broker_url=""))

    def run(self) -> None:
        self.relay.run_once()

    def party(self, balance_minor: int = 0) -> UUID:
        """A party with an account and so much money on it, who can be paid."""
        party_id = new_id()
        self.payable.add(party_id)
        with self.db.writing() as session:
            open_account(session, account_no=WITNESS_ACCOUNT, party_id=None)
            number = open_account(session, account_no=account_number(party_id), party_id=party_id).account_no
            if balance_minor:
                book(session, kind="cash", from_account=None, to_account=number, amount_minor=balance_minor, reference="opening")
        return party_id

    def hold(self, party_id: UUID, amount_minor: int, purpose_id: UUID | None = None) -> UUID:
        with self.db.writing() as session:
            found = hold(session, party_id=party_id, amount_minor=amount_minor, purpose_kind="lot", purpose_id=purpose_id or new_id())
        return found.id

    def held(self, hold_id: UUID) -> HoldView:
        with self.db.reading() as session:
            return get_hold(session, hold_id=hold_id)

    def ask(self, payer_id: UUID, amount_minor: int, order_id: UUID) -> PaymentView:
        with self.db.writing() as session:
            return request_payment(session, payer_id=payer_id, amount_minor=amount_minor, purpose_kind="order", purpose_id=order_id)

    def payment(self, payment_id: UUID) -> PaymentView:
        with self.db.reading() as session:
            return get_payment(session, payment_id=payment_id)

    def transfer(self, party_id: UUID, reference: str, amount_minor: int) -> UUID:
        """As the payer's bank does it."""
        with self.db.writing() as session:
            movement = book(
                session,
                kind="transfer",
                from_account=account_number(party_id),
                to_account=WITNESS_ACCOUNT,
                amount_minor=amount_minor,
                reference=reference,
            )
            event = BankTransferBooked(movement_id=movement.id, reference=reference, amount_minor=amount_minor, from_account="0000")
            outbox.append(session, event, key=f"bank:{movement.id}")
        return movement.id

    def balance(self, party_id: UUID | None) -> tuple[int, int]:
        """Balance and frozen part at the bank; None is the witness account."""
        number = WITNESS_ACCOUNT if party_id is None else account_number(party_id)
        with self.db.reading() as session:
            account = session.get(SandboxBankAccount, number)
            return (account.balance_minor, account.frozen_minor) if account else (0, 0)

    def names(self) -> list[str]:
        """The events heard so far, without their prefix."""
        return [name.removeprefix("payments.") for name, _payload in heard]


@pytest.fixture
def till(db: Database, monkeypatch: pytest.MonkeyPatch) -> Till:
    made = Till(db)

    def payout_account(_session: Session, *, party_id: UUID) -> PayoutAccountView:
        if party_id not in made.payable:
            raise PayoutAccountMissing
        return PayoutAccountView(id=party_id, bank="沙盒银行", number_masked="****0001")

    monkeypatch.setattr("marketplace.payments.service.payouts.accounts.payout_account", payout_account)
    return made
