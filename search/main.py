"""The search service: documents, query understanding, two engines."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from marketplace.core.service import Lifespan
from marketplace.registry import create_alone

ROUTERS: list[APIRouter] = []
LIFESPANS: list[Lifespan] = []
CONFIGURE: list[Callable[[FastAPI], None]] = []


def __getattr__(name: str) -> Any:
    """``search.main:app``, built when a server asks for it."""
    if name == "app":
        return create_alone("search")
    raise AttributeError(name)
