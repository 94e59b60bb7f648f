"""The search service: documents, query understanding, two engines."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool

from marketplace.core.service import Lifespan
from marketplace.core.telemetry import add_readiness
from marketplace.registry import create_alone
from search.engines import SearchUnavailable, current_engine
from search.query.router import router as query_router
from search.query.service import warm_up

logger = logging.getLogger(__name__)


@asynccontextmanager
async def prepare_index(app: FastAPI) -> AsyncIterator[None]:
    """Make the index when there is none. An engine that does not answer yet holds nothing up: it is asked again at the first search."""
    try:
        await run_in_threadpool(current_engine().prepare)
    except SearchUnavailable:
        logger.warning("the search engine does not answer yet")
    await run_in_threadpool(warm_up)
    add_readiness(app, "search", current_engine().check)
    yield


ROUTERS: list[APIRouter] = [query_router]
LIFESPANS: list[Lifespan] = [prepare_index]
CONFIGURE: list[Callable[[FastAPI], None]] = []


def __getattr__(name: str) -> Any:
    """``search.main:app``, built when a server asks for it."""
    if name == "app":
        return create_alone("search")
    raise AttributeError(name)
