"""What a gateway's answer to a renewal, a charge or a drop means for the deposit."""

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.payments import queries
from marketplace.payments.domain import Account, AccountKind, HoldState, OperationKind, Posting, RenewalState, Transfer
from marketplace.payments.gateway import Answer, AnswerKind
from marketplace.payments.models import GatewayOperation, Hold, HoldRenewal
from marketplace.payments.service import charged, ledger
from marketplace.payments.service.facts import LAPSED, Wish

KINDS = frozenset({OperationKind.RENEW, OperationKind.CHARGE, OperationKind.DROP})


def apply_answer(session: Session, *, operation: GatewayOperation, answer: Answer) -> list[Wish]:
    """Change the deposit and its try; returns follow-up operations. The operation's row is locked by the caller."""
    if operation.kind is OperationKind.DROP or answer.kind is AnswerKind.WAITING:
        return []  # a dropped authorization lapses by itself at the latest
    hold_id = session.get_one(HoldRenewal, operation.subject_id).hold_id
    hold = queries.lock_hold(session, hold_id)
    renewal = queries.lock_renewal(session, operation.subject_id)
    if renewal.state is not RenewalState.REQUESTED:
        return []
    renewal.ended_at = clock.now(session)
    session.add(renewal)
    wishes: list[Wish] = []
    if answer.kind is AnswerKind.REFUSED:
        renewal.state, renewal.failure_code = RenewalState.REFUSED, answer.code
    elif operation.kind is OperationKind.CHARGE:
        _take_in(session, hold, renewal, operation, answer)
    else:
        wishes = _replace(hold, renewal, answer)
    session.add(hold)
    session.flush()
    _record(session, hold, renewal)
    if operation.kind is OperationKind.CHARGE:  # what was wanted meanwhile waited for this answer
        wishes += charged.wishes_of_end(session, hold=hold)
    return wishes


def _replace(hold: Hold, renewal: HoldRenewal, answer: Answer) -> list[Wish]:
    """The new authorization takes the old one's place. If nobody wants the deposit any more, the new one is what goes."""
    if hold.state is not HoldState.HELD:
        renewal.state = RenewalState.IDLE
        return [_drop_wish(hold, renewal, answer.gateway_ref)]
    renewal.state, renewal.old_ref = RenewalState.DONE, hold.gateway_ref
    hold.gateway_ref, hold.lapses_at, hold.renewed_at = answer.gateway_ref, answer.lapses_at, renewal.ended_at
    hold.tried_at = hold.warned_at = None
    return [_drop_wish(hold, renewal, renewal.old_ref)]


def _drop_wish(hold: Hold, renewal: HoldRenewal, ref: str | None) -> Wish:
    return {
        "kind": OperationKind.DROP,
        "gateway": hold.gateway,
        "subject_id": renewal.id,
        "amount_minor": hold.amount_minor,
        "currency": hold.currency,
        "source_ref": ref,
    }


def _take_in(session: Session, hold: Hold, renewal: HoldRenewal, operation: GatewayOperation, answer: Answer) -> None:
    """Frozen money is now in the witness account, still as the holder's deposit. No time limit any more."""
    clearing = Account(AccountKind.CLEARING, hold.gateway, currency=hold.currency)
    frozen = Account(AccountKind.HOLDS_AT_GATEWAY, hold.gateway, currency=hold.currency)
    reference = f"charge:{answer.gateway_ref or operation.id.hex}"
    ledger.post(session, Posting(reference, "hold_charged", (Transfer(clearing, frozen, hold.amount_minor),)), purpose_id=hold.purpose_id)
    renewal.state, renewal.old_ref = RenewalState.DONE, hold.gateway_ref
    hold.charged_ref, hold.lapses_at, hold.renewed_at = answer.gateway_ref, None, renewal.ended_at
    hold.tried_at = hold.warned_at = None
    if hold.state is HoldState.RELEASING and hold.reason == LAPSED:  # the lapse came first, but the money is here
        hold.state, hold.reason = HoldState.HELD, None


def _record(session: Session, hold: Hold, renewal: HoldRenewal) -> None:
    facts = {"kind": renewal.kind.value, "result": renewal.state.value, "amount_minor": hold.amount_minor, "gateway": hold.gateway}
    audit.record(session, principal=None, act=f"hold.{renewal.kind.value}", object_kind="hold", object_id=hold.id, facts=facts)
