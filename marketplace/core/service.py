"""The ASGI application every service is built with: settings, database, problem answers, telemetry, one lifespan.

Routers are included, never mounted: a second ``mount("/")`` answers 404 and a mounted application's lifespan never runs.
"""

import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import lru_cache
from typing import TypeAlias

import anyio.to_thread
from fastapi import APIRouter, FastAPI

from marketplace.core import clock, problem, telemetry
from marketplace.core.db import Database
from marketplace.core.files import FileStore
from marketplace.core.limits import Limiter
from marketplace.core.security import Gate
from marketplace.core.settings import Settings, get_settings

Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Starts and stops one background part; entered in order, left in reverse."""


def create_service(
    *,
    title: str,
    routers: Sequence[APIRouter],
    lifespans: Sequence[Lifespan] = (),
    configure: Sequence[Callable[[FastAPI], None]] = (),
    settings: Settings | None = None,
    database: Database | None = None,
) -> FastAPI:
    """An application with ``app.state.settings`` and ``app.state.database``. ``configure`` puts more on ``app.state``."""
    settings = settings or get_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.worker_threads
        if settings.has_real_gateway:
            with app.state.database.reading() as session:
                clock.refuse_offset(session, settings)
        async with AsyncExitStack() as stack:
            for part in lifespans:
                await stack.enter_async_context(part(app))
            _freeze_what_is_loaded()
            yield
        app.state.database.dispose()

    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        description="全部金额以分为单位(`…_minor`),时间为 UTC;法定日按北京时间。 Amounts are fen, instants UTC, legal days Asia/Shanghai.",
    )
    app.state.settings = settings
    app.state.database = database or Database.from_settings(settings)
    app.state.gate = Gate(settings)
    app.state.limiter = Limiter(settings)
    app.state.files = FileStore.from_settings(settings)
    problem.install(app)
    telemetry.install(app, settings)
    for part in configure:
        part(app)
    for router in routers:
        app.include_router(router, max_body_size=settings.body_limit_bytes)  # a route's own limit comes first
    return app


@lru_cache(maxsize=1)
def _freeze_what_is_loaded() -> None:
    """Models, routes and schemas live as long as the process: the garbage collector need not walk them again and again."""
    gc.collect()
    gc.freeze()
