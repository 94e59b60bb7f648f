"""HTTP of sourcing."""

from marketplace.sourcing.router.consignments import router as consignments_router
from marketplace.sourcing.router.stock import router as stock_router

ROUTERS = [consignments_router, stock_router]
