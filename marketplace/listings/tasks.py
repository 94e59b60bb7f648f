"""What listings hears: a fact of a car changed, a car changed hands, a visitor became a buyer; and what it forgets."""

from uuid import UUID

from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered, subscriber, sweep
from marketplace.listings.domain.leads import LeadStage
from marketplace.listings.service import ending, leads, views


@subscriber("listings.review_vehicle")
def review_vehicle(session: Session, event: Delivered) -> None:
    """Look at the car's open listings again; pull those that may no longer be traded."""
    ending.review_vehicle(session, vehicle_id=UUID(event.payload["vehicle_id"]))


@subscriber("listings.follow_order")
def follow_order(session: Session, event: Delivered) -> None:
    """Whoever asked about a car has ordered it."""
    _follow(session, event, LeadStage.ORDERED)


@subscriber("listings.follow_sale")
def follow_sale(session: Session, event: Delivered) -> None:
    """And has it now."""
    _follow(session, event, LeadStage.WON)


def _follow(session: Session, event: Delivered, stage: LeadStage) -> None:
    order = event.payload
    if order["source_kind"] == "listing":
        leads.follow_order(session, listing_id=UUID(order["source_id"]), buyer_id=UUID(order["buyer_id"]), stage=stage)


@sweep("listings.forget_visitors")
def forget_visitors(database: Database) -> None:
    """Who visited which listing is known for the day only."""
    with database.writing() as session:
        views.forget_visitors(session)
