"""Collusion and shill bidding: looked for after a session, put before the operator with evidence. Nobody is punished by a formula."""
