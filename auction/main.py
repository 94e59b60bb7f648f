"""The auction service: sessions, lots, bids, closing, settlement."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI

from marketplace.core.service import Lifespan, create_service

ROUTERS: list[APIRouter] = []
LIFESPANS: list[Lifespan] = []
CONFIGURE: list[Callable[[FastAPI], None]] = []


def __getattr__(name: str) -> Any:
    """``auction.main:app``, built when a server asks for it."""
    if name == "app":
        return create_service(title="Henan Road: auction", routers=ROUTERS, lifespans=LIFESPANS, configure=CONFIGURE)
    raise AttributeError(name)
