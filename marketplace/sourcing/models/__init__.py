"""Tables of sourcing."""

from marketplace.sourcing.models.consignments import Consignment, ConsignmentConsent, ConsignmentPriceStep, ConsignmentSignature
from marketplace.sourcing.models.custody import ConsignmentCharge, Custody, CustodyBay, CustodyMovement, CustodyPiece
from marketplace.sourcing.models.stock import StockCar, StockImport, StockImportRow
from marketplace.sourcing.models.store import Reconditioning

__all__ = [
    "Consignment",
    "ConsignmentCharge",
    "ConsignmentConsent",
    "ConsignmentPriceStep",
    "ConsignmentSignature",
    "Custody",
    "CustodyBay",
    "CustodyMovement",
    "CustodyPiece",
    "Reconditioning",
    "StockCar",
    "StockImport",
    "StockImportRow",
]
