"""Arbitration: the buyer of an auctioned car claims a defect; the market decides on evidence."""
