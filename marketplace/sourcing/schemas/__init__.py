"""Bodies of the sourcing routes. Amounts in fen."""
