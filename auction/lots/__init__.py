"""Lots: one car in one session, its terms and its state."""
