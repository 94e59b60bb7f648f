"""The marketplace service: accounts, vehicles, listings, orders and what stands around them."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from marketplace.accounts.doors import configure as configure_accounts
from marketplace.accounts.router import ROUTERS as ACCOUNTS_ROUTERS
from marketplace.aftercare.router import office_router
from marketplace.aftercare.router import router as transfers_router
from marketplace.core.service import Lifespan
from marketplace.feeds.router import router as feeds_router
from marketplace.listings.router import ROUTERS as LISTINGS_ROUTERS
from marketplace.notifications.router import notice_router
from marketplace.notifications.router import router as notifications_router
from marketplace.operations.router import ROUTERS as OPERATIONS_ROUTERS
from marketplace.orders.router import router as orders_router
from marketplace.parallel_import.router import ROUTERS as IMPORTS_ROUTERS
from marketplace.payments.router import bank_router
from marketplace.payments.router import router as payments_router
from marketplace.registry import create_alone
from marketplace.sourcing.router import ROUTERS as SOURCING_ROUTERS
from marketplace.vehicles.router import router as vehicles_router

ROUTERS: list[APIRouter] = [
    *ACCOUNTS_ROUTERS,
    *OPERATIONS_ROUTERS,
    vehicles_router,
    *LISTINGS_ROUTERS,
    notifications_router,
    notice_router,
    payments_router,
    bank_router,
    orders_router,
    transfers_router,
    office_router,
    *SOURCING_ROUTERS,
    *IMPORTS_ROUTERS,
    feeds_router,
]
LIFESPANS: list[Lifespan] = []
CONFIGURE: list[Callable[[FastAPI], None]] = [configure_accounts]


def __getattr__(name: str) -> Any:
    """``marketplace.main:app``, built when a server asks for it."""
    if name == "app":
        return create_alone("marketplace")
    raise AttributeError(name)
