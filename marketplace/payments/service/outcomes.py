"""What a gateway's answer means for the hold, payment, refund or payout it was about, and what the ledger says of it."""

from collections.abc import Callable
from uuid import UUID

from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import keyed_hash
from marketplace.core.db import Session
from marketplace.payments import events, queries
from marketplace.payments.domain import (
    Account,
    AccountKind,
    ForfeitClaims,
    HoldState,
    OperationKind,
    PaymentState,
    PayoutState,
    Posting,
    SplitKind,
    Transfer,
    split_forfeit,
)
from marketplace.payments.domain.payments import RefundState
from marketplace.payments.gateway import Answer, AnswerKind
from marketplace.payments.models import GatewayOperation, Hold
from marketplace.payments.service import arrivals, ledger, payouts
from marketplace.payments.service.facts import LAPSED, Wish, cancel_wish, hold_facts, payment_facts, release_wish


def apply_answer(session: Session, *, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    """Change the subject, post, announce; returns follow-up operations. The operation's row is locked by the caller."""
    return _HANDLERS[operation.kind](session, operation, answer)


def _tell(session: Session, hold: Hold, event: outbox.Event, act: str) -> None:
    outbox.append(session, event, key=f"hold:{hold.id}")
    audit.record(
        session,
        principal=None,
        act=act,
        object_kind="hold",
        object_id=hold.id,
        facts={"state": hold.state.value, "amount_minor": hold.amount_minor, "gateway": hold.gateway},
    )


def _reference(kind: str, operation: GatewayOperation, answer: Answer) -> str:
    """The ledger's external reference: what happened and the gateway's own id of it, by which its report is compared."""
    return f"{kind}:{answer.gateway_ref or operation.id.hex}"


def _deposit(hold: Hold) -> tuple[Account, Account]:
    """The two accounts of money frozen at the gateway: what is there, and whose it is."""
    frozen = Account(AccountKind.HOLDS_AT_GATEWAY, hold.gateway, currency=hold.currency)
    held = Account(AccountKind.DEPOSIT_HELD, hold.gateway, party_id=hold.party_id, purpose_id=hold.purpose_id, currency=hold.currency)
    return frozen, held


# --- holds ------------------------------------------------------------------------------------------------------------------


def _on_hold(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    hold = queries.lock_hold(session, operation.subject_id)
    hold.gateway_ref = answer.gateway_ref or hold.gateway_ref
    hold.instructions = answer.instructions or hold.instructions
    session.add(hold)
    if answer.kind is AnswerKind.WAITING:
        return [release_wish(hold)] if hold.state is HoldState.RELEASING else []
    if answer.kind is AnswerKind.REFUSED:
        hold.state = HoldState.FAILED
        hold.failure_code = answer.code
        hold.ended_at = clock.now(session)
        _tell(session, hold, events.HoldFailed(**hold_facts(hold), code=answer.code or "refused"), "hold.fail")
        return [release_wish(hold)] if hold.gateway_ref else []
    return mark_held(session, hold=hold, answer=answer)


def mark_held(session: Session, *, hold: Hold, answer: Answer) -> list[Wish]:
    """The gateway holds the money. A hold that nobody wants any more is given back at once."""
    frozen, held = _deposit(hold)
    posting = Posting(f"hold:{hold.id.hex}", "hold_held", (Transfer(frozen, held, hold.amount_minor),))
    if not ledger.post(session, posting, purpose_id=hold.purpose_id):
        return []
    hold.held_at = clock.now(session)
    hold.lapses_at = answer.lapses_at
    hold.card_hash = keyed_hash("card", answer.card) if answer.card is not None else hold.card_hash
    session.add(hold)
    if hold.state is HoldState.RELEASING:
        return [release_wish(hold)]
    hold.state = HoldState.HELD
    _tell(session, hold, events.HoldHeld(**hold_facts(hold), lapses_at=hold.lapses_at), "hold.hold")
    return []


def _on_release(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    hold = queries.lock_hold(session, operation.subject_id)
    if answer.kind is AnswerKind.DONE:
        give_back(session, hold=hold)
    elif answer.kind is AnswerKind.REFUSED:
        hold.failure_code = answer.code
        session.add(hold)
    return []


def give_back(session: Session, *, hold: Hold, lapsed: bool = False) -> None:
    """The gateway holds it no longer: released by us, or lapsed by its own time limit."""
    if hold.state in {HoldState.RELEASED, HoldState.LAPSED, HoldState.CAPTURED, HoldState.FORFEITED, HoldState.FAILED}:
        return
    if hold.held_at is not None and hold.charged_ref is None:  # a charged one became a debt to its holder when its refund was asked for
        frozen, held = _deposit(hold)
        posting = Posting(f"release:{hold.id.hex}", "hold_released", (Transfer(held, frozen, hold.amount_minor),))
        ledger.post(session, posting, purpose_id=hold.purpose_id)
    lapsed = lapsed or hold.reason == LAPSED
    hold.state = HoldState.LAPSED if lapsed else HoldState.RELEASED
    hold.ended_at = clock.now(session)
    session.add(hold)
    if lapsed:
        _tell(session, hold, events.HoldLapsed(**hold_facts(hold)), "hold.lapse")
    else:
        _tell(session, hold, events.HoldReleased(**hold_facts(hold), reason=hold.reason or ""), "hold.release")


def _taken(hold: Hold, taken_minor: int) -> list[Transfer]:
    """Frozen money becomes ours to keep in the witness account; what was not taken is unfrozen by the gateway.

    A charged deposit is in the witness account already.
    """
    if hold.charged_ref is not None:
        return []
    frozen, held = _deposit(hold)
    moved = Transfer(Account(AccountKind.CLEARING, hold.gateway, currency=hold.currency), frozen, taken_minor)
    rest = hold.amount_minor - taken_minor
    return [moved, *([Transfer(held, frozen, rest)] if rest else [])]


def _on_capture(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    hold = queries.lock_hold(session, operation.subject_id)
    if answer.kind is AnswerKind.REFUSED:
        hold.failure_code = answer.code
        give_back(session, hold=hold, lapsed=True)
        return []
    if answer.kind is not AnswerKind.DONE or hold.order_id is None:
        return []
    finish_capture(session, hold=hold, taken_minor=operation.amount_minor, reference=_reference("capture", operation, answer))
    return []


def finish_capture(session: Session, *, hold: Hold, taken_minor: int, reference: str) -> None:
    """So much of it stands in the order's escrow."""
    assert hold.order_id is not None
    _frozen, held = _deposit(hold)
    escrow = Account(AccountKind.ESCROW, hold.gateway, purpose_id=hold.order_id, currency=hold.currency)
    transfers = (*_taken(hold, taken_minor), Transfer(held, escrow, taken_minor))
    ledger.post(session, Posting(reference, "hold_captured", transfers), purpose_id=hold.order_id)
    hold.state = HoldState.CAPTURED
    hold.taken_minor = taken_minor
    hold.ended_at = clock.now(session)
    session.add(hold)
    _tell(session, hold, events.HoldCaptured(**hold_facts(hold), order_id=hold.order_id, captured_minor=taken_minor), "hold.capture")


def _on_forfeit(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    hold = queries.lock_hold(session, operation.subject_id)
    if answer.kind is AnswerKind.REFUSED:
        hold.failure_code = answer.code
        give_back(session, hold=hold, lapsed=True)
        return []
    if answer.kind is not AnswerKind.DONE:
        return []
    return finish_forfeit(session, hold=hold, reference=_reference("forfeit", operation, answer))


def finish_forfeit(session: Session, *, hold: Hold, reference: str) -> list[Wish]:
    """It is kept: shared out at once."""
    _frozen, held = _deposit(hold)
    forfeited = Account(AccountKind.DEPOSIT_FORFEITED, hold.gateway, purpose_id=hold.purpose_id, currency=hold.currency)
    transfers = (*_taken(hold, hold.amount_minor), Transfer(held, forfeited, hold.amount_minor))
    ledger.post(session, Posting(reference, "hold_forfeited", transfers), purpose_id=hold.purpose_id)
    hold.state = HoldState.FORFEITED
    hold.taken_minor = hold.amount_minor
    hold.ended_at = clock.now(session)
    session.add(hold)
    wishes = _share_out(session, hold, forfeited)
    event = events.HoldForfeited(**hold_facts(hold), reason=hold.reason or "", to_party_id=hold.to_party_id)
    _tell(session, hold, event, "hold.forfeit")
    return wishes


def _share_out(session: Session, hold: Hold, forfeited: Account) -> list[Wish]:
    """Costs first, to whom they arose; shortfall, debts and the rest to the injured party. None is the market itself."""
    shares = split_forfeit(hold.amount_minor, ForfeitClaims(**hold.claims))
    parts: dict[UUID | None, int] = {hold.costs_to: shares.costs_minor}
    parts[hold.to_party_id] = parts.get(hold.to_party_id, 0) + hold.amount_minor - shares.costs_minor
    wanted = {party_id: amount for party_id, amount in parts.items() if amount}
    transfers = tuple(Transfer(forfeited, _share_account(hold, party_id), amount) for party_id, amount in wanted.items())
    ledger.post(session, Posting(f"forfeit-shares:{hold.id.hex}", "forfeit_shared", transfers), purpose_id=hold.purpose_id)
    wishes: list[Wish] = []
    for party_id, amount in wanted.items():
        if party_id is not None:
            wishes += payouts.owe(
                session,
                party_id=party_id,
                amount_minor=amount,
                currency=hold.currency,
                gateway=hold.gateway,
                kind=SplitKind.PROCEEDS if party_id == hold.to_party_id else SplitKind.COMMISSION,
                purpose_kind=hold.purpose_kind,
                purpose_id=hold.purpose_id,
            )
    return wishes


def _share_account(hold: Hold, party_id: UUID | None) -> Account:
    if party_id is None:
        return Account(AccountKind.MARKET_FEES, hold.gateway, currency=hold.currency)
    return Account(AccountKind.PAYOUTS_PAYABLE, hold.gateway, party_id, hold.purpose_id, hold.currency)


# --- payments, refunds, payouts ---------------------------------------------------------------------------------------------


def _on_collect(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    payment = queries.lock_payment(session, operation.subject_id)
    payment.gateway_ref = answer.gateway_ref or payment.gateway_ref
    payment.instructions = payment.instructions | answer.instructions
    session.add(payment)
    if answer.kind is AnswerKind.REFUSED:
        arrivals.fail(session, payment=payment, code=answer.code or "refused")
        return [cancel_wish(payment)] if payment.gateway_ref else []
    if answer.kind is AnswerKind.DONE and payment.gateway_ref is not None:
        return arrivals.money_in(
            session,
            gateway=payment.gateway,
            gateway_ref=payment.gateway_ref,
            reference=payment.reference,
            amount_minor=payment.amount_minor,
        )
    if payment.state is not PaymentState.DUE:
        return [cancel_wish(payment)]
    return []


def _on_cancel(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    """Nothing to book: money that came in before the cancelling is sent back by ``arrivals``."""
    return []


def _on_refund(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    refund = queries.lock_refund(session, operation.subject_id)
    if answer.kind is AnswerKind.REFUSED:
        refund.state = RefundState.FAILED
        refund.failure_code = answer.code
    elif answer.kind is AnswerKind.DONE:
        owed = Account(AccountKind.REFUNDS_PAYABLE, refund.gateway, purpose_id=refund.id, currency=refund.currency)
        clearing = Account(AccountKind.CLEARING, refund.gateway, currency=refund.currency)
        posting = Posting(_reference("refund", operation, answer), "refunded", (Transfer(owed, clearing, refund.amount_minor),))
        ledger.post(session, posting, purpose_id=refund.payment_id)
        refund.state = RefundState.REFUNDED
        refund.refunded_at = clock.now(session)
        if refund.payment_id is not None:
            _payment_refunded(session, refund.payment_id)
        if refund.hold_id is not None:
            give_back(session, hold=queries.lock_hold(session, refund.hold_id))
    session.add(refund)
    return []


def _payment_refunded(session: Session, payment_id: UUID) -> None:
    payment = queries.lock_payment(session, payment_id)
    if payment.state is not PaymentState.REFUNDING:
        return
    payment.state = PaymentState.REFUNDED
    session.add(payment)
    outbox.append(session, events.Refunded(**payment_facts(payment)), key=f"payment:{payment.id}")
    audit.record(
        session,
        principal=None,
        act="payment.refund",
        object_kind="payment",
        object_id=payment.id,
        facts={"amount_minor": payment.amount_minor},
    )


def _on_payout(session: Session, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    payout = queries.lock_payout(session, operation.subject_id)
    if answer.kind is AnswerKind.REFUSED:
        payout.state = PayoutState.FAILED
        payout.failure_code = answer.code
    elif answer.kind is AnswerKind.DONE:
        owed = Account(AccountKind.PAYOUTS_PAYABLE, payout.gateway, payout.party_id, payout.purpose_id, payout.currency)
        clearing = Account(AccountKind.CLEARING, payout.gateway, currency=payout.currency)
        posting = Posting(_reference("payout", operation, answer), "payout_paid", (Transfer(owed, clearing, payout.amount_minor),))
        ledger.post(session, posting, purpose_id=payout.purpose_id)
        payout.state = PayoutState.PAID
        payout.paid_at = clock.now(session)
        event = events.PayoutPaid(
            payout_id=payout.id,
            party_id=payout.party_id,
            amount_minor=payout.amount_minor,
            gateway=payout.gateway,
            purpose_kind=payout.purpose_kind,
            purpose_id=payout.purpose_id,
        )
        outbox.append(session, event, key=f"payout:{payout.id}")
    session.add(payout)
    facts = {"state": payout.state.value, "amount_minor": payout.amount_minor, "gateway": payout.gateway}
    audit.record(session, principal=None, act="payout.pay", object_kind="payout", object_id=payout.id, facts=facts)
    return []


_HANDLERS: dict[OperationKind, Callable[[Session, GatewayOperation, Answer], list[Wish]]] = {
    OperationKind.HOLD: _on_hold,
    OperationKind.RELEASE: _on_release,
    OperationKind.CAPTURE: _on_capture,
    OperationKind.FORFEIT: _on_forfeit,
    OperationKind.COLLECT: _on_collect,
    OperationKind.CANCEL: _on_cancel,
    OperationKind.REFUND: _on_refund,
    OperationKind.PAYOUT: _on_payout,
}
