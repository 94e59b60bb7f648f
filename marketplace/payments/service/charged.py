"""A deposit taken into the witness account because its hold would have lapsed: still its holder's, it goes back as a refund."""

from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.payments import queries
from marketplace.payments.domain import Account, AccountKind, HoldState, OperationKind, Posting, Transfer
from marketplace.payments.models import Hold, Refund
from marketplace.payments.service import arrivals, ledger, outcomes
from marketplace.payments.service.facts import Wish, release_wish


def wishes_of_end(session: Session, *, hold: Hold) -> list[Wish]:
    """What a locked deposit's ``…ing`` state asks of the gateway. While a charge has no answer, nothing: its answer asks again."""
    pending = queries.find_pending_renewal(session, hold_id=hold.id)
    if pending is not None and pending.kind is OperationKind.CHARGE:
        return []
    if hold.charged_ref is not None:
        return _end_charged(session, hold)
    if hold.state is HoldState.RELEASING:
        return [release_wish(hold)]
    if hold.state is HoldState.CAPTURING:
        return [_take_wish(hold, OperationKind.CAPTURE)]
    return [_take_wish(hold, OperationKind.FORFEIT)] if hold.state is HoldState.FORFEITING else []


def _take_wish(hold: Hold, kind: OperationKind) -> Wish:
    return {
        "kind": kind,
        "gateway": hold.gateway,
        "subject_id": hold.id,
        "amount_minor": hold.taking_minor,
        "currency": hold.currency,
        "source_ref": hold.gateway_ref,
    }


def _end_charged(session: Session, hold: Hold) -> list[Wish]:
    """The money is here: it is booked at once, and what goes back is refunded."""
    if hold.state is HoldState.RELEASING:
        return [_refund(session, hold, hold.amount_minor, ends=hold.id)]
    if hold.state is HoldState.FORFEITING:
        return outcomes.finish_forfeit(session, hold=hold, reference=f"forfeit:{hold.id.hex}")
    if hold.state is not HoldState.CAPTURING:
        return []
    outcomes.finish_capture(session, hold=hold, taken_minor=hold.taking_minor, reference=f"capture:{hold.id.hex}")
    rest = hold.amount_minor - hold.taking_minor
    return [_refund(session, hold, rest, ends=None)] if rest else []


def _refund(session: Session, hold: Hold, amount_minor: int, *, ends: UUID | None) -> Wish:
    assert hold.charged_ref is not None
    one = Refund(
        hold_id=ends,
        source_ref=hold.charged_ref,
        amount_minor=amount_minor,
        currency=hold.currency,
        gateway=hold.gateway,
        reason=(hold.reason or "deposit_rest")[:200],
        requested_at=clock.now(session),
    )
    session.add(one)
    session.flush()
    held = Account(AccountKind.DEPOSIT_HELD, hold.gateway, party_id=hold.party_id, purpose_id=hold.purpose_id, currency=hold.currency)
    owed = Account(AccountKind.REFUNDS_PAYABLE, hold.gateway, purpose_id=one.id, currency=hold.currency)
    posting = Posting(f"refund-owed:{hold.id.hex}", "refund_owed", (Transfer(held, owed, amount_minor),))
    ledger.post(session, posting, purpose_id=hold.purpose_id)
    return arrivals.refund_wish(one)
