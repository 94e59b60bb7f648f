"""The valuation service: appraisal by the national standard, pricing, partners."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from marketplace.core.service import Lifespan, create_service

ROUTERS: list[APIRouter] = []
LIFESPANS: list[Lifespan] = []
CONFIGURE: list[Callable[[FastAPI], None]] = []


def __getattr__(name: str) -> Any:
    """``valuation.main:app``, built when a server asks for it."""
    if name == "app":
        return create_service(title="Henan Road: valuation", routers=ROUTERS, lifespans=LIFESPANS, configure=CONFIGURE)
    raise AttributeError(name)
