"""A small service that gets killed: it writes notes, and its subscriber copies each of them once.

    python -m tests.kills.victim serve PORT     HTTP and, without a broker, the relay in the same process
    celery -A tests.kills.victim worker …       the same subscriber on a worker

The handlers dawdle inside their transactions, so that a kill at a random moment often falls into one.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from uuid import uuid4

import uvicorn
from celery import Celery
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from marketplace.core import inbox, outbox
from marketplace.core.db import Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.outbox import Delivered, Relay
from marketplace.core.security import Principal, public
from marketplace.core.service import create_service
from marketplace.core.settings import get_settings
from marketplace.subscriptions import SUBSCRIBERS

DAWDLE_S = float(os.environ.get("KILLS_DAWDLE_S", "0.02"))
WRITER, RECEIVER = "kill-writer", "kill-receiver"


@dataclass(frozen=True, slots=True)
class NoteWritten(outbox.Event):
    """A note of the kill tests."""

    name: ClassVar[str] = "kills.note_written"
    number: int


@outbox.subscriber("kills.copy_note")
def copy_note(session: Session, event: Delivered) -> None:
    """One row a completed run: two rows of one number would mean that it was done twice."""
    number = event.payload["number"]
    inbox.accept(session, sender=RECEIVER, message_id=f"{number}:{uuid4()}", kind="copied", payload={"key_seq": event.key_seq})
    session.flush()
    time.sleep(DAWDLE_S)


SUBSCRIBERS[NoteWritten.name] = [copy_note]
router = Router(prefix="/kills")


class NoteBody(BaseModel):
    """The number makes the note unique."""

    number: int


@router.post("/notes", status_code=201)
def write_note(
    body: NoteBody,
    viewer: Annotated[Principal | None, Depends(public())],
    session: WriteSession,
    _key: Idempotency,
) -> dict[str, str]:
    """A row of its own for each run, and the event, in one transaction."""
    run = str(uuid4())
    inbox.accept(session, sender=WRITER, message_id=f"{body.number}:{run}", kind="written", payload={})
    outbox.append(session, NoteWritten(number=body.number), key=f"note:{body.number % 4}")
    session.flush()
    time.sleep(DAWDLE_S)
    return {"run": run}


def create_app() -> FastAPI:
    """The service; with no broker its relay runs inside."""
    settings = get_settings()

    @asynccontextmanager
    async def run_relay(app: FastAPI) -> AsyncIterator[None]:
        relay = Relay(app.state.database, subscribers={NoteWritten.name: [copy_note]}, settings=settings)
        if settings.is_embedded:
            relay.start()
        try:
            yield
        finally:
            relay.stop()

    return create_service(title="kills", routers=[router], lifespans=[run_relay], settings=settings)


def __getattr__(name: str) -> Any:
    """The Celery application, for a worker only."""
    if name in {"app", "celery"}:
        from marketplace import worker

        found: Celery = worker.app
        return found
    raise AttributeError(name)


if __name__ == "__main__":
    assert sys.argv[1] == "serve"
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
