"""What other features may ask of aftercare."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.accounts.api import PersonalData
from marketplace.aftercare import queries
from marketplace.aftercare.domain import CaseKind, CaseState
from marketplace.aftercare.service import personal_data
from marketplace.core.db import Session


@dataclass(frozen=True, slots=True)
class TransferView:
    """Where an order's transfer of registration stands."""

    id: UUID
    kind: CaseKind
    state: CaseState
    order_id: UUID
    vehicle_id: UUID
    apply_by: datetime
    completed_at: datetime | None


def find_transfer(session: Session, *, order_id: UUID) -> TransferView | None:
    found = queries.find_case_of_order(session, order_id)
    if found is None:
        return None
    return TransferView(found.id, found.kind, found.state, found.order_id, found.vehicle_id, found.apply_by, found.completed_at)


PERSONAL_DATA = PersonalData(feature="aftercare", export=personal_data.export, erase=personal_data.erase)

__all__ = ["PERSONAL_DATA", "CaseKind", "CaseState", "TransferView", "find_transfer"]
