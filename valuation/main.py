"""The valuation service: appraisal by the national standard, pricing, partners."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from marketplace.core.service import Lifespan
from marketplace.registry import create_alone
from valuation.appraisal.router import ROUTERS as APPRAISAL_ROUTERS
from valuation.partners.router import router as partners_router

ROUTERS: list[APIRouter] = [*APPRAISAL_ROUTERS, partners_router]
LIFESPANS: list[Lifespan] = []
CONFIGURE: list[Callable[[FastAPI], None]] = []


def __getattr__(name: str) -> Any:
    """``valuation.main:app``, built when a server asks for it."""
    if name == "app":
        return create_alone("valuation")
    raise AttributeError(name)
