"""Orders: contract, payment, handover and acceptance of one car."""
