"""A person's data in listings: the texts and prices of what he offered."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.listings import queries
from marketplace.listings.domain import OPEN_STATES
from marketplace.listings.domain.leads import OPEN_LEADS, LeadStage
from marketplace.listings.domain.viewings import ViewingState
from marketplace.listings.queries import interest
from marketplace.listings.service import leads


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """Every listing the party ever had, with its prices; every car he asked about or went to see."""
    return _interest(session, party_id) | {
        "listings": [
            {
                "id": str(listing.id),
                "vehicle_id": str(listing.vehicle_id),
                "channel": listing.channel.value,
                "state": listing.state.value,
                "title": listing.title,
                "description": listing.description,
                "ask_minor": listing.ask_minor,
                "floor_minor": listing.floor_minor,
                "published_at": listing.published_at.isoformat(),
                "ended_at": listing.ended_at.isoformat() if listing.ended_at else None,
                "prices": [
                    {"ask_minor": point.ask_minor, "at": point.at.isoformat()}
                    for point in queries.list_prices(session, listing_id=listing.id)
                ],
            }
            for listing in queries.list_all_of_seller(session, seller_id=party_id)
        ]
    }


def _interest(session: Session, party_id: UUID) -> dict[str, Any]:
    leads = interest.list_leads_of_visitor(session, party_id)
    messages = interest.list_messages_of_leads(session, [lead.id for lead in leads])
    viewings = interest.list_viewings(session, party_id=party_id, state=None, paging=PageQuery(limit=10_000, after=None))
    return {
        "enquiries": [
            {
                "listing_id": str(lead.listing_id),
                "stage": lead.stage.value,
                "opened_at": lead.opened_at.isoformat(),
                "messages": [
                    {"side": one.side.value, "text": one.text, "at": one.at.isoformat()} for one in messages if one.lead_id == lead.id
                ],
            }
            for lead in leads
        ],
        "viewings": [
            {"listing_id": str(one.listing_id), "state": one.state.value, "at": one.requested_at.isoformat()}
            for one in viewings
            if one.visitor_id == party_id
        ],
    }


def _forget_interest(session: Session, party_id: UUID) -> int:
    """What he wrote goes, open enquiries and viewings end; how many asked and how soon they were answered stays a number."""
    found = interest.list_leads_of_visitor(session, party_id)
    for lead in found:
        for viewing in interest.list_open_viewings_of_listing(session, lead.listing_id):
            if viewing.visitor_id == party_id:
                viewing.state, viewing.ended_at, viewing.end_reason = ViewingState.CANCELLED, clock.now(session), "account_closed"
                session.add(viewing)
        if lead.stage in OPEN_LEADS:
            leads.end_lead(session, lead, stage=LeadStage.LOST, reason="account_closed")
    messages = [one for one in interest.list_messages_of_leads(session, [lead.id for lead in found]) if one.text]
    for one in messages:
        one.text = ""
        session.add(one)
    session.flush()
    return len(messages)


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Free texts go; that the car was offered, and at what price, stays with the transaction data. Raises ``PrivacyHold``."""
    listings = queries.list_all_of_seller(session, seller_id=party_id)
    if any(listing.state in OPEN_STATES for listing in listings):
        raise PrivacyHold(reasons=["挂牌中的车辆"])
    erased = _forget_interest(session, party_id)
    for listing in listings:
        if listing.description or listing.end_note:
            listing.description, listing.end_note = "", ""
            session.add(listing)
            erased += 1
    kept = ["挂牌与标价记录:电子商务法第三十一条,交易完成之日起不少于三年"] if listings else []
    return ErasureReport(erased=erased, kept=kept)


PERSONAL_DATA = PersonalData(feature="listings", export=export_person, erase=erase_person)
