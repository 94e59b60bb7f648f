"""Identifiers: UUIDv7, so that a primary key sorts by the moment it was made."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7. Within one process ids never go back, also inside one millisecond."""
    return uuid7()
