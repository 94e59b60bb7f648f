"""HTTP of sourcing."""

from marketplace.sourcing.router.consignments import router as consignments_router
from marketplace.sourcing.router.custody import router as custody_router
from marketplace.sourcing.router.stock import router as stock_router
from marketplace.sourcing.router.store import router as store_router

ROUTERS = [consignments_router, custody_router, stock_router, store_router]
