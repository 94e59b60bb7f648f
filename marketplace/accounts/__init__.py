"""Who trades here: people, organizations, their staff, licences, sign-ins, keys and payout accounts."""
