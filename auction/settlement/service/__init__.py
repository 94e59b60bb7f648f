"""Use cases before a lot (registration, deposit) and after it (sale, confirmation, default)."""
