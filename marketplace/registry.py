"""The one registry of models: every process that touches the database loads all of them.

A foreign key to a table whose module was not imported fails at flush; so ``load_models`` imports every ``models`` module.
"""

import importlib
import pkgutil
from types import ModuleType

import sqlalchemy as sa

from marketplace.core.db import metadata

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
