"""Moves the market's clock, so that a seven-day notice can be seen to work in seconds. Included only in a demo market."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from marketplace.core import audit, clock
from marketplace.core.db import WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.ids import new_id
from marketplace.core.security import Principal, require

router = Router(prefix="/marketplace/v1/demo", tags=["demo"])


class ClockStep(BaseModel):
    """How far the market's clock moves forward."""

    model_config = ConfigDict(extra="forbid")
    advance_s: int = Field(ge=0, le=400 * 86_400, examples=[604_800])


class ClockBody(BaseModel):
    """Market time after the step."""

    now: datetime


@router.post("/clock", summary="拨快演示时钟 Advance the demo clock", include_in_schema=False)
def advance_clock(
    body: ClockStep,
    session: WriteSession,
    principal: Annotated[Principal, Depends(require("market.manage"))],
    _key: Idempotency,
) -> ClockBody:
    offset = clock.get_offset(session) + timedelta(seconds=body.advance_s)
    clock.set_offset(session, offset=offset)
    audit.record(
        session,
        principal=principal,
        act="demo.advance_clock",
        object_kind="clock",
        object_id=new_id(),
        facts={"advance_s": body.advance_s, "offset_s": int(offset.total_seconds())},
    )
    return ClockBody(now=clock.now(session))
