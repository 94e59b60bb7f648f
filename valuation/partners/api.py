"""Personal data behind the pricing API."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData
from marketplace.core.db import Session
from valuation.partners import queries

__all__ = ["PERSONAL_DATA"]


def _export(session: Session, party_id: UUID) -> dict[str, Any]:
    return {
        "estimates": [
            {"id": str(one.id), "at": one.estimated_at.isoformat(), "inputs": one.inputs, "price_minor": one.price_minor}
            for one in queries.list_all_estimates(session, party_id=party_id)
        ]
    }


def _erase(session: Session, party_id: UUID) -> ErasureReport:
    erased = queries.delete_estimates(session, party_id=party_id) + queries.delete_usage(session, party_id=party_id)
    return ErasureReport(erased=erased, kept=[])


PERSONAL_DATA = PersonalData(feature="estimates", export=_export, erase=_erase)
