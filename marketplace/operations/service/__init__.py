"""Use cases of the market's operators."""
