"""The market decides a claim; the money follows in the same transaction."""

from uuid import UUID

from auction.arbitration import queries
from auction.arbitration.domain import STATE_OF, DecisionMismatch, Terms, Verdict, check_decision
from auction.arbitration.models import DefectClaim
from auction.arbitration.service.records import announce, record
from auction.arbitration.service.terms import table
from marketplace.api import operations, orders, payments
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal

PURPOSE = "auction_claim"


def decide(
    session: Session, *, principal: Principal, claim_id: UUID, verdict: Verdict, amount_minor: int | None, reasons: str
) -> DefectClaim:
    """Reject it, lower the price by ``amount_minor`` fen, or undo the sale. Final.

    Before completion the escrow bears it: an adjustment leaves the seller's proceeds at settlement, an undone sale's escrow goes back
    whole. After it the seller is asked for the money. Raises ``ClaimUnknown``, ``OwnCase``, ``CaseTakenByAnother``,
    ``AdjustmentAboveProceeds`` and as ``check_decision``.
    """
    claim = queries.lock_claim(session, claim_id)
    at = clock.now(session)
    line = Terms.from_values(table(claim.filed_at).values, is_statutory=claim.is_statutory).classes[claim.defect]
    check_decision(
        claim.state,
        verdict,
        amount_minor=amount_minor,
        price_minor=claim.price_minor,
        may_unwind=line.may_unwind,
        answer_by=claim.answer_by,
        now=at,
    )
    _conclude_case(session, principal, claim, verdict)
    order = orders.get_order(session, order_id=claim.order_id)
    if order.disputed_at is not None:
        claim.awarded_minor = _in_escrow(session, principal, claim, order, verdict, amount_minor)
    else:
        claim.awarded_minor = _after_payout(session, principal, claim, order, verdict, amount_minor)
    claim.state, claim.ended_at = STATE_OF[verdict], at
    claim.decided_by, claim.reasons = principal.id, reasons
    announce(session, claim=claim, act="claim.decide", principal=principal)
    return claim


def _conclude_case(session: Session, principal: Principal, claim: DefectClaim, verdict: Verdict) -> None:
    assert claim.case_id is not None
    outcome = operations.Outcome.REFUSED if verdict is Verdict.REJECTED else operations.Outcome.GRANTED
    operations.conclude_case(session, principal=principal, case_id=claim.case_id, outcome=outcome, note=verdict.value)


def _in_escrow(
    session: Session, principal: Principal, claim: DefectClaim, order: orders.OrderView, verdict: Verdict, amount_minor: int | None
) -> int | None:
    if verdict is Verdict.UNWINDING:
        orders.unwind_order(session, order_id=order.id, reason=f"arbitration:{claim.defect.value}", principal=principal)
        return order.total_minor
    orders.end_dispute(session, order_id=order.id, adjustment_minor=amount_minor or 0, principal=principal)
    return amount_minor


def _after_payout(
    session: Session, principal: Principal, claim: DefectClaim, order: orders.OrderView, verdict: Verdict, amount_minor: int | None
) -> int | None:
    """The seller has his money: he is asked to pay, the buyer gets it when it came."""
    if verdict is Verdict.REJECTED:
        return None
    awarded_before = queries.sum_awarded(session, order_id=order.id)
    due = order.total_minor - awarded_before if amount_minor is None else amount_minor
    if due <= 0 or (amount_minor is not None and amount_minor > order.price_minor - awarded_before):
        raise DecisionMismatch
    payment = payments.request_payment(
        session, payer_id=claim.seller_id, amount_minor=due, purpose_kind=PURPOSE, purpose_id=claim.id, principal=principal
    )
    claim.payment_id = payment.id
    return due


def hear_payment(session: Session, *, claim_id: UUID) -> None:
    """The seller paid: it goes on to the buyer. Twice is once."""
    claim = queries.lock_claim(session, claim_id)
    if claim.payment_id is None or claim.paid_at is not None or claim.awarded_minor is None:
        return
    split = payments.Split(claim.buyer_id, claim.awarded_minor, payments.SplitKind.PROCEEDS)
    payments.settle(session, order_id=claim.id, splits=[split], purpose_kind=PURPOSE)
    claim.paid_at = clock.now(session)
    session.add(claim)
    session.flush()
    record(session, claim=claim, act="claim.paid", principal=None)
