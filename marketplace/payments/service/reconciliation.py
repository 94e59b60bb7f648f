"""The gateway's report against the ledger: every fen of the witness account is accounted for, or named."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.payments import queries
from marketplace.payments.domain import ReportLine, reconcile
from marketplace.payments.models import Reconciliation

WINDOW_DAYS = 7


def window(now: datetime) -> tuple[datetime, datetime]:
    """The last days up to a minute ago: what is on its way between the two books is looked at next time."""
    return now - timedelta(days=WINDOW_DAYS), now - timedelta(minutes=1)


def record(session: Session, *, gateway: str, lines: Sequence[ReportLine], since: datetime, until: datetime) -> Reconciliation:
    """Compare and keep the result. A line on one side whose other half lies past the window's edge is not a difference."""
    ours = queries.list_ledger_lines(session, gateway=gateway, since=since, until=until)
    wider = timedelta(minutes=10)
    near = {line.reference for line in queries.list_ledger_lines(session, gateway=gateway, since=since - wider, until=until + wider)}
    differences = [
        difference for difference in reconcile(lines, ours) if not (difference.ours_minor is None and difference.reference in near)
    ]
    found = Reconciliation(
        gateway=gateway,
        at=clock.now(session),
        lines=len(lines),
        theirs_minor=sum(line.amount_minor for line in lines),
        ours_minor=sum(line.amount_minor for line in ours),
        differences=[asdict(difference) for difference in differences[:100]],
    )
    session.add(found)
    session.flush()
    return found
