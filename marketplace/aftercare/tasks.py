"""Jobs of aftercare: cases open by themselves, applications go to the office, its answers come back."""

from datetime import datetime
from uuid import UUID

from marketplace.aftercare.gateway import NAME
from marketplace.aftercare.service import cases, office
from marketplace.core import inbox
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber


@subscriber("aftercare.open_transfer")
def open_transfer(session: Session, event: Delivered) -> None:
    """A car was handed over: its transfer has to be applied for."""
    apply_by = datetime.fromisoformat(event.payload["transfer_by"])
    cases.open_case(session, order_id=UUID(event.payload["order_id"]), apply_by=apply_by)


@outside_subscriber("aftercare.submit_to_office")
def submit_to_office(database: Database, event: Delivered) -> None:
    """Hand the application in; the same one twice is one."""
    case_id, attempt = UUID(event.payload["transfer_id"]), int(event.payload["attempt"])
    with database.reading() as session:
        submission = office.find_submission(session, case_id=case_id, attempt=attempt)
    if submission is not None:
        office.open_office(database).submit(submission)


@subscriber("aftercare.hear_office")
def hear_office(session: Session, event: Delivered) -> None:
    """The office has decided."""
    answer = event.payload
    payload = {"transfer_id": answer["transfer_id"], "attempt": answer["attempt"], "reasons": answer["reasons"]}
    if not inbox.accept(session, sender=NAME, message_id=answer["message_id"], kind="answer", payload=payload):
        return
    case_id, attempt = UUID(answer["transfer_id"]), int(answer["attempt"])
    number = office.find_certificate_no(session, case_id=case_id, attempt=attempt)
    cases.hear_answer(session, case_id=case_id, attempt=attempt, reasons=answer["reasons"], certificate_no=number)


@subscriber("aftercare.hear_dispute_ended")
def hear_dispute_ended(session: Session, event: Delivered) -> None:
    """A disputed order goes on."""
    cases.hear_dispute_ended(session, order_id=UUID(event.payload["order_id"]))


@subscriber("aftercare.hear_cancelled")
def hear_cancelled(session: Session, event: Delivered) -> None:
    """An order was undone; before the handover there is no transfer to cancel."""
    cases.hear_cancelled(session, order_id=UUID(event.payload["order_id"]))
