"""The door of valuation for auction, listings and search."""

from valuation.appraisal.api import AppraisalView, Grade, find_latest_appraisal
from valuation.pricing.api import CarFacts, Confidence, EstimateView, FactsIncomplete, OutsideModel, PricePurpose, estimate, facts_of

__all__ = [
    "AppraisalView",
    "CarFacts",
    "Confidence",
    "EstimateView",
    "FactsIncomplete",
    "Grade",
    "OutsideModel",
    "PricePurpose",
    "estimate",
    "facts_of",
    "find_latest_appraisal",
]
