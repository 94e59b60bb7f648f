"""A deposit that is needed longer than its hold lasts: renewed, or charged, by what its gateway can; else its holder is told in time."""

from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.settings import get_settings
from marketplace.payments import queries
from marketplace.payments.domain import HoldState, Keeping, KeepingTerms, Lasting, OperationKind, decide_keeping
from marketplace.payments.events import HoldLapsing
from marketplace.payments.gateway.registry import capabilities_of
from marketplace.payments.models import Hold, HoldRenewal
from marketplace.payments.service.facts import hold_facts
from marketplace.payments.service.operations import request_operation


def terms() -> KeepingTerms:
    settings = get_settings()
    return KeepingTerms(ahead=timedelta(hours=settings.hold_renew_ahead_hours), retry=timedelta(hours=settings.hold_renew_retry_hours))


def keep(session: Session, *, hold_id: UUID, needed_until: datetime) -> Keeping:
    """See to it that a deposit lasts until then; called again and again. Returns what was done now.

    The new authorization stands before the old one goes. What fails is tried again, and a day before the lapse its holder is told once
    (``hold_lapsing``).
    """
    hold = queries.lock_hold(session, hold_id)
    if hold.state is not HoldState.HELD or hold.held_at is None:
        return Keeping.NOTHING
    lasting = Lasting(
        since=hold.renewed_at or hold.held_at,
        lapses_at=hold.lapses_at,
        tried_at=hold.tried_at,
        warned=hold.warned_at is not None,
        pending=queries.find_pending_renewal(session, hold_id=hold_id) is not None,
    )
    can = capabilities_of(hold.gateway)
    at = clock.now(session)
    decided = decide_keeping(lasting, needed_until=needed_until, now=at, renews=can.renews, charges=can.charges, terms=terms())
    if decided is Keeping.WARN:
        _warn(session, hold, at)
    elif decided is not Keeping.NOTHING:
        _try(session, hold, at, OperationKind(decided.value))
    return decided


def _try(session: Session, hold: Hold, at: datetime, kind: OperationKind) -> None:
    renewal = HoldRenewal(hold_id=hold.id, kind=kind, requested_at=at)
    hold.tried_at = at
    session.add(renewal)
    session.add(hold)
    session.flush()
    asked = queries.find_operation_of(session, subject_id=hold.id, kind=OperationKind.HOLD)
    request_operation(
        session,
        kind=kind,
        gateway=hold.gateway,
        subject_id=renewal.id,
        amount_minor=hold.amount_minor,
        currency=hold.currency,
        party_id=hold.party_id,
        reference=hold.purpose_id.hex,
        source_ref=hold.gateway_ref,
        payment_method=asked.arguments.get("payment_method") if asked is not None else None,
    )
    facts = {"amount_minor": hold.amount_minor, "gateway": hold.gateway}
    audit.record(session, principal=None, act=f"hold.{kind.value}_requested", object_kind="hold", object_id=hold.id, facts=facts)


def _warn(session: Session, hold: Hold, at: datetime) -> None:
    assert hold.lapses_at is not None
    hold.warned_at = at
    session.add(hold)
    outbox.append(session, HoldLapsing(**hold_facts(hold), lapses_at=hold.lapses_at), key=f"hold:{hold.id}")
    facts = {"amount_minor": hold.amount_minor, "gateway": hold.gateway}
    audit.record(session, principal=None, act="hold.warn", object_kind="hold", object_id=hold.id, facts=facts)
