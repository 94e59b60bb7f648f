"""Sourcing: how a car comes to market — consignment, dealer stock and its imports."""
