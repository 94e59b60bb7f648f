"""A pilot's own runs."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.inbound import NothingToConfirm, RunNotFound, RunState, RunUnderWay
from marketplace.parallel_import.models import FeedRun
from marketplace.parallel_import.service.inbound import applying


def get_own(session: Session, *, principal: Principal, run_id: UUID) -> FeedRun:
    """Raises ``RunNotFound``."""
    row = queries.find_run(session, run_id)
    if row is None or row.pilot_id != principal.party_id:
        raise RunNotFound
    return row


def confirm(session: Session, *, principal: Principal, run_id: UUID) -> FeedRun:
    """The pilot has seen how many cars a full feed removes. Only the source's last run can be confirmed: an older one says nothing of
    today. Raises ``RunNotFound``, ``NothingToConfirm``, ``RunUnderWay``."""
    get_own(session, principal=principal, run_id=run_id)
    row = queries.lock_run(session, run_id)
    assert row is not None
    source = queries.find_source(session, row.source_id)
    if row.state is not RunState.STOPPED or source is None or source.last_run_id != row.id:
        raise NothingToConfirm
    try:
        with session.begin_nested():
            applying.confirm(session, row=row)
    except IntegrityError as error:
        raise RunUnderWay(retry_after_s=5) from error
    facts = {"removed": row.rows_removed}
    audit.record(session, principal=principal, act="import_run.confirm", object_kind="import_run", object_id=row.id, facts=facts)
    return row
