"""A state machine over the till: whatever parties do and however often answers are lost, no fen is made or lost.

Money in = money out + held: what all parties had in the beginning lies in their accounts and the witness account; the ledger's
clearing is the witness account to the fen; every account keeps its side; the sum is zero.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from marketplace.core import clock
from marketplace.core.ids import new_id
from marketplace.payments.api import (
    HoldNotHeld,
    PaymentNotDue,
    Split,
    balances,
    cancel_payment,
    capture_hold,
    escrow_balance,
    forfeit_hold,
    ledger_sum,
    refund,
    release_hold,
    settle,
)
from marketplace.payments.models import SandboxBankDrill
from marketplace.payments.service import ledger
from tests.databases import SqliteTemplate
from tests.payments.till import Till

OPENING = 100_000
AMOUNTS = st.integers(1, 60_000)


class Market(RuleBasedStateMachine):
    """Two buyers, a seller, two orders at a time."""

    make_till: ClassVar[Callable[[], Till]]

    def __init__(self) -> None:
        super().__init__()
        self.till = type(self).make_till()

    holds = Bundle("holds")
    payments = Bundle("payments")

    @initialize()
    def begin(self) -> None:
        self.buyers = [self.till.party(OPENING) for _ in range(2)]
        self.seller = self.till.party()
        self.orders = [new_id() for _ in range(2)]

    @rule(target=holds, buyer=st.integers(0, 1), amount=AMOUNTS)
    def hold(self, buyer: int, amount: int) -> UUID:
        return self.till.hold(self.buyers[buyer], amount)

    @rule(hold_id=holds)
    def release(self, hold_id: UUID) -> None:
        self._try(lambda session: release_hold(session, hold_id=hold_id, reason="x"), HoldNotHeld)

    @rule(hold_id=holds, order=st.integers(0, 1), part=st.integers(1, 100))
    def capture(self, hold_id: UUID, order: int, part: int) -> None:
        amount = max(self.till.held(hold_id).amount_minor * part // 100, 1)
        self._try(lambda session: capture_hold(session, hold_id=hold_id, order_id=self.orders[order], amount_minor=amount), HoldNotHeld)

    @rule(hold_id=holds, to_seller=st.booleans())
    def forfeit(self, hold_id: UUID, to_seller: bool) -> None:
        to = self.seller if to_seller else None
        self._try(lambda session: forfeit_hold(session, hold_id=hold_id, reason="x", to_party_id=to), HoldNotHeld)

    @rule(target=payments, buyer=st.integers(0, 1), order=st.integers(0, 1), amount=AMOUNTS)
    def ask(self, buyer: int, order: int, amount: int) -> tuple[UUID, int]:
        try:
            return self.till.ask(self.buyers[buyer], amount, self.orders[order]).id, buyer
        except PaymentNotDue:
            return self.till.ask(self.buyers[buyer], amount, uuid4()).id, buyer

    @rule(payment=payments, wrong_by=st.sampled_from([0, 0, 0, -1, 1]))
    def transfer(self, payment: tuple[UUID, int], wrong_by: int) -> None:
        asked = self.till.payment(payment[0])
        amount = asked.amount_minor + wrong_by
        balance, frozen = self.till.balance(self.buyers[payment[1]])
        if 0 < amount <= balance - frozen:
            self.till.transfer(self.buyers[payment[1]], asked.reference, amount)

    @rule(payment=payments)
    def refund(self, payment: tuple[UUID, int]) -> None:
        asked = self.till.payment(payment[0])
        with self.till.db.reading() as session:
            there = escrow_balance(session, order_id=asked.purpose_id)
        if there >= asked.amount_minor:  # an order that was settled is not refunded
            self._try(lambda session: refund(session, payment_id=payment[0], reason="x"), PaymentNotDue)

    @rule(payment=payments)
    def cancel(self, payment: tuple[UUID, int]) -> None:
        with self.till.db.writing() as session:
            cancel_payment(session, payment_id=payment[0])

    @rule(order=st.integers(0, 1), fee=st.integers(0, 500))
    def settle(self, order: int, fee: int) -> None:
        order_id = self.orders[order]
        with self.till.db.writing() as session:
            there = escrow_balance(session, order_id=order_id)
            fee = min(fee, there)
            settle(session, order_id=order_id, splits=[Split(self.seller, there - fee, "proceeds"), Split(None, fee, "service_fee")])
        self.orders[order] = new_id()  # a settled order takes no more money

    @rule(lost=st.integers(0, 2))
    def run(self, lost: int) -> None:
        """The jobs run; a few answers are lost on their way and asked for again."""
        with self.till.db.writing() as session:
            drill = session.get(SandboxBankDrill, 1) or SandboxBankDrill()
            drill.lost_answers = lost
            session.add(drill)
        self.till.run()
        with self.till.db.writing() as session:
            clock.set_offset(session, offset=clock.get_offset(session) + timedelta(minutes=1))
        self.till.run()

    def _try(self, act: Any, refusal: type[Exception]) -> None:
        try:
            with self.till.db.writing() as session:
                act(session)
        except refusal:
            pass

    @invariant()
    def no_fen_is_made_or_lost_at_the_bank(self) -> None:
        if not hasattr(self, "buyers"):
            return
        parties = [self.till.balance(party) for party in (*self.buyers, self.seller, None)]
        assert sum(balance for balance, _frozen in parties) == 2 * OPENING
        assert all(0 <= frozen <= balance for balance, frozen in parties)

    @invariant()
    def the_ledger_is_sound(self) -> None:
        with self.till.db.reading() as session:
            assert ledger_sum(session) == 0
            assert list(ledger.find_breaks(session)) == []
            found = balances(session)
        assert min(found.values()) >= 0
        money = found["clearing"] + found["holds_at_gateway"]
        assert money == sum(found.values()) - money

    def teardown(self) -> None:
        """When all answers are in, the two books agree to the fen."""
        if not hasattr(self, "buyers"):
            return
        self.run(lost=0)
        self.run(lost=0)
        with self.till.db.reading() as session:
            found = balances(session)
        witness, _frozen = self.till.balance(None)
        assert found["clearing"] == witness
        frozen = sum(self.till.balance(party)[1] for party in self.buyers)
        assert found["holds_at_gateway"] == frozen
        assert found["payouts_payable"] == found["refunds_payable"] == found["deposit_forfeited"] == 0


class TestMachine:
    @pytest.mark.timeout(300)
    def test_no_fen_is_made_or_lost(self, sqlite_template: SqliteTemplate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        payable: set[UUID] = set()
        counter = iter(range(10_000))

        class Fresh(Market):
            @staticmethod
            def make_till() -> Till:
                return Till(sqlite_template.fresh(tmp_path / f"machine{next(counter)}.db"), payable)

        def payout_account(_session: Any, *, party_id: UUID) -> Any:
            from marketplace.accounts.api import PayoutAccountView

            return PayoutAccountView(id=party_id, bank="沙盒银行", number_masked="****0001")

        monkeypatch.setattr("marketplace.payments.service.payouts.accounts.payout_account", payout_account)
        run_state_machine_as_test(
            Fresh,
            settings=settings(
                max_examples=8, stateful_step_count=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
            ),
        )
