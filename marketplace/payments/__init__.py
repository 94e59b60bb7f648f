"""Money: a double-entry ledger, deposits held, escrow, payouts, and the gateways that move it."""
