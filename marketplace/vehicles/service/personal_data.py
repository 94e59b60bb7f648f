"""A person's data in vehicles: exported whole, erased short of what the trade's records must keep."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData
from marketplace.core.db import Session
from marketplace.vehicles import queries
from marketplace.vehicles.service.photos import drop_photos
from marketplace.vehicles.service.views import load_views


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """Cars held, now and before, with full VIN while held, and the holder's own notes."""
    holdings = queries.list_holdings_of(session, party_id)
    vehicles = load_views(session, [one.vehicle_id for one in holdings])
    rows = {row.id: row for row in queries.list_rows(session, [one.vehicle_id for one in holdings])}
    return {
        "holdings": [
            {
                "vehicle_id": str(one.vehicle_id),
                "vin": rows[one.vehicle_id].vin if one.until_at is None else rows[one.vehicle_id].vin_masked,
                "plate": rows[one.vehicle_id].plate if one.until_at is None else None,
                "title": vehicles[one.vehicle_id].title,
                "capacity": one.capacity.value,
                "since": one.since_at.isoformat(),
                "until": one.until_at.isoformat() if one.until_at else None,
                "acquired_on": one.acquired_on.isoformat() if one.acquired_on else None,
                "private_note": one.private_note,
                "buy_price_minor": one.buy_price_minor,
                "floor_price_minor": one.floor_price_minor,
            }
            for one in holdings
        ]
    }


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Notes, names on papers, photos of cars no longer held go; a car's identity and its chain of holdings stay on record."""
    holdings = queries.list_holdings_of(session, party_id)
    erased = 0
    for one in holdings:
        if one.private_note or one.buy_price_minor is not None or one.floor_price_minor is not None:
            one.private_note, one.buy_price_minor, one.floor_price_minor = "", None, None
            session.add(one)
            erased += 1
    for vehicle_id in {one.vehicle_id for one in holdings}:
        for document in queries.list_documents(session, vehicle_id):
            if document.party_id == party_id and document.holder_name is not None:
                document.holder_name, document.number = None, None
                session.add(document)
                erased += 1
    photos = queries.list_photos_of_holdings(session, [one.id for one in holdings if one.until_at is not None])
    drop_photos(session, photos)
    erased += len(photos)
    kept = ["车辆持有记录:二手车流通管理办法、电子商务法第三十一条,交易完成之日起不少于三年"] if holdings else []
    return ErasureReport(erased=erased, kept=kept)


PERSONAL_DATA = PersonalData(feature="vehicles", export=export_person, erase=erase_person)
