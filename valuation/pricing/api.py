"""What other features may ask of pricing."""

from valuation.pricing.domain import CarFacts, Confidence, FactsIncomplete, Level, OutsideModel, PricePurpose, RefusalReason
from valuation.pricing.service import EstimateView, facts_of, facts_of_vehicle, get_model_card
from valuation.pricing.service import compute_estimate as estimate

__all__ = [
    "CarFacts",
    "Confidence",
    "EstimateView",
    "FactsIncomplete",
    "Level",
    "OutsideModel",
    "PricePurpose",
    "RefusalReason",
    "estimate",
    "facts_of",
    "facts_of_vehicle",
    "get_model_card",
]
