"""What a framework agreement says the market earns from a sale."""

from uuid import UUID

from marketplace.core.db import Session
from marketplace.sourcing.domain.agreements import compute_agreed_fee
from marketplace.sourcing.queries import agreements as queries


def seller_fee_of(session: Session, *, agreement_id: UUID | None, price_minor: int) -> int:
    """Fen, by the terms the car came in under, ended or not; nothing without an agreement."""
    found = queries.find_agreement(session, agreement_id) if agreement_id is not None else None
    if found is None:
        return 0
    return compute_agreed_fee(price_minor, commission_bps=found.commission_bps, car_fee_minor=found.car_fee_minor)
