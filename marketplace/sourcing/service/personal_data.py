"""A person's data in sourcing: his consignment contracts."""

from typing import Any
from uuid import UUID

import orjson

from marketplace.accounts.api import ErasureReport, PersonalData, PrivacyHold
from marketplace.core.db import Session
from marketplace.sourcing import queries
from marketplace.sourcing.domain import OPEN_STATES
from marketplace.sourcing.domain.custody import ChargeState
from marketplace.sourcing.queries import custody as custody_queries


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
                "custody": _custody(session, row.id),
                "charges": [
                    {
                        "kind": one.kind.value,
                        "amount_minor": one.amount_minor,
                        "state": one.state.value,
                        "until_on": one.until_on.isoformat(),
                    }
                    for one in custody_queries.list_charges(session, row.id)
                ],
            }
            for row in queries.list_of_consignor(session, party_id)
        ],
        "stock_imports": [
            {"id": str(row.id), "dealer_id": str(row.dealer_id), "file_name": row.file_name, "at": row.received_at.isoformat()}
            for row in queries.list_imports_of_person(session, party_id)
        ],
    }


def _is_unsettled(session: Session, consignment_id: UUID) -> bool:
    """A car still in custody, or something still owed."""
    found = custody_queries.find_custody(session, consignment_id)
    unpaid = any(one.state is ChargeState.DUE for one in custody_queries.list_charges(session, consignment_id))
    return unpaid or (found is not None and found.returned_at is None)


def _custody(session: Session, consignment_id: UUID) -> dict[str, Any] | None:
    """The receipt's own text and who has what."""
    found = custody_queries.find_custody(session, consignment_id)
    if found is None:
        return None
    pieces = custody_queries.list_pieces(session, found.id)
    return {"receipt": orjson.loads(found.document), "pieces": [{"label": one.label, "holder": one.holder.value} for one in pieces]}


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """File names and notes go; signed contracts stay for their term. Raises ``PrivacyHold`` while one is open."""
    contracts = queries.list_of_consignor(session, party_id)
    if any(row.state in OPEN_STATES for row in contracts):
        raise PrivacyHold(reasons=["未结束的寄售合同"])
    if any(_is_unsettled(session, row.id) for row in contracts):
        raise PrivacyHold(reasons=["未交还的寄售车辆或未付费用"])
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
