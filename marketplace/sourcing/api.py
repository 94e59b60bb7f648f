"""What other features may ask of sourcing."""

from marketplace.sourcing.domain import ConsignmentKind, ConsignmentState, ImportMode, ImportState, RowOutcome, StockState
from marketplace.sourcing.service.personal_data import PERSONAL_DATA
from marketplace.sourcing.service.personal_purchases import PURCHASES_DATA
from marketplace.sourcing.service.records import ConsignmentView
from marketplace.sourcing.service.reverse_invoices import issue as issue_reverse_invoice
from marketplace.sourcing.service.reverse_invoices import may_issue as may_invoice_in_reverse

__all__ = [
    "PERSONAL_DATA",
    "PURCHASES_DATA",
    "ConsignmentKind",
    "ConsignmentState",
    "ConsignmentView",
    "ImportMode",
    "ImportState",
    "RowOutcome",
    "StockState",
    "issue_reverse_invoice",
    "may_invoice_in_reverse",
]
