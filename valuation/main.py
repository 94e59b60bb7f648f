"""The valuation service: appraisal by the national standard, pricing, partners."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from marketplace.core.service import Lifespan
from marketplace.registry import create_alone

ROUTERS: list[APIRouter] = []
LIFESPANS: list[Lifespan] = []
CONFIGURE: list[Callable[[FastAPI], None]] = []


def __getattr__(name: str) -> Any:
    """``valuation.main:app``, built when a server asks for it."""
    if name == "app":
        return create_alone("valuation")
    raise AttributeError(name)
