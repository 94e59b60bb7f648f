"""The auction service: sessions, lots, bids, closing, settlement."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from auction.bidding import router as bidding
from auction.bidding.sequencer import Sequencer
from marketplace.core.service import Lifespan, create_service


def install_sequencer(app: FastAPI) -> None:
    """The process's one sequencer, on ``app.state.sequencer``."""
    settings = app.state.settings
    app.state.sequencer = Sequencer(
        app.state.database,
        batch_limit=settings.auction_batch_limit,
        queue_limit=settings.auction_queue_limit,
        writers=settings.auction_writers,
    )


@asynccontextmanager
async def finish_bids(app: FastAPI) -> AsyncIterator[None]:
    """At the end, decide and answer every bid that was taken."""
    yield
    await app.state.sequencer.stop()


ROUTERS: list[APIRouter] = [bidding.router]
LIFESPANS: list[Lifespan] = [finish_bids]
CONFIGURE: list[Callable[[FastAPI], None]] = [install_sequencer]


def __getattr__(name: str) -> Any:
    """``auction.main:app``, built when a server asks for it."""
    if name == "app":
        return create_service(title="Henan Road: auction", routers=ROUTERS, lifespans=LIFESPANS, configure=CONFIGURE)
    raise AttributeError(name)
