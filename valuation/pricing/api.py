"""What other features may ask of pricing."""

from valuation.pricing.domain import CarFacts, Confidence, Level, OutsideModel, PricePurpose
from valuation.pricing.service import EstimateView
from valuation.pricing.service import compute_estimate as estimate

__all__ = ["CarFacts", "Confidence", "EstimateView", "Level", "OutsideModel", "PricePurpose", "estimate"]
