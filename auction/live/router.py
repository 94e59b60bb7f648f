"""HTTP of the live channel."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, WebSocket
from starlette.concurrency import run_in_threadpool

from auction.live.service import LogReader
from auction.live.sockets import Conversation
from auction.live.wires import EventStream
from auction.lots.domain import LotUnknown
from marketplace.core.db import get_database
from marketplace.core.idempotency import PathRouter
from marketplace.core.problem import refusals
from marketplace.core.security import SocketGate, Viewer, socket_auth

router = PathRouter(prefix="/auction/v1", tags=["live"], generate_unique_id_function=lambda route: route.name)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EXAMPLE = 'id: 17\nevent: bid\ndata: {"seq":17,"hash":"5f2c…","entry":{"kind":"bid","price_minor":8800000}}\n\n'


@router.get(
    "/lots/{lot_id}/stream",
    summary="标的实时流 A lot's events as they happen",
    response_class=EventStream,
    status_code=200,
    responses={200: {"content": {"text/event-stream": {"example": _EXAMPLE}}}, **refusals(LotUnknown)},
)
async def stream_lot(
    lot_id: UUID,
    request: Request,
    viewer: Viewer,
    after_seq: Annotated[int, Query(ge=0, description="Entries behind this one.")] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20, description="Sent by a browser that connects again.")] = None,
) -> EventStream:
    """Every log entry in order (`id` is its seq) after it is committed; reconnecting with the last id loses nothing.

    A heartbeat carries the head's seq and the server's time. A reader that is too slow is cut off and comes again.
    """
    database = get_database(request)
    await run_in_threadpool(LogReader(database, lot_id).require_visible, viewer)
    after = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else after_seq
    return EventStream(database=database, bus=request.app.state.live, lot_id=lot_id, after_seq=after, headers=HEADERS)


@router.websocket("/live")
async def live(socket: WebSocket, gate: Annotated[SocketGate, Depends(socket_auth())]) -> None:
    """Follow many lots and bid on one connection; messages are those of ``auction/live/schemas.py``, told in docs/live.md."""
    await Conversation(socket, gate, socket.app.state.sockets).run()
