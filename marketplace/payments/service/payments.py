"""Payments of an order or another purpose: request, cancel, refund, settle; and what gateways tell us unasked."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.core.money import CNY
from marketplace.core.security import Principal
from marketplace.payments import queries
from marketplace.payments.domain import (
    Account,
    AccountKind,
    HoldState,
    OperationKind,
    PaymentNotDue,
    PaymentState,
    Posting,
    SplitKind,
    SplitsDoNotMatch,
    Transfer,
    allocate,
    check_payment,
    make_reference,
)
from marketplace.payments.gateway import Answer, AnswerKind, Message, MessageKind
from marketplace.payments.gateway.registry import capabilities_of, default_gateway, offline_instructions
from marketplace.payments.models import GatewayPayee, Payment, Payout, Refund
from marketplace.payments.service import arrivals, ledger, operations, outcomes, payouts
from marketplace.payments.service.facts import Wish, cancel_wish
from marketplace.payments.service.operations import request_operation


@dataclass(frozen=True, slots=True)
class Split:
    """One share of an order's escrow. ``party_id`` None is the market."""

    party_id: UUID | None
    amount_minor: int
    kind: SplitKind | str


def request_payment(
    session: Session,
    *,
    payer_id: UUID,
    amount_minor: int,
    purpose_kind: str,
    purpose_id: UUID,
    gateway: str | None = None,
    payment_method: str | None = None,
    principal: Principal | None = None,
) -> Payment:
    """Ask a payer for money; the same wish twice is the same payment. Raises ``PaymentNotDue`` when another amount is due."""
    name = gateway or default_gateway()
    capabilities = capabilities_of(name)
    check_payment(capabilities, amount_minor=amount_minor, currency=CNY)
    due = queries.find_due_payment(session, purpose_kind=purpose_kind, purpose_id=purpose_id)
    if due is not None:
        if due.amount_minor != amount_minor or due.payer_id != payer_id:
            raise PaymentNotDue(state=due.state.value)
        return due
    payment_id = new_id()
    reference = make_reference(payment_id)
    payment = Payment(
        id=payment_id,
        payer_id=payer_id,
        amount_minor=amount_minor,
        gateway=name,
        reference=reference,
        purpose_kind=purpose_kind,
        purpose_id=purpose_id,
        instructions=offline_instructions(name) | {"reference": reference, "amount_minor": amount_minor},
        requested_at=clock.now(session),
    )
    session.add(payment)
    session.flush()
    if not capabilities.offline:
        request_operation(
            session,
            kind=OperationKind.COLLECT,
            gateway=name,
            subject_id=payment.id,
            amount_minor=amount_minor,
            currency=payment.currency,
            party_id=payer_id,
            reference=reference,
            payment_method=payment_method,
        )
    _record(session, principal, payment, "payment.request")
    return payment


def cancel(session: Session, *, payment_id: UUID, principal: Principal | None = None) -> Payment:
    """Nobody waits for it any more: what still arrives goes back. A paid one is not cancelled but refunded."""
    payment = queries.lock_payment(session, payment_id)
    if payment.state is not PaymentState.DUE:
        return payment
    payment.state = PaymentState.CANCELLED
    session.add(payment)
    if payment.gateway_ref is not None:
        request_operation(session, **cancel_wish(payment))
    _record(session, principal, payment, "payment.cancel")
    return payment


def refund(session: Session, *, payment_id: UUID, reason: str, principal: Principal | None = None) -> Payment:
    """Give a received payment back out of escrow; twice is once. Raises ``PaymentNotDue`` unless it was paid."""
    payment = queries.lock_payment(session, payment_id)
    if payment.state in {PaymentState.REFUNDING, PaymentState.REFUNDED}:
        return payment
    if payment.state is not PaymentState.PAID or payment.gateway_ref is None:
        raise PaymentNotDue(state=payment.state.value)
    one = Refund(
        payment_id=payment.id,
        source_ref=payment.gateway_ref,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        gateway=payment.gateway,
        reason=reason[:200],
        requested_at=clock.now(session),
    )
    session.add(one)
    session.flush()
    escrow = Account(AccountKind.ESCROW, payment.gateway, purpose_id=payment.purpose_id, currency=payment.currency)
    owed = Account(AccountKind.REFUNDS_PAYABLE, payment.gateway, purpose_id=one.id, currency=payment.currency)
    posting = Posting(f"refund-owed:{payment.id.hex}", "refund_owed", (Transfer(escrow, owed, payment.amount_minor),))
    ledger.post(session, posting, purpose_id=payment.purpose_id)
    payment.state = PaymentState.REFUNDING
    session.add(payment)
    request_operation(session, **arrivals.refund_wish(one))
    _record(session, principal, payment, "payment.refund_requested", reason)
    return payment


def refund_deposits(session: Session, *, order_id: UUID, party_id: UUID) -> None:
    """Pay what captured deposits left in an order's escrow back to their depositor (a cancelled order)."""
    for gateway, amount in ledger.escrow_pools(session, purpose_id=order_id).items():
        escrow = Account(AccountKind.ESCROW, gateway, purpose_id=order_id)
        payable = Account(AccountKind.PAYOUTS_PAYABLE, gateway, party_id, order_id)
        posting = Posting(f"deposit-back:{order_id.hex}:{gateway}", "deposit_returned", (Transfer(escrow, payable, amount),))
        if ledger.post(session, posting, purpose_id=order_id):
            _owe(session, Split(party_id, amount, SplitKind.PROCEEDS), gateway, amount, order_id)


