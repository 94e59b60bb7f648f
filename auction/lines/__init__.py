"""One deposit for many lots: a dealer's line, and a portfolio that wins at most some of them."""
