"""Tables of sourcing."""

from marketplace.sourcing.models.consignments import Consignment, ConsignmentConsent, ConsignmentSignature
from marketplace.sourcing.models.stock import StockCar, StockImport, StockImportRow

__all__ = ["Consignment", "ConsignmentConsent", "ConsignmentSignature", "StockCar", "StockImport", "StockImportRow"]
