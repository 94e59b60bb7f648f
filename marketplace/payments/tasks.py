"""Jobs of payments: gateways are called here, with no transaction held, after the commit that wants it."""

from uuid import UUID

from marketplace.core import clock, inbox
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber, sweep
from marketplace.payments.gateway import Message, MessageKind
from marketplace.payments.gateway.registry import installed, open_gateway
from marketplace.payments.gateway.sandbox import NAME as SANDBOX
from marketplace.payments.service import holds, operations, payments, reconciliation

STUCK_AFTER_S = 3_600


@outside_subscriber("payments.run_operation")
def run_operation(database: Database, event: Delivered) -> None:
    """Call the gateway with the operation's id as key, then book its answer. Run twice, it does and books the same once."""
    operation_id = UUID(event.payload["operation_id"])
    with database.writing() as session:
        started = operations.start(session, operation_id=operation_id)
    if started is None:
        return
    name, call = started
    answer = open_gateway(name, database).call(call)
    with database.writing() as session:
        operations.record(session, operation_id=operation_id, answer=answer)


@subscriber("payments.hear_bank")
def hear_bank(session: Session, event: Delivered) -> None:
    """The sandbox bank says that money came into the witness account."""
    movement = event.payload
    message = Message(
        message_id=movement["movement_id"],
        kind=MessageKind.PAID,
        gateway_ref=UUID(movement["movement_id"]).hex,
        reference=movement["reference"],
        amount_minor=movement["amount_minor"],
    )
    if inbox.accept(
        session, sender=SANDBOX, message_id=message.message_id, kind="transfer", payload={"amount_minor": message.amount_minor}
    ):
        payments.hear(session, gateway=SANDBOX, message=message)


@sweep("payments.sweep_lapsed_holds")
def sweep_lapsed_holds(database: Database) -> None:
    """Holds at the end of their gateway's time limit go back."""
    with database.writing() as session:
        holds.sweep_lapsed(session)


@sweep("payments.sweep_waiting_payouts")
def sweep_waiting_payouts(database: Database) -> None:
    """Payouts whose payee has named an account meanwhile."""
    with database.writing() as session:
        payments.send_waiting_payouts(session)


@sweep("payments.sweep_stuck_operations")
def sweep_stuck_operations(database: Database) -> None:
    """Operations without an answer for an hour are asked about again."""
    with database.writing() as session:
        operations.resend_stuck(session, older_than_s=STUCK_AFTER_S)


@sweep("payments.sweep_reconciliation")
def sweep_reconciliation(database: Database) -> None:
    """Compare each gateway's report with the ledger."""
    for name in installed():
        with database.reading() as session:
            since, until = reconciliation.window(clock.now(session))
        lines = open_gateway(name, database).report(since=since, until=until)
        with database.writing() as session:
            reconciliation.record(session, gateway=name, lines=lines, since=since, until=until)
