"""HTTP of sourcing."""

from marketplace.sourcing.router.consignments import router as consignments_router

ROUTERS = [consignments_router]
