"""What the market's operators and auditors look at: the audit trail and the outbox' dead letters."""
