"""Listings: the claim, one a vehicle, and the shop window in every channel."""
