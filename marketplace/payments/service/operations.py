"""Calls to gateways: asked for in a transaction, made after it, recorded in another. Each may run twice and happens once.

``request_operation`` (with the change that wants it) → event → ``start`` marks it sent → the gateway is called with the
operation's id as idempotency key → ``record`` books the answer, if nobody has yet.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from marketplace.core import clock, outbox
from marketplace.core.db import Session
from marketplace.payments import queries
from marketplace.payments.domain import OperationKind, OperationState
from marketplace.payments.events import OperationRequested
from marketplace.payments.gateway import Answer, AnswerKind, Call
from marketplace.payments.models import GatewayOperation
from marketplace.payments.service import outcomes, renewals

FINISHED = frozenset({OperationState.DONE, OperationState.REFUSED, OperationState.WAITING})


def request_operation(
    session: Session,
    *,
    kind: OperationKind,
    gateway: str,
    subject_id: UUID,
    amount_minor: int,
    currency: str,
    **arguments: Any,
) -> UUID:
    """Have the gateway called after this commit. One operation of a kind for one subject: a second wish finds the first."""
    found = queries.find_operation_of(session, subject_id=subject_id, kind=kind)
    if found is not None:
        return found.id
    operation = GatewayOperation(
        kind=kind,
        gateway=gateway,
        subject_id=subject_id,
        amount_minor=amount_minor,
        currency=currency,
        arguments={name: str(value) for name, value in arguments.items() if value is not None},
        requested_at=clock.now(session),
    )
    session.add(operation)
    session.flush()
    outbox.append(session, OperationRequested(operation_id=operation.id), key=f"operation:{operation.id}")
    return operation.id


def start(session: Session, *, operation_id: UUID) -> tuple[str, Call] | None:
    """The gateway's name and the call to make, None when the operation has its answer. Marks it sent before it is."""
    operation = queries.lock_operation(session, operation_id)
    if operation.state in FINISHED:
        return None
    call = _call(operation)
    if operation.sent_at is None:
        operation.sent_at = clock.now(session)
    operation.state = OperationState.SENT
    session.add(operation)
    return operation.gateway, call


def _call(operation: GatewayOperation) -> Call:
    said = operation.arguments
    return Call(
        key=operation.id,
        kind=operation.kind,
        amount_minor=operation.amount_minor,
        currency=operation.currency,
        party_id=UUID(said["party_id"]) if "party_id" in said else None,
        source_ref=said.get("source_ref"),
        reference=said.get("reference"),
        payee_ref=said.get("payee_ref"),
        payment_method=said.get("payment_method"),
        first_sent_at=operation.sent_at,
        repeated=operation.sent_at is not None,
    )


def record(session: Session, *, operation_id: UUID, answer: Answer) -> bool:
    """Book a gateway's answer; False when it is booked already."""
    operation = queries.lock_operation(session, operation_id)
    if operation.state in {OperationState.DONE, OperationState.REFUSED}:
        return False
    if operation.state is OperationState.WAITING and answer.kind is AnswerKind.WAITING:
        return False
    operation.gateway_ref = answer.gateway_ref or operation.gateway_ref
    operation.refusal_code = answer.code
    operation.state = {
        AnswerKind.DONE: OperationState.DONE,
        AnswerKind.WAITING: OperationState.WAITING,
        AnswerKind.REFUSED: OperationState.REFUSED,
    }[answer.kind]
    operation.finished_at = clock.now(session)
    session.add(operation)
    apply_answer = renewals.apply_answer if operation.kind in renewals.KINDS else outcomes.apply_answer
    for wish in apply_answer(session, operation=operation, answer=answer):
        request_operation(session, **wish)
    return True


def resend_stuck(session: Session, *, older_than_s: int, limit: int = 100) -> int:
    """Ask again about operations without an answer, dead letters among them; returns how many."""
    before = clock.now(session) - timedelta(seconds=older_than_s)
    stuck = queries.list_stuck_operations(session, before=before, limit=limit)
    for operation in stuck:
        outbox.append(session, OperationRequested(operation_id=operation.id), key=f"operation:{operation.id}")
    return len(stuck)
