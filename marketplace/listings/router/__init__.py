"""HTTP of listings."""

from marketplace.listings.router.interest import router as interest_router
from marketplace.listings.router.listings import router as listings_router
from marketplace.listings.router.viewings import router as viewings_router

ROUTERS = [listings_router, interest_router, viewings_router]
