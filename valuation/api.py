"""The door of valuation for auction, listings and search."""

from valuation.appraisal.api import AppraisalView, Grade, find_latest_appraisal
from valuation.pricing.api import CarFacts, Confidence, EstimateView, OutsideModel, PricePurpose, estimate

__all__ = [
    "AppraisalView",
    "CarFacts",
    "Confidence",
    "EstimateView",
    "Grade",
    "OutsideModel",
    "PricePurpose",
    "estimate",
    "find_latest_appraisal",
]
