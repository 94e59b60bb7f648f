"""What the market's operators and auditors look at: the queue of cases, the audit trail and the outbox' dead letters."""
