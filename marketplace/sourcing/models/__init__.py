"""Tables of sourcing."""

from marketplace.sourcing.models.acquisitions import (
    Acquisition,
    AcquisitionAnswer,
    AcquisitionInspection,
    AcquisitionOffer,
    ReverseInvoice,
    StockAnnotation,
    TemporaryPlate,
)
from marketplace.sourcing.models.agreements import SupplyAgreement, SupplyBatch, SupplyCar, SupplySignature
from marketplace.sourcing.models.consignments import Consignment, ConsignmentConsent, ConsignmentPriceStep, ConsignmentSignature
from marketplace.sourcing.models.custody import ConsignmentCharge, Custody, CustodyBay, CustodyMovement, CustodyPiece
from marketplace.sourcing.models.stock import StockCar, StockImage, StockImport, StockImportRow, StockMapping
from marketplace.sourcing.models.store import Reconditioning
from marketplace.sourcing.models.trade_ins import TradeIn, TradeInProof

__all__ = [
    "Acquisition",
    "AcquisitionAnswer",
    "AcquisitionInspection",
    "AcquisitionOffer",
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
    "ReverseInvoice",
    "StockAnnotation",
    "StockCar",
    "StockImage",
    "StockImport",
    "StockImportRow",
    "StockMapping",
    "SupplyAgreement",
    "SupplyBatch",
    "SupplyCar",
    "SupplySignature",
    "TemporaryPlate",
    "TradeIn",
    "TradeInProof",
]
