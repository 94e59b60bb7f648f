"""The fee table of the day."""

from datetime import date
from pathlib import Path

from auction.sessions.models import AuctionSession
from auction.settlement.domain import FeeBands
from marketplace.core.rules import RuleTable, load

_TABLES = Path(__file__).parent.parent / "tables"


def fee_table(on: date) -> RuleTable:
    return load(_TABLES / "fees.toml", on=on)


def most_buyer_bps(row: AuctionSession, *, on: date) -> int:
    """The highest rate a buyer can be asked for in a session: what a bid on a line reserves beside its maximum."""
    if row.buyer_fee_bps is not None:
        return row.buyer_fee_bps
    bands = FeeBands.from_values(fee_table(on).values, row.legal_mode.value, row.mode.value)
    return min(max(bands.buyer_bps), bands.cap_bps)