def settle(
    session: Session, *, order_id: UUID, splits: Sequence[Split], principal: Principal | None = None, purpose_kind: str = "order"
) -> list[Payout]:
    """Share out the escrow of an order, or of what ``purpose_kind`` names, once: parties are paid out, the market's shares are its income.

    Raises ``SplitsDoNotMatch`` unless the shares sum to exactly what is in escrow.
    """
    reference = f"settle:{order_id.hex}"
    pools = ledger.escrow_pools(session, purpose_id=order_id)
    wanted = [split for split in splits if split.amount_minor]
    if not pools:
        return queries.list_payouts_of(session, purpose_id=order_id)
    if sum(split.amount_minor for split in wanted) != sum(pools.values()) or any(split.amount_minor < 0 for split in wanted):
        raise SplitsDoNotMatch(escrow_minor=sum(pools.values()), splits_minor=sum(split.amount_minor for split in wanted))
    shares = allocate([split.amount_minor for split in wanted], pools)
    parts = [(split, gateway, amount) for split, found in zip(wanted, shares, strict=True) for gateway, amount in found]
    transfers = tuple(
        Transfer(Account(AccountKind.ESCROW, gateway, purpose_id=order_id), _payee_account(split, gateway, order_id), amount)
        for split, gateway, amount in parts
    )
    if not ledger.post(session, Posting(reference, "settled", transfers), purpose_id=order_id):
        return queries.list_payouts_of(session, purpose_id=order_id)
    for split, gateway, amount in parts:
        if split.party_id is not None:
            _owe(session, split, gateway, amount, order_id, purpose_kind)
    facts = {"shares": [{"kind": str(split.kind), "amount_minor": split.amount_minor} for split in wanted]}
    audit.record(session, principal=principal, act=f"{purpose_kind}.settle", object_kind=purpose_kind, object_id=order_id, facts=facts)
    return queries.list_payouts_of(session, purpose_id=order_id)


def _payee_account(split: Split, gateway: str, order_id: UUID) -> Account:
    if split.party_id is None:
        return Account(AccountKind.MARKET_FEES, gateway)
    return Account(AccountKind.PAYOUTS_PAYABLE, gateway, split.party_id, order_id)


def _owe(session: Session, split: Split, gateway: str, amount_minor: int, order_id: UUID, purpose_kind: str = "order") -> None:
    assert split.party_id is not None
    wishes = payouts.owe(
        session,
        party_id=split.party_id,
        amount_minor=amount_minor,
        currency=CNY,
        gateway=gateway,
        kind=SplitKind(split.kind),
        purpose_kind=purpose_kind,
        purpose_id=order_id,
    )
    _request(session, wishes)


def _request(session: Session, wishes: Sequence[Wish]) -> None:
    for wish in wishes:
        request_operation(session, **wish)


def send_waiting_payouts(session: Session, *, limit: int = 100) -> int:
    """Payouts whose payee has named an account meanwhile; returns how many were looked at."""
    waiting = queries.list_waiting_payouts(session, limit=limit)
    for payout_id in waiting:
        _request(session, payouts.send(session, payout=queries.lock_payout(session, payout_id)))
    return len(waiting)


def link_payee(session: Session, *, principal: Principal, gateway: str, reference: str) -> GatewayPayee:
    """How the gateway knows the caller's party when it is paid out."""
    capabilities_of(gateway)
    payee = queries.find_payee(session, party_id=principal.party_id, gateway=gateway)
    payee = payee or GatewayPayee(party_id=principal.party_id, gateway=gateway, reference=reference, linked_at=clock.now(session))
    payee.reference = reference
    payee.linked_at = clock.now(session)
    session.add(payee)
    audit.record(
        session, principal=principal, act="payee.link", object_kind="party", object_id=principal.party_id, facts={"gateway": gateway}
    )
    return payee


def hear(session: Session, *, gateway: str, message: Message) -> None:
    """Book what a gateway told us. The caller has put the message into the inbox in this transaction."""
    if message.operation_id is not None and _answers_operation(session, message):
        return
    if message.kind is MessageKind.PAID and message.gateway_ref is not None:
        _request(
            session,
            arrivals.money_in(
                session, gateway=gateway, gateway_ref=message.gateway_ref, reference=message.reference, amount_minor=message.amount_minor
            ),
        )
    elif message.kind is MessageKind.HOLD_CANCELLED and message.gateway_ref is not None:
        found = queries.find_hold_by_ref(session, gateway=gateway, gateway_ref=message.gateway_ref)
        if found is not None:
            outcomes.give_back(session, hold=queries.lock_hold(session, found.id), lapsed=found.state is HoldState.HELD)


_ANSWERS = {MessageKind.HELD: AnswerKind.DONE, MessageKind.PAID: AnswerKind.DONE, MessageKind.FAILED: AnswerKind.REFUSED}


def _answers_operation(session: Session, message: Message) -> bool:
    """Whether the message is the late answer to one of our own calls."""
    kind = _ANSWERS.get(message.kind)
    assert message.operation_id is not None
    if kind is None or queries.find_operation(session, operation_id=message.operation_id) is None:
        return False
    answer = Answer(kind, gateway_ref=message.gateway_ref, code=message.code, lapses_at=message.lapses_at)
    return operations.record(session, operation_id=message.operation_id, answer=answer)


def _record(session: Session, principal: Principal | None, payment: Payment, act: str, reason: str | None = None) -> None:
    facts = {
        "state": payment.state.value,
        "amount_minor": payment.amount_minor,
        "gateway": payment.gateway,
        "purpose": f"{payment.purpose_kind}:{payment.purpose_id}",
    }
    audit.record(session, principal=principal, act=act, object_kind="payment", object_id=payment.id, facts=facts, reason=reason)
