"""HTTP of sourcing."""

from marketplace.sourcing.router.acquisitions import router as acquisitions_router
from marketplace.sourcing.router.agreements import router as agreements_router
from marketplace.sourcing.router.consignments import router as consignments_router
from marketplace.sourcing.router.custody import router as custody_router
from marketplace.sourcing.router.imports import router as imports_router
from marketplace.sourcing.router.stock import router as stock_router
from marketplace.sourcing.router.store import router as store_router
from marketplace.sourcing.router.trade_ins import router as trade_ins_router

ROUTERS = [
    acquisitions_router,
    agreements_router,
    trade_ins_router,
    consignments_router,
    custody_router,
    imports_router,
    stock_router,
    store_router,
]
