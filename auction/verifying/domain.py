"""Words of proofs."""

from enum import StrEnum


class HeadReason(StrEnum):
    """When a head was signed."""

    OPENING = "opening"
    INTERVAL = "interval"
    CLOSE = "close"
