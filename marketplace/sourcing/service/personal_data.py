"""A person's data in sourcing: his consignment contracts."""

from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold
from marketplace.core.db import Session
from marketplace.sourcing import queries
from marketplace.sourcing.domain import OPEN_STATES


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """Contracts with their text, and the stock files the person uploaded for a dealer."""
    return {
        "consignments": [
            {
                "id": str(row.id),
                "state": row.state.value,
                "document": orjson.loads(row.document),
                "content_hash": row.content_hash,
                "price_minor": row.price_minor,
                "commission_minor": row.commission_minor,
                "end_note": row.end_note,
            }
            for row in queries.list_of_consignor(session, party_id)
        ],
        "stock_imports": [
            {"id": str(row.id), "dealer_id": str(row.dealer_id), "file_name": row.file_name, "at": row.received_at.isoformat()}
            for row in queries.list_imports_of_person(session, party_id)
        ],
    }


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """File names and notes go; signed contracts stay for their term. Raises ``PrivacyHold`` while one is open."""
    contracts = queries.list_of_consignor(session, party_id)
    if any(row.state in OPEN_STATES for row in contracts):
        raise PrivacyHold(reasons=["未结束的寄售合同"])
    erased = 0
    for row in contracts:
        if row.end_note or row.description:
            row.end_note, row.description = "", ""
            session.add(row)
            erased += 1
    for upload in queries.list_imports_of_person(session, party_id):
        if upload.file_name:
            upload.file_name = ""
            session.add(upload)
            erased += 1
    kept = ["寄售合同(交易档案):二手车交易规范第十一条、电子商务法第三十一条,不少于三年"] if contracts else []
    return ErasureReport(erased=erased, kept=kept)


PERSONAL_DATA = PersonalData(feature="sourcing", export=export_person, erase=erase_person)
