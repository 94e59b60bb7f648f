"""Jobs of notifications."""

from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep
from marketplace.core.outbox.lanes import Lane
from marketplace.core.settings import get_settings
from marketplace.notifications.service import notices, sending

SENDING = Lane("webhooks")


@subscriber("notifications.tell")
def tell(session: Session, event: Delivered) -> None:
    """A public event becomes a message and its letters."""
    sending.tell(session, event)


@sweep("notifications.send_letters")
def send_letters(database: Database) -> None:
    """Send what is due, some at a time; inside the process in a thread of its own: a slow endpoint holds up no other job."""
    if not get_settings().is_embedded:
        sending.send_due(database)
    elif SENDING.is_idle:
        SENDING.submit(lambda: _send_all(database), width=1)


def _send_all(database: Database) -> None:
    while sending.send_due(database):
        pass


@sweep("notifications.forget_messages")
def forget_messages(database: Database) -> None:
    """Delete what is past its term."""
    days = get_settings().webhook_keep_days
    while True:
        with database.writing() as session:
            if sending.forget(session, days=days) == 0:
                return


@sweep("notifications.forget_notices")
def forget_notices(database: Database) -> None:
    """Delete notices past their term."""
    days = get_settings().notice_keep_days
    while True:
        with database.writing() as session:
            if notices.forget(session, days=days) == 0:
                return
