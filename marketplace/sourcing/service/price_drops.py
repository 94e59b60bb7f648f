"""The agreed price-drop plan at work: steps whose day has come, one consignment in a transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.listings import api as listings
from marketplace.sourcing import queries
from marketplace.sourcing.domain import ConsignmentState
from marketplace.sourcing.domain.price_drops import PriceStep, StepOutcome, decide_step
from marketplace.sourcing.models import Consignment, ConsignmentPriceStep
from marketplace.sourcing.service.records import record


def keep_plan(session: Session, consignment: Consignment, steps: Sequence[PriceStep]) -> None:
    """The plan the contract names."""
    session.add_all(
        ConsignmentPriceStep(consignment_id=consignment.id, seq=seq, after_days=step.after_days, ask_minor=step.ask_minor)
        for seq, step in enumerate(steps, start=1)
    )
    session.flush()


def start_plan(session: Session, consignment: Consignment, *, signed_at: datetime) -> None:
    """The contract is made: each step gets its instant, the first one of its legal day."""
    for step in queries.list_steps(session, consignment.id):
        step.due_at = clock.start_of_day(clock.shanghai_day(signed_at) + timedelta(days=step.after_days))
        session.add(step)
    session.flush()


def close_plan(session: Session, consignment: Consignment, *, at: datetime) -> None:
    """The contract has ended: what is left of the plan changes nothing any more."""
    for step in queries.list_steps(session, consignment.id):
        if step.outcome is None:
            step.outcome, step.done_at = StepOutcome.CONTRACT_ENDED, at
            session.add(step)
    session.flush()


def sweep(database: Database) -> None:
    """Apply what is due everywhere. A car that an order or a lot holds keeps its price until it is free again."""
    after: UUID | None = None
    while True:
        with database.reading() as session:
            due = queries.list_consignments_with_due_steps(session, now=clock.now(session), after=after, limit=100)
        for consignment_id in due:
            with database.writing() as session:
                apply_due(session, consignment_id=consignment_id)
        if len(due) < 100:
            return
        after = due[-1]


def apply_due(session: Session, *, consignment_id: UUID) -> int | None:
    """The price after the steps that are due, None when nothing changed. Locks consignment, claim, listing, in this order."""
    consignment = queries.lock_consignment(session, consignment_id)
    if consignment is None or consignment.state is not ConsignmentState.ACTIVE:
        return None
    if listings.lock_claim(session, vehicle_id=consignment.vehicle_id) is not None:
        return None
    at = clock.now(session)
    due = [
        one for one in queries.list_steps(session, consignment.id) if one.outcome is None and one.due_at is not None and one.due_at <= at
    ]
    changed = [price for step in due if (price := _apply(session, consignment, step, at=at)) is not None]
    if changed:
        consignment.version += 1
        session.add(consignment)
        session.flush()
    return changed[-1] if changed else None


def _apply(session: Session, consignment: Consignment, step: ConsignmentPriceStep, *, at: datetime) -> int | None:
    price = decide_step(step.ask_minor, ask_minor=consignment.ask_minor, floor_minor=consignment.floor_minor)
    step.outcome, step.done_at = (StepOutcome.LOW_ALREADY if price is None else StepOutcome.APPLIED), at
    session.add(step)
    if price is None:
        return None
    before = consignment.ask_minor
    if consignment.listing_id is not None and _is_open(session, consignment.listing_id):
        listings.change_price(session, principal=None, listing_id=consignment.listing_id, ask_minor=price)
    consignment.ask_minor = price
    consignment.agreed_ask_minor = min(consignment.agreed_ask_minor, price)  # the consignor agreed to the drop: no marking up again
    facts = {"step": step.seq, "from_minor": before, "to_minor": price}
    record(session, consignment, act="consignment.drop_price", principal=None, facts=facts)
    return price


def _is_open(session: Session, listing_id: UUID) -> bool:
    state = listings.get_listing(session, listing_id=listing_id).state
    return state in {listings.ListingState.LIVE, listings.ListingState.PAUSED}
