"""The servers that ``benchmarks.bids`` loads, each a process of its own: ``python -m benchmarks.bid_server bare|market PORT``."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from pydantic import BaseModel, Field

from marketplace.core.security import Grant, Principal, SocketGate, public, require, socket_auth

ECHO = '{"type":"answer","id":null,"status":201,"body":{"maximum_minor":10000000000,"leading":true}}'


class EmptyBody(BaseModel):
    maximum_minor: int = Field(gt=0)


class EmptyAnswer(BaseModel):
    maximum_minor: int
    leading: bool


def bare_app() -> FastAPI:
    """Ten lines of FastAPI."""
    app = FastAPI()

    @app.post("/empty", status_code=201)
    async def empty(body: EmptyBody) -> EmptyAnswer:
        return EmptyAnswer(maximum_minor=body.maximum_minor, leading=True)

    app.get("/benchmark/cpu")(cpu)
    return app


async def cpu() -> dict[str, float]:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"cpu_s": time.process_time(), "resident_bytes": pages * os.sysconf("SC_PAGE_SIZE")}


def market_app() -> FastAPI:
    """The auction service, and an ordinary route beside it that does nothing."""
    from auction.main import CONFIGURE, LIFESPANS, ROUTERS
    from marketplace.accounts.domain import compute_capabilities
    from marketplace.core.service import create_service
    from marketplace.registry import load_models

    load_models()
    router = APIRouter()

    @router.post("/empty", status_code=201)
    async def empty(body: EmptyBody, principal: Annotated[Principal, Depends(require("bids.place"))]) -> EmptyAnswer:
        return EmptyAnswer(maximum_minor=body.maximum_minor, leading=True)

    @router.websocket("/echo")
    async def echo(socket: WebSocket, _gate: Annotated[SocketGate, Depends(socket_auth())]) -> None:
        await socket.accept()
        while (await socket.receive())["type"] != "websocket.disconnect":
            await socket.send({"type": "websocket.send", "text": ECHO})

    router.get("/benchmark/cpu", dependencies=[Depends(public())])(cpu)
    app = create_service(title="benchmark", routers=[*ROUTERS, router], lifespans=LIFESPANS, configure=CONFIGURE)

    def policy(kind: str | None, roles: Any, second_factor: bool) -> Grant:
        return Grant(*compute_capabilities(kind, roles, second_factor))

    app.state.gate.policy = policy
    return app


if __name__ == "__main__":
    uvicorn.run(
        bare_app() if sys.argv[1] == "bare" else market_app(),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        lifespan="on",
        backlog=2048,
    )
