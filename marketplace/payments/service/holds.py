"""Deposits: hold, release, capture to an order, forfeit. What the gateway does follows after the commit."""

from dataclasses import asdict
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Session
from marketplace.core.money import CNY
from marketplace.core.security import Principal
from marketplace.payments import queries
from marketplace.payments.domain import (
    ForfeitClaims,
    HoldState,
    OperationKind,
    check_hold,
    decide_capture,
    decide_forfeit,
    decide_release,
)
from marketplace.payments.gateway.registry import capabilities_of, default_gateway
from marketplace.payments.models import Hold
from marketplace.payments.service import charged
from marketplace.payments.service.facts import LAPSED
from marketplace.payments.service.operations import request_operation


def hold(
    session: Session,
    *,
    principal: Principal | None,
    party_id: UUID,
    amount_minor: int,
    purpose_kind: str,
    purpose_id: UUID,
    gateway: str | None = None,
    payment_method: str | None = None,
) -> Hold:
    """Ask for a deposit to be held; ``hold_held`` or ``hold_failed`` follows. Raises what ``check_hold`` raises."""
    name = gateway or default_gateway()
    check_hold(capabilities_of(name), amount_minor=amount_minor, currency=CNY)
    found = Hold(
        party_id=party_id,
        amount_minor=amount_minor,
        gateway=name,
        purpose_kind=purpose_kind,
        purpose_id=purpose_id,
        requested_at=clock.now(session),
    )
    session.add(found)
    session.flush()
    request_operation(
        session,
        kind=OperationKind.HOLD,
        gateway=name,
        subject_id=found.id,
        amount_minor=amount_minor,
        currency=found.currency,
        party_id=party_id,
        reference=purpose_id.hex,
        payment_method=payment_method,
    )
    _record(session, principal, found, "hold.request")
    return found


def release(session: Session, *, hold_id: UUID, reason: str, principal: Principal | None = None) -> Hold:
    """Give a deposit back; twice is once. Raises ``HoldNotHeld`` when it is being taken."""
    found = queries.lock_hold(session, hold_id)
    was_held = found.state is HoldState.HELD
    state = decide_release(found.state)
    if state is None:
        return found
    found.state = state
    found.reason = reason[:200]
    session.add(found)
    _record(session, principal, found, "hold.release_requested")
    if was_held or found.gateway_ref is not None:
        _end(session, found)
    return found


def capture(
    session: Session, *, hold_id: UUID, order_id: UUID, amount_minor: int | None = None, principal: Principal | None = None
) -> Hold:
    """Count a deposit to an order's price, wholly or ``amount_minor`` of it; the rest goes back. Raises ``HoldNotHeld``."""
    found = queries.lock_hold(session, hold_id)
    amount = amount_minor if amount_minor is not None else found.amount_minor
    state = decide_capture(found.state, held_minor=found.amount_minor, amount_minor=amount)
    if state is None:
        return found
    found.state = state
    found.order_id = order_id
    found.taking_minor = amount
    _record(session, principal, found, "hold.capture_requested")
    _end(session, found)
    return found


def forfeit(
    session: Session,
    *,
    hold_id: UUID,
    reason: str,
    to_party_id: UUID | None,
    claims: ForfeitClaims | None = None,
    costs_to: UUID | None = None,
    principal: Principal | None = None,
) -> Hold:
    """Keep a defaulter's deposit: costs, then the price shortfall, then debts; the rest is not given back either.

    ``to_party_id`` None: the market is the injured party; ``costs_to`` None: the costs are its own. Raises ``HoldNotHeld``.
    """
    found = queries.lock_hold(session, hold_id)
    state = decide_forfeit(found.state)
    if state is None:
        return found
    found.state = state
    found.reason = reason[:200]
    found.to_party_id = to_party_id
    found.costs_to = costs_to
    found.claims = asdict(claims) if claims is not None else {}
    found.taking_minor = found.amount_minor
    _record(session, principal, found, "hold.forfeit_requested")
    _end(session, found)
    return found


def _end(session: Session, found: Hold) -> None:
    session.add(found)
    session.flush()
    for wish in charged.wishes_of_end(session, hold=found):
        request_operation(session, **wish)


def _record(session: Session, principal: Principal | None, found: Hold, act: str) -> None:
    facts = {
        "state": found.state.value,
        "amount_minor": found.amount_minor,
        "gateway": found.gateway,
        "purpose": f"{found.purpose_kind}:{found.purpose_id}",
    }
    audit.record(session, principal=principal, act=act, object_kind="hold", object_id=found.id, facts=facts, reason=found.reason)


def sweep_lapsed(session: Session, *, limit: int = 100) -> int:
    """Give back holds whose gateway's time limit is over; returns how many."""
    lapsed = queries.list_lapsed_holds(session, before=clock.now(session), limit=limit)
    for hold_id in lapsed:
        found = queries.lock_hold(session, hold_id)
        if found.state is HoldState.HELD:
            release(session, hold_id=hold_id, reason=LAPSED)
    return len(lapsed)
