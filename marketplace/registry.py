"""What every process must load, whichever service it is: all models, and what all services put on their application.

A foreign key to a table whose module was not imported fails at flush; so ``load_models`` imports every ``models`` module. A service in a
process of its own still needs the doors of accounts and the gateways of payments; so ``create_alone`` configures it as the whole market is.
Modules are found by name, not imported: this one stands below all of them.
"""

import importlib
import pkgutil
from types import ModuleType

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI

from marketplace.core.db import metadata
from marketplace.core.service import create_service
from marketplace.core.settings import Settings, get_settings
from marketplace.core.telemetry import configure_logging

PACKAGES = ("marketplace", "auction", "valuation", "search")
KERNEL_TABLES = (
    "marketplace.core.audit",
    "marketplace.core.clock",
    "marketplace.core.idempotency",
    "marketplace.core.inbox",
    "marketplace.core.outbox",
)


def load_models() -> sa.MetaData:
    """Import every ``models`` module of every feature; returns the metadata with all tables."""
    for name in KERNEL_TABLES:
        importlib.import_module(name)
    for package_name in PACKAGES:
        package: ModuleType = importlib.import_module(package_name)
        for found in pkgutil.walk_packages(package.__path__, f"{package_name}."):
            if found.name.endswith(".models"):
                importlib.import_module(found.name)
    return metadata


def front_routers(settings: Settings) -> list[APIRouter]:
    """What people's browsers ask for, served by the marketplace service: the pages, and in a demo market its clock."""
    names = ["marketplace.pages.router", *(["marketplace.demo.router"] if settings.demo else [])]
    return [importlib.import_module(name).router for name in names]


def create_alone(package: str) -> FastAPI:
    """``<package>.main:app``: one service in a process of its own, with its own routers and background parts only."""
    load_models()
    settings = get_settings()
    configure_logging(level=settings.log_level)
    services = {name: importlib.import_module(f"{name}.main") for name in PACKAGES}
    own = services[package]
    return create_service(
        title=f"Henan Road: {package}",
        routers=[*own.ROUTERS, *(front_routers(settings) if package == "marketplace" else [])],
        lifespans=own.LIFESPANS,
        configure=[part for service in services.values() for part in service.CONFIGURE],
    )
