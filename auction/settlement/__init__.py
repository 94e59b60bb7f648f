"""Deposits before a lot, fees, confirmation and default after it."""
