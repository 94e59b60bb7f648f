"""What other features may ask of sourcing."""

from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState, ImportMode, ImportState, RowOutcome, StockState
from marketplace.sourcing.service.personal_data import PERSONAL_DATA
from marketplace.sourcing.service.records import ConsignmentView

__all__ = [
    "PERSONAL_DATA",
    "ConsignmentKind",
    "ConsignmentState",
    "ConsignmentView",
    "ImportMode",
    "ImportState",
    "RowOutcome",
    "StockState",
]
