"""A person's data in listings: the texts and prices of what he offered."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold
from marketplace.core.db import Session
from marketplace.listings import queries
from marketplace.listings.domain import OPEN_STATES


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """Every listing the party ever had, with its prices."""
    return {
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


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Free texts go; that the car was offered, and at what price, stays with the transaction data. Raises ``PrivacyHold``."""
    listings = queries.list_all_of_seller(session, seller_id=party_id)
    if any(listing.state in OPEN_STATES for listing in listings):
        raise PrivacyHold(reasons=["挂牌中的车辆"])
    erased = 0
    for listing in listings:
        if listing.description or listing.end_note:
            listing.description, listing.end_note = "", ""
            session.add(listing)
            erased += 1
    kept = ["挂牌与标价记录:电子商务法第三十一条,交易完成之日起不少于三年"] if listings else []
    return ErasureReport(erased=erased, kept=kept)


PERSONAL_DATA = PersonalData(feature="listings", export=export_person, erase=erase_person)
