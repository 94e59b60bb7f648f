"""The public events that webhooks tell, and which of their fields."""

from collections.abc import Mapping

KINDS: Mapping[str, tuple[str, ...]] = {
    "auction.session_announced": ("session_id", "opens_at"),
    "auction.session_closed": ("session_id",),
    "auction.session_suspended": ("session_id",),
    "auction.session_resumed": ("session_id",),
    "auction.lot_announced": ("lot_id", "session_id", "opens_at", "ends_at"),
    "auction.lot_opened": ("lot_id", "session_id", "ends_at"),
    "auction.lot_moved": ("lot_id", "session_id", "to_seq", "ends_at"),
    "auction.lot_suspended": ("lot_id", "session_id"),
    "auction.lot_resumed": ("lot_id", "session_id", "ends_at"),
    "auction.lot_withdrawn": ("lot_id", "session_id"),
    "auction.lot_closed": ("lot_id", "session_id", "result"),
    "auction.lot_relisted": ("lot_id", "from_lot_id", "session_id"),
}
"""What everybody may know anyway: ids, instants, the kind of a result. Names are the contract with other features."""


def subjects(payload: Mapping[str, object]) -> list[str]:
    """The ids an event is about, the closest first."""
    return [str(payload[name]) for name in ("lot_id", "session_id") if payload.get(name) is not None]
