"""What other features may ask of pricing."""

from dataclasses import dataclass
from datetime import date

from marketplace.core.db import Session
from valuation.pricing.domain import CarFacts, Confidence, OutsideModel, PricePurpose

__all__ = ["CarFacts", "Confidence", "EstimateView", "OutsideModel", "PricePurpose", "estimate"]


@dataclass(frozen=True, slots=True)
class EstimateView:
    """A price with its interval, fen. ``coverage_bps`` is the share of such cars the interval held on unseen data, None if unmeasured."""

    purpose: PricePurpose
    price_minor: int
    low_minor: int
    high_minor: int
    coverage_bps: int | None
    confidence: Confidence
    level: str
    model_version: str
    as_of: date
    factors: tuple[tuple[str, int], ...]


def estimate(session: Session, *, facts: CarFacts, purpose: PricePurpose = PricePurpose.RETAIL_ASK) -> EstimateView:
    """The model's price today for a car of these facts; nothing is stored. Raises ``OutsideModel`` with the reason."""
    from valuation.pricing import service

    return service.compute_estimate(session, facts=facts, purpose=purpose)
