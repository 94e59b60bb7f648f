"""Money from deposit to payout on both databases, with the sandbox bank: exact fen on both books."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import select

from marketplace.core import clock, outbox
from marketplace.core.db import Database
from marketplace.core.ids import new_id
from marketplace.payments import tasks
from marketplace.payments.api import (
    ForfeitClaims,
    HoldNotHeld,
    HoldState,
    PaymentNotDue,
    PaymentState,
    PayoutState,
    Split,
    SplitsDoNotMatch,
    balances,
    cancel_payment,
    capture_hold,
    escrow_balance,
    forfeit_hold,
    ledger_sum,
    list_payouts_of,
    refund,
    release_hold,
    return_escrow,
    settle,
)
from marketplace.payments.domain import Account, AccountKind, OperationState, Posting, Transfer, make_reference
from marketplace.payments.gateway.registry import open_gateway
from marketplace.payments.models import GatewayOperation, LedgerPosting, SandboxBankDrill, SandboxBankMovement
from marketplace.payments.queries import find_latest_reconciliation
from marketplace.payments.service import ledger, operations
from tests.payments.till import Till, heard

YUAN = 100


def books(db: Database) -> dict[str, int]:
    """Non-zero balances; checks that the ledger is sound on the way."""
    with db.reading() as session:
        assert ledger_sum(session) == 0
        assert list(ledger.find_breaks(session)) == []
        return {kind: amount for kind, amount in balances(session).items() if amount}


class TestHold:
    def test_is_frozen_at_the_bank_after_the_commit_and_not_before(self, till: Till) -> None:
        bidder = till.party(10_000 * YUAN)
        hold_id = till.hold(bidder, 5_000 * YUAN)
        assert till.held(hold_id).state is HoldState.REQUESTED
        assert till.balance(bidder) == (10_000 * YUAN, 0)
        till.run()
        found = till.held(hold_id)
        assert found.state is HoldState.HELD
        assert found.lapses_at is not None
        assert till.balance(bidder) == (10_000 * YUAN, 5_000 * YUAN)
        assert books(till.db) == {"holds_at_gateway": 5_000 * YUAN, "deposit_held": 5_000 * YUAN}
        assert till.names() == ["hold_held"]

    def test_fails_without_money(self, till: Till) -> None:
        bidder = till.party(4_999)
        hold_id = till.hold(bidder, 5_000)
        till.run()
        found = till.held(hold_id)
        assert (found.state, found.failure_code) == (HoldState.FAILED, "insufficient_funds")
        assert till.names() == ["hold_failed"]
        assert books(till.db) == {}

    def test_two_holds_never_freeze_the_same_money(self, till: Till) -> None:
        bidder = till.party(9_000)
        holds = [till.hold(bidder, 5_000), till.hold(bidder, 5_000)]
        till.run()
        assert sorted(till.held(one).state.value for one in holds) == ["failed", "held"]

    def test_release_gives_back_all_and_is_done_once(self, till: Till) -> None:
        bidder = till.party(5_000)
        hold_id = till.hold(bidder, 5_000)
        till.run()
        for _twice in range(2):
            with till.db.writing() as session:
                release_hold(session, hold_id=hold_id, reason="outbid")
            till.run()
        assert till.held(hold_id).state is HoldState.RELEASED
        assert till.balance(bidder) == (5_000, 0)
        assert till.names() == ["hold_held", "hold_released"]
        assert books(till.db) == {}

    def test_released_before_the_bank_answered(self, till: Till) -> None:
        bidder = till.party(5_000)
        hold_id = till.hold(bidder, 5_000)
        with till.db.writing() as session:
            assert release_hold(session, hold_id=hold_id, reason="withdrawn").state is HoldState.RELEASING
        till.run()
        assert till.held(hold_id).state is HoldState.RELEASED
        assert till.balance(bidder) == (5_000, 0)

    def test_capture_of_a_part_unfreezes_the_rest(self, till: Till) -> None:
        bidder, order_id = till.party(5_000), new_id()
        hold_id = till.hold(bidder, 5_000)
        till.run()
        with till.db.writing() as session:
            capture_hold(session, hold_id=hold_id, order_id=order_id, amount_minor=3_000)
        till.run()
        assert till.held(hold_id).state is HoldState.CAPTURED
        assert till.balance(bidder) == (2_000, 0)
        assert till.balance(None) == (3_000, 0)
        assert books(till.db) == {"clearing": 3_000, "escrow": 3_000}

    def test_forfeit_covers_costs_then_goes_to_the_seller(self, till: Till) -> None:
        bidder, seller = till.party(5_000), till.party()
        hold_id = till.hold(bidder, 5_000)
        till.run()
        with till.db.writing() as session:
            forfeit_hold(
                session,
                hold_id=hold_id,
                reason="default",
                to_party_id=seller,
                claims=ForfeitClaims(costs_minor=1_200, shortfall_minor=9_999),
            )
        till.run()
        assert till.held(hold_id).state is HoldState.FORFEITED
        assert till.balance(bidder) == (0, 0)
        assert till.balance(seller) == (3_800, 0)
        assert books(till.db) == {"clearing": 1_200, "market_fees": 1_200}
        with till.db.writing() as session, pytest.raises(HoldNotHeld):
            release_hold(session, hold_id=hold_id, reason="too late")

    def test_forfeited_to_the_market(self, till: Till) -> None:
        hold_id = till.hold(till.party(5_000), 5_000)
        till.run()
        with till.db.writing() as session:
            forfeit_hold(session, hold_id=hold_id, reason="default", to_party_id=None)
        till.run()
        assert books(till.db) == {"clearing": 5_000, "market_fees": 5_000}

    def test_lapses_at_the_gateways_limit(self, till: Till) -> None:
        bidder = till.party(5_000)
        hold_id = till.hold(bidder, 5_000)
        till.run()
        with till.db.writing() as session:
            clock.set_offset(session, offset=timedelta(days=179, hours=23))
        self._sweep(till)
        assert till.held(hold_id).state is HoldState.HELD
        with till.db.writing() as session:
            clock.set_offset(session, offset=timedelta(days=180))
        self._sweep(till)
        assert till.held(hold_id).state is HoldState.LAPSED
        assert till.names() == ["hold_held", "hold_lapsed"]
        assert till.balance(bidder) == (5_000, 0)

    @staticmethod
    def _sweep(till: Till) -> None:
        with outbox.use_database(till.db):
            tasks.sweep_lapsed_holds()
        till.run()


class TestPayment:
    def test_received_into_escrow(self, till: Till) -> None:
        buyer, order_id = till.party(100_000), new_id()
        payment = till.ask(buyer, 88_000, order_id)
        assert payment.instructions["reference"] == payment.reference
        till.transfer(buyer, payment.reference, 88_000)
        till.run()
        assert till.payment(payment.id).state is PaymentState.PAID
        assert till.balance(buyer) == (12_000, 0)
        assert books(till.db) == {"clearing": 88_000, "escrow": 88_000}
        assert heard[-1][1]["purpose_id"] == str(order_id)

    def test_asked_twice_is_one_payment_and_another_amount_is_refused(self, till: Till) -> None:
        buyer, order_id = till.party(), new_id()
        assert till.ask(buyer, 5_000, order_id).id == till.ask(buyer, 5_000, order_id).id
        with pytest.raises(PaymentNotDue):
            till.ask(buyer, 5_001, order_id)

    def test_paid_twice_the_second_goes_back(self, till: Till) -> None:
        buyer = till.party(20_000)
        payment = till.ask(buyer, 8_000, new_id())
        till.transfer(buyer, payment.reference, 8_000)
        till.transfer(buyer, payment.reference, 8_000)
        till.run()
        assert till.balance(buyer) == (12_000, 0)
        assert books(till.db) == {"clearing": 8_000, "escrow": 8_000}
        assert till.names() == ["payment_received"]

    @pytest.mark.parametrize("amount", [7_999, 8_001])
    def test_a_wrong_amount_goes_back(self, till: Till, amount: int) -> None:
        buyer = till.party(20_000)
        payment = till.ask(buyer, 8_000, new_id())
        till.transfer(buyer, payment.reference, amount)
        till.run()
        assert till.payment(payment.id).state is PaymentState.DUE
        assert till.balance(buyer) == (20_000, 0)
        assert books(till.db) == {}

    def test_an_unknown_reference_goes_back(self, till: Till) -> None:
        buyer = till.party(20_000)
        till.transfer(buyer, make_reference(new_id()), 8_000)
        till.run()
        assert till.balance(buyer) == (20_000, 0)

    def test_too_late_goes_back(self, till: Till) -> None:
        buyer = till.party(20_000)
        payment = till.ask(buyer, 8_000, new_id())
        with till.db.writing() as session:
            cancel_payment(session, payment_id=payment.id)
        till.transfer(buyer, payment.reference, 8_000)
        till.run()
        assert till.payment(payment.id).state is PaymentState.CANCELLED
        assert till.balance(buyer) == (20_000, 0)

    def test_refund_once(self, till: Till) -> None:
        buyer = till.party(8_000)
        payment = till.ask(buyer, 8_000, new_id())
        till.transfer(buyer, payment.reference, 8_000)
        till.run()
        for _twice in range(2):
            with till.db.writing() as session:
                refund(session, payment_id=payment.id, reason="cancelled")
            till.run()
        assert till.payment(payment.id).state is PaymentState.REFUNDED
        assert till.balance(buyer) == (8_000, 0)
        assert books(till.db) == {}
        assert till.names() == ["payment_received", "refunded"]

    def test_what_is_not_paid_is_not_refunded(self, till: Till) -> None:
        payment = till.ask(till.party(), 8_000, new_id())
        with till.db.writing() as session, pytest.raises(PaymentNotDue):
            refund(session, payment_id=payment.id, reason="none")


class TestSettle:
    def _sold(self, till: Till) -> tuple[UUID, UUID, UUID]:
        buyer, seller, order_id = till.party(90_500), till.party(), new_id()
        hold_id = till.hold(buyer, 5_000)
        payment = till.ask(buyer, 85_500, order_id)
        till.run()
        with till.db.writing() as session:
            capture_hold(session, hold_id=hold_id, order_id=order_id)
        till.transfer(buyer, payment.reference, 85_500)
        till.run()
        return order_id, buyer, seller

    def test_pays_out_every_fen_once(self, till: Till) -> None:
        order_id, buyer, seller = self._sold(till)
        splits = [Split(seller, 87_300, "proceeds"), Split(None, 2_700, "commission"), Split(None, 500, "service_fee")]
        with till.db.reading() as session:
            assert escrow_balance(session, order_id=order_id) == 90_500
        for _twice in range(2):
            with till.db.writing() as session:
                settle(session, order_id=order_id, splits=splits)
            till.run()
        assert till.balance(buyer) == (0, 0)
        assert till.balance(seller) == (87_300, 0)
        assert till.balance(None) == (3_200, 0)
        assert books(till.db) == {"clearing": 3_200, "market_fees": 3_200}
        assert till.names().count("payout_paid") == 1

    @pytest.mark.parametrize("amount", [90_499, 90_501])
    def test_refuses_shares_that_are_not_the_escrow(self, till: Till, amount: int) -> None:
        order_id, _buyer, seller = self._sold(till)
        with till.db.writing() as session, pytest.raises(SplitsDoNotMatch):
            settle(session, order_id=order_id, splits=[Split(seller, amount, "proceeds")])

    def test_waits_for_the_payees_account(self, till: Till) -> None:
        order_id, _buyer, seller = self._sold(till)
        till.payable.clear()
        with till.db.writing() as session:
            (payout,) = settle(session, order_id=order_id, splits=[Split(seller, 90_500, "proceeds")])
        till.run()
        assert payout.state is PayoutState.WAITING
        assert books(till.db) == {"clearing": 90_500, "payouts_payable": 90_500}
        till.payable.add(seller)
        with outbox.use_database(till.db):
            tasks.sweep_waiting_payouts()
        till.run()
        assert till.balance(seller) == (90_500, 0)
        with till.db.reading() as session:
            assert [one.state for one in list_payouts_of(session, purpose_id=order_id)] == [PayoutState.PAID]

    def test_a_cancelled_orders_deposit_returns_to_its_buyer(self, till: Till) -> None:
        buyer, order_id = till.party(5_000), new_id()
        hold_id = till.hold(buyer, 5_000)
        till.run()
        with till.db.writing() as session:
            capture_hold(session, hold_id=hold_id, order_id=order_id)
        till.run()
        with till.db.writing() as session:
            return_escrow(session, order_id=order_id, party_id=buyer)
        till.run()
        assert till.balance(buyer) == (5_000, 0)
        assert books(till.db) == {}


class TestEverythingMayRunTwice:
    def test_killed_between_the_call_and_its_record(self, till: Till) -> None:
        """The bank has frozen the money, the process died before it could write that down: asked again, nothing doubles."""
        bidder = till.party(20_000)
        hold_id = till.hold(bidder, 5_000)
        operation_id = self._operation(till)
        with till.db.writing() as session:
            started = operations.start(session, operation_id=operation_id)
        assert started is not None
        open_gateway(started[0], till.db).call(started[1])
        assert till.balance(bidder) == (20_000, 5_000)
        assert till.held(hold_id).state is HoldState.REQUESTED
        till.run()
        assert till.held(hold_id).state is HoldState.HELD
        assert till.balance(bidder) == (20_000, 5_000)
        assert books(till.db) == {"holds_at_gateway": 5_000, "deposit_held": 5_000}

    def test_an_answer_lost_on_its_way_is_asked_for_again(self, till: Till) -> None:
        bidder = till.party(20_000)
        with till.db.writing() as session:
            session.add(SandboxBankDrill(lost_answers=1))
        hold_id = till.hold(bidder, 5_000)
        till.run()
        assert till.held(hold_id).state is HoldState.REQUESTED
        assert till.balance(bidder) == (20_000, 5_000)
        with till.db.writing() as session:
            clock.set_offset(session, offset=timedelta(seconds=5))
        till.run()
        assert till.held(hold_id).state is HoldState.HELD
        assert till.balance(bidder) == (20_000, 5_000)

    def test_recorded_twice_is_posted_once(self, till: Till) -> None:
        till.hold(till.party(20_000), 5_000)
        operation_id = self._operation(till)
        with till.db.writing() as session:
            started = operations.start(session, operation_id=operation_id)
        assert started is not None
        answer = open_gateway(started[0], till.db).call(started[1])
        for expected in (True, False):
            with till.db.writing() as session:
                assert operations.record(session, operation_id=operation_id, answer=answer) is expected
        with till.db.reading() as session:
            assert session.exec(select(sa.func.count()).select_from(LedgerPosting)).one() == 1

    def test_a_dead_call_is_found_by_the_sweep(self, till: Till) -> None:
        bidder = till.party(20_000)
        with till.db.writing() as session:
            session.add(SandboxBankDrill(lost_answers=8))
        hold_id = till.hold(bidder, 5_000)
        for hour in range(1, 12):
            till.run()
            with till.db.writing() as session:
                clock.set_offset(session, offset=timedelta(hours=hour))
        assert till.held(hold_id).state is HoldState.REQUESTED
        with outbox.use_database(till.db):
            tasks.sweep_stuck_operations()
        # the dead letter holds back its key: the operator opens it, or the sweep's own event follows it
        with till.db.writing() as session:
            outbox.retry_dead_letters(session)
        till.run()
        assert till.held(hold_id).state is HoldState.HELD

    def test_a_failed_transaction_asks_the_gateway_for_nothing(self, till: Till) -> None:
        bidder = till.party(20_000)
        with pytest.raises(ZeroDivisionError), till.db.writing() as session:
            from marketplace.payments.api import hold

            hold(session, party_id=bidder, amount_minor=5_000, purpose_kind="lot", purpose_id=new_id())
            1 / 0  # noqa: B018  # the failure of the business change
        till.run()
        assert till.balance(bidder) == (20_000, 0)
        with till.db.reading() as session:
            assert session.exec(select(GatewayOperation)).all() == []

    @staticmethod
    def _operation(till: Till) -> UUID:
        with till.db.reading() as session:
            return session.exec(select(GatewayOperation.id).where(GatewayOperation.state == OperationState.REQUESTED)).one()


class TestLedger:
    ESCROW = Account(AccountKind.ESCROW, "sandbox_bank", purpose_id=UUID(int=7))
    CLEARING = Account(AccountKind.CLEARING, "sandbox_bank")

    def test_a_fact_is_posted_once(self, db: Database) -> None:
        posting = Posting("in:sandbox_bank:1", "payment_received", (Transfer(self.CLEARING, self.ESCROW, 100),))
        for expected in (True, False):
            with db.writing() as session:
                assert ledger.post(session, posting) is expected
        assert books(db) == {"clearing": 100, "escrow": 100}

    def test_the_database_keeps_escrow_from_going_below_zero(self, db: Database) -> None:
        taken = Posting("out:1", "payout_paid", (Transfer(self.ESCROW, self.CLEARING, 1),))
        with pytest.raises(IntegrityError, match="never_overdrawn"), db.writing() as session:
            ledger.post(session, taken)

    @pytest.mark.parametrize("statement", ["UPDATE ledger_transfer SET amount_minor = 1", "DELETE FROM ledger_posting"])
    def test_the_database_refuses_to_change_what_was_posted(self, db: Database, statement: str) -> None:
        with db.writing() as session:
            ledger.post(session, Posting("x:1", "payment_received", (Transfer(self.CLEARING, self.ESCROW, 100),)))
        with pytest.raises(DBAPIError, match="append_only"), db.writing() as session:
            session.connection().exec_driver_sql(statement)


class TestReconciliation:
    def test_the_banks_statement_and_the_ledger_agree(self, till: Till) -> None:
        buyer, seller, order_id = till.party(90_000), till.party(), new_id()
        payment = till.ask(buyer, 80_000, order_id)
        till.transfer(buyer, payment.reference, 80_000)
        till.transfer(buyer, make_reference(new_id()), 500)
        hold_id = till.hold(buyer, 2_000)
        till.run()
        with till.db.writing() as session:
            capture_hold(session, hold_id=hold_id, order_id=order_id)
        till.run()
        with till.db.writing() as session:
            settle(session, order_id=order_id, splits=[Split(seller, 82_000, "proceeds")])
        till.run()
        assert self._differences(till) == []

    def test_money_that_only_one_book_knows_is_named(self, till: Till) -> None:
        buyer = till.party(1_000)
        with till.db.writing() as session:
            from marketplace.payments.gateway.sandbox import WITNESS_ACCOUNT, account_number, book

            lost = book(
                session, kind="transfer", from_account=account_number(buyer), to_account=WITNESS_ACCOUNT, amount_minor=700, reference="x"
            )
        assert self._differences(till) == [{"reference": lost.id.hex, "theirs_minor": 700, "ours_minor": None}]

    @staticmethod
    def _differences(till: Till) -> list[dict[str, object]]:
        with till.db.writing() as session:
            clock.set_offset(session, offset=clock.get_offset(session) + timedelta(minutes=5))
        with outbox.use_database(till.db):
            tasks.sweep_reconciliation()
        with till.db.reading() as session:
            found = find_latest_reconciliation(session, gateway="sandbox_bank")
            assert found is not None
            assert session.exec(select(SandboxBankMovement)).all()
            return found.differences
