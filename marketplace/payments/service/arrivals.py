"""Money that comes in: for a due payment it goes into escrow, anything else goes back where it came from."""

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.money import CNY
from marketplace.payments import events, queries
from marketplace.payments.domain import Account, AccountKind, OperationKind, PaymentState, Posting, Transfer
from marketplace.payments.models import Payment, Refund
from marketplace.payments.service import ledger
from marketplace.payments.service.facts import Wish, payment_facts


def money_in(session: Session, *, gateway: str, gateway_ref: str, reference: str | None, amount_minor: int) -> list[Wish]:
    """Book one arrival; ``gateway_ref`` is the gateway's own id of it, so the same arrival reported twice is booked once."""
    found = queries.find_payment_by(session, gateway=gateway, reference=reference, gateway_ref=gateway_ref)
    payment = queries.lock_payment(session, found.id) if found is not None else None
    clearing = Account(AccountKind.CLEARING, gateway, currency=payment.currency if payment else CNY)
    if payment is None or payment.state is not PaymentState.DUE or payment.amount_minor != amount_minor:
        return _send_back(session, clearing=clearing, gateway_ref=gateway_ref, payment=payment, amount_minor=amount_minor)
    escrow = Account(AccountKind.ESCROW, gateway, purpose_id=payment.purpose_id, currency=payment.currency)
    posting = Posting(f"in:{gateway}:{gateway_ref}", "payment_received", (Transfer(clearing, escrow, amount_minor),))
    if not ledger.post(session, posting, purpose_id=payment.purpose_id):
        return []
    payment.state = PaymentState.PAID
    payment.gateway_ref = gateway_ref
    payment.paid_at = clock.now(session)
    session.add(payment)
    event = events.PaymentReceived(**payment_facts(payment), paid_at=payment.paid_at)
    outbox.append(session, event, key=f"payment:{payment.id}")
    facts = {"amount_minor": amount_minor, "gateway": gateway}
    audit.record(session, principal=None, act="payment.receive", object_kind="payment", object_id=payment.id, facts=facts)
    return []


def _send_back(session: Session, *, clearing: Account, gateway_ref: str, payment: Payment | None, amount_minor: int) -> list[Wish]:
    """Nobody waits for this amount: owed to its sender and returned."""
    refund = Refund(
        source_ref=gateway_ref,
        amount_minor=amount_minor,
        currency=clearing.currency,
        gateway=clearing.gateway,
        reason="unknown_reference" if payment is None else "wrong_amount" if payment.state is PaymentState.DUE else "not_due",
        requested_at=clock.now(session),
    )
    owed = Account(AccountKind.REFUNDS_PAYABLE, clearing.gateway, purpose_id=refund.id, currency=clearing.currency)
    posting = Posting(f"in:{clearing.gateway}:{gateway_ref}", "money_unknown", (Transfer(clearing, owed, amount_minor),))
    if not ledger.post(session, posting):
        return []
    session.add(refund)
    session.flush()
    facts = {"amount_minor": amount_minor, "gateway": clearing.gateway, "reason": refund.reason}
    audit.record(session, principal=None, act="payment.return", object_kind="refund", object_id=refund.id, facts=facts)
    return [refund_wish(refund)]


def refund_wish(refund: Refund) -> Wish:
    return {
        "kind": OperationKind.REFUND,
        "gateway": refund.gateway,
        "subject_id": refund.id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "source_ref": refund.source_ref,
    }


def fail(session: Session, *, payment: Payment, code: str) -> None:
    """The gateway could not collect: the payer needs another payment request."""
    if payment.state is not PaymentState.DUE:
        return
    payment.state = PaymentState.FAILED
    payment.failure_code = code[:60]
    session.add(payment)
    outbox.append(session, events.PaymentFailed(**payment_facts(payment), code=code), key=f"payment:{payment.id}")
    facts = {"code": payment.failure_code, "gateway": payment.gateway}
    audit.record(session, principal=None, act="payment.fail", object_kind="payment", object_id=payment.id, facts=facts)
