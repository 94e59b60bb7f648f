"""A lot as it stood at any seq, from what its log publishes: nothing secret is needed, so nothing secret can be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PHASES = {"suspended": "suspended", "hammer": "ended", "pass": "ended", "revealed": "ended"}


@dataclass(frozen=True, slots=True)
class StateAt:
    """Fen; instants as the log writes them. ``price_minor`` None: no bid yet, or a format whose price is not told while it runs."""

    seq: int
    kind: str
    at: str
    phase: str
    price_minor: int | None
    leader: str | None
    next_minimum_minor: int | None
    reserve_met: bool | None
    ends_at: str
    extensions: int


def state_at(*, opened: Mapping[str, Any], last_bid: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> StateAt:
    """The lot behind ``entry``; ``last_bid`` is the last bid at or before it, ``opened`` the log's first entry."""
    shown: dict[str, Any] = {
        "price_minor": None,
        "leader": None,
        "next_minimum_minor": opened.get("start_minor"),
        "reserve_met": None,
        "ends_at": opened["ends_at"],
        "extensions": 0,
    }
    for source in (last_bid or {}, entry):
        shown |= {name: source[name] for name in shown if name in source}
    kind = str(entry["kind"])
    phase = str(entry.get("result")) if kind == "closed" else _PHASES.get(kind, "open")
    if kind == "closed":
        shown |= {"leader": entry.get("winner"), "next_minimum_minor": None, "ends_at": entry["ended_at"]}
    return StateAt(seq=entry["seq"], kind=kind, at=entry["at"], phase=phase, **shown)
