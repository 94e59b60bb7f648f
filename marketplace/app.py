"""The whole market in one process: the embedded default, ``henanroad serve``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import auction.main
import marketplace.main
import search.main
import valuation.main
from marketplace.core.db import Database
from marketplace.core.outbox import Relay
from marketplace.core.service import create_service
from marketplace.core.settings import Settings, get_settings
from marketplace.registry import front_routers, load_models
from marketplace.subscriptions import SUBSCRIBERS, SWEEPS
from marketplace.worker import create_worker

SERVICES = (marketplace.main, auction.main, valuation.main, search.main)


@asynccontextmanager
async def run_relay(app: FastAPI) -> AsyncIterator[None]:
    """The outbox relay as a thread of this process; with a broker it only sends."""
    relay: Relay = app.state.relay
    relay.start()
    try:
        yield
    finally:
        relay.stop()


def create_app(settings: Settings | None = None, *, database: Database | None = None, background: bool = True) -> FastAPI:
    """All four services. ``background=False`` starts no relay, closer or sweeps: tests drive them by hand."""
    load_models()
    settings = settings or get_settings()
    lifespans = [lifespan for service in SERVICES for lifespan in service.LIFESPANS]
    routers = [router for service in SERVICES for router in service.ROUTERS]
    app = create_service(
        title=settings.market_name,
        routers=[*routers, *front_routers(settings)],
        lifespans=[*lifespans, run_relay] if background else [],
        configure=[part for service in SERVICES for part in service.CONFIGURE],
        settings=settings,
        database=database,
    )
    if not settings.is_embedded:
        create_worker(settings)
    app.state.relay = Relay(app.state.database, subscribers=SUBSCRIBERS, sweeps=SWEEPS, settings=settings)
    return app


def __getattr__(name: str) -> Any:
    """``marketplace.app:app`` is built when a server asks for it, not when a test imports this module."""
    if name == "app":
        return create_app()
    raise AttributeError(name)
