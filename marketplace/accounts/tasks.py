"""Sweeps of accounts: deadlines are rows."""

from datetime import timedelta

from marketplace.accounts import queries
from marketplace.accounts.service import own_records, sign_ins
from marketplace.core.db import Database
from marketplace.core.outbox import sweep
from marketplace.core.security import process_now

BATCH = 200
SIGN_INS_KEPT = timedelta(days=90)


@sweep("accounts.sweep_credentials")
def sweep_credentials(database: Database) -> None:
    """Forget failures nobody asks for any more and sign-ins that ended long ago, in short transactions."""
    with database.writing() as session:
        sign_ins.sweep_failures(session)
    more = BATCH
    while more == BATCH:
        with database.writing() as session:
            more = queries.delete_ended_sign_ins(session, process_now() - SIGN_INS_KEPT, BATCH)


@sweep("accounts.sweep_identities")
def sweep_identities(database: Database) -> None:
    """Erase names and resident ids of closed accounts when the law's term is over."""
    more = BATCH
    while more == BATCH:
        with database.writing() as session:
            more = own_records.erase_due_identities(session, limit=BATCH)
