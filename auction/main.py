"""The auction service: sessions, lots, bids, closing, settlement."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from auction.arbitration import router as arbitration
from auction.bidding import front
from auction.bidding import router as bidding
from auction.bidding.sequencer import Sequencer
from auction.closing import router as suspensions
from auction.closing.tasks import Closer
from auction.lanes import router as lanes
from auction.live import router as live
from auction.live.bus import Bus
from auction.live.service import Heart
from auction.live.sockets import SocketHall
from auction.lots import router as lots
from auction.negotiation import router as negotiation
from auction.papers import router as papers
from auction.portfolios import router as portfolios
from auction.proving import router as proving
from auction.reauction import router as reauction
from auction.records import router as records
from auction.sessions import router as sessions
from auction.settlement import router as settlement
from auction.watching import router as watching
from marketplace.core.service import Lifespan
from marketplace.registry import create_alone


def install_sequencer(app: FastAPI) -> None:
    """The process's one sequencer and one live bus, on ``app.state.sequencer`` and ``app.state.live``."""
    settings = app.state.settings
    app.state.live = Bus(url=settings.live_url, reader_limit=settings.auction_reader_limit)
    app.state.sequencer = Sequencer(
        app.state.database,
        batch_limit=settings.auction_batch_limit,
        queue_limit=settings.auction_queue_limit,
        writers=settings.auction_writers,
        publish=app.state.live.publish,
    )
    app.state.sockets = SocketHall(settings, app.state.database, app.state.live, app.state.sequencer, bidding.MAY_BID)


def install_front(app: FastAPI) -> None:
    """Plain bids are taken before the framework looks for their route."""
    route = next(route for route in bidding.router.routes if getattr(route, "name", None) == bidding.place_bid.__name__)
    front.install(app, route=route, authorization=bidding.MAY_BID)


@asynccontextmanager
async def finish_bids(app: FastAPI) -> AsyncIterator[None]:
    """At the end, decide and answer every bid that was taken."""
    yield
    await app.state.sequencer.stop()


@asynccontextmanager
async def run_live(app: FastAPI) -> AsyncIterator[None]:
    """The live channel between processes, and its heartbeat."""
    heart = Heart(app.state.database, app.state.live, every_s=app.state.settings.auction_heartbeat_s)
    async with app.state.live.running(), heart.running():
        yield


@asynccontextmanager
async def run_closer(app: FastAPI) -> AsyncIterator[None]:
    """Lots open and close by the clock."""
    closer = Closer(app.state.database, publish=app.state.live.publish, batch_limit=app.state.settings.auction_close_batch)
    closer.start()
    try:
        yield
    finally:
        closer.stop()


@asynccontextmanager
async def calm_collector(_app: FastAPI) -> AsyncIterator[None]:
    """Keep what start-up made out of garbage collection, and collect more rarely.

    Hundreds of bids wait for one commit; each holds dozens of objects that are alive, and the default thresholds walk them again and
    again: half of the processor time of a bid under load.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


ROUTERS: list[APIRouter] = [
    bidding.router,
    sessions.router,
    lots.router,
    lanes.router,
    lanes.floor,
    suspensions.router,
    settlement.router,
    negotiation.router,
    portfolios.router,
    reauction.router,
    arbitration.router,
    live.router,
    proving.router,
    watching.router,
    papers.router,
    records.router,
]
LIFESPANS: list[Lifespan] = [calm_collector, run_live, finish_bids, run_closer]
CONFIGURE: list[Callable[[FastAPI], None]] = [install_sequencer, install_front]


def __getattr__(name: str) -> Any:
    """``auction.main:app``, built when a server asks for it."""
    if name == "app":
        return create_alone("auction")
    raise AttributeError(name)
