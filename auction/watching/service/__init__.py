"""The use cases: what a party follows, where it stands, what it is told."""
