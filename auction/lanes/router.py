"""HTTP of the live lane: console, run list, paddles, bids from the floor."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from auction.bidding.domain import (
    BelowReserve,
    BidCommand,
    BidderIsConsignor,
    BidderIsHouse,
    BidderSuspended,
    BidTooLow,
    BidUnusual,
    DepositNotHeld,
    HighBidStands,
    LotClosed,
    LotSuspended,
    MaximumNotRaised,
    NoBidToHammer,
    NotRegistered,
    NotUp,
    NotWarned,
)
from auction.bidding.schemas import Receipt
from auction.bidding.sequencer import BidQueueFull, CommitUnknown, Sequencer
from auction.closing.router import Told, standing
from auction.closing.schemas import StandingAnswer
from auction.lanes import service
from auction.lanes.domain import (
    LaneBusy,
    LaneNotOpenYet,
    LaneUnknown,
    LotStaysShut,
    NotALane,
    NotTheAuctioneer,
    PaddleUnknown,
    RunListEmpty,
)
from auction.lanes.schemas import FloorBidBody, LaneAnswer, PaddleAnswer, RunEntry, RunListAnswer
from auction.lots.domain import LotPhase, LotUnknown
from auction.lots.models import Lot
from auction.sessions.domain import SessionOver, SessionSuspended, SessionUnknown
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession, get_database
from marketplace.core.idempotency import KEY_MAX, Idempotency, IdempotencyKeyReused, PathRouter, Router
from marketplace.core.problem import MEDIA_TYPE, refusals
from marketplace.core.security import Principal, Viewer, require

router = Router(prefix="/auction/v1", tags=["live lane"])
# A plain router: a floor bid keeps its key in the log, as every bid does.
floor = PathRouter(prefix="/auction/v1", tags=["live lane"], generate_unique_id_function=lambda route: route.name)

MAY_CONDUCT = require("lots.conduct")
Conductor = Annotated[Principal, Depends(MAY_CONDUCT)]
_CONSOLE = (LotUnknown, NotALane, NotTheAuctioneer, SessionSuspended, SessionOver, LaneNotOpenYet)


def _up(lot: Lot | None) -> StandingAnswer | None:
    return None if lot is None else standing(lot)


@router.get("/sessions/{session_id}/lanes", summary="拍卖道与待拍清单 Lanes and run list", responses=refusals(SessionUnknown, NotALane))
def list_lanes(session_id: UUID, session: ReadSession, viewer: Viewer) -> RunListAnswer:
    """What is up in each lane and what comes, in order of numbers."""
    row, found = service.list_run(session, viewer=viewer, session_id=session_id)
    lanes = []
    for lane in range(1, row.lanes + 1):
        here = [lot for lot in found if lot.lane == lane]
        ahead = [
            RunEntry(lot_id=lot.id, number=lot.number, title=lot.title, start_minor=lot.start_minor)
            for lot in here
            if lot.state is LotPhase.ANNOUNCED
        ]
        lanes.append(LaneAnswer(lane=lane, up=_up(next((lot for lot in here if lot.state is not LotPhase.ANNOUNCED), None)), ahead=ahead))
    return RunListAnswer(session_id=session_id, lanes=lanes, server_time=clock.now(session))


@router.post(
    "/sessions/{session_id}/lanes/{lane}/next",
    status_code=201,
    summary="拍下一件 Open the next lot",
    responses=refusals(
        SessionUnknown, LaneUnknown, LaneBusy, RunListEmpty, NotALane, NotTheAuctioneer, SessionSuspended, SessionOver, LaneNotOpenYet
    ),
)
def open_next(
    told: Told,
    session_id: UUID,
    lane: Annotated[int, Path(ge=1, le=1_000)],
    principal: Conductor,
    _key: Idempotency,
    session: WriteSession,
) -> StandingAnswer:
    """The lane's next lot goes up; it ends after its time without a bid, or under the hammer."""
    done = service.open_next(session, principal=principal, session_id=session_id, lane=lane)
    told += done.entries
    return standing(done.lot)


@router.post(
    "/lots/{lot_id}/opening", status_code=201, summary="开拍 Open a lot out of turn", responses=refusals(*_CONSOLE, LotStaysShut, LaneBusy)
)
def open_lot(told: Told, lot_id: UUID, principal: Conductor, _key: Idempotency, session: WriteSession) -> StandingAnswer:
    """A lot is opened once: what was hammered or passed is not reopened."""
    done = service.open_lot(session, principal=principal, lot_id=lot_id)
    told += done.entries
    return standing(done.lot)


@router.post(
    "/lots/{lot_id}/warning", status_code=201, summary="落槌示警 Fair warning", responses=refusals(*_CONSOLE, NotUp, NoBidToHammer)
)
def warn_bidders(told: Told, lot_id: UUID, principal: Conductor, _key: Idempotency, session: WriteSession) -> StandingAnswer:
    """Going once, going twice: it lapses with the next bid."""
    done = service.warn_bidders(session, principal=principal, lot_id=lot_id)
    told += done.entries
    return standing(done.lot)


@router.post(
    "/lots/{lot_id}/hammer",
    status_code=201,
    summary="落槌 Hammer",
    responses=refusals(*_CONSOLE, NotUp, NoBidToHammer, BelowReserve, NotWarned),
)
def strike(told: Told, lot_id: UUID, principal: Conductor, _key: Idempotency, session: WriteSession) -> StandingAnswer:
    """Sold to the highest bid (拍卖法 51), once a fair warning has stood unanswered."""
    done = service.strike(session, principal=principal, lot_id=lot_id)
    told += done.entries
    return standing(done.lot)


@router.post("/lots/{lot_id}/pass", status_code=201, summary="流拍 Pass a lot", responses=refusals(*_CONSOLE, NotUp, HighBidStands))
def pass_by(told: Told, lot_id: UUID, principal: Conductor, _key: Idempotency, session: WriteSession) -> StandingAnswer:
    """Nobody bid, or nobody enough: the lot stops (拍卖法 50)."""
    done = service.pass_by(session, principal=principal, lot_id=lot_id)
    told += done.entries
    return standing(done.lot)


@router.post(
    "/sessions/{session_id}/paddles",
    status_code=201,
    summary="领取号牌 Take a paddle",
    responses=refusals(SessionUnknown, NotALane, SessionOver),
)
def take_paddle(
    session_id: UUID, principal: Annotated[Principal, Depends(require("deposits.place"))], _key: Idempotency, session: WriteSession
) -> PaddleAnswer:
    """Your number in the room; for each lot you also register, with its deposit."""
    found = service.take_paddle(session, principal=principal, session_id=session_id)
    return PaddleAnswer(session_id=found.session_id, number=found.number, given_at=found.given_at)


@floor.post(
    "/lots/{lot_id}/floor-bids",
    status_code=201,
    response_model=Receipt,
    summary="现场举牌出价 A bid from the floor",
    responses=refusals(
        *_CONSOLE, PaddleUnknown, NotUp, BidTooLow, BidUnusual, MaximumNotRaised, LotClosed, LotSuspended, NotRegistered, DepositNotHeld,
        BidderIsConsignor, BidderIsHouse, BidderSuspended, IdempotencyKeyReused, BidQueueFull, CommitUnknown,
    ),
)  # fmt: skip
async def place_floor_bid(
    lot_id: UUID,
    body: FloorBidBody,
    request: Request,
    principal: Conductor,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=KEY_MAX, description="Same key and body: the same answer, however often it is sent."),
    ] = None,
) -> Response:
    """For a registered paddle, never for the house; it stands at its amount, and standing maxima answer it."""

    def command() -> BidCommand:
        with get_database(request).reading() as session:
            return service.floor_bid(
                session, principal=principal, lot_id=lot_id, number=body.paddle, amount_minor=body.amount_minor,
                key=idempotency_key, confirmed=body.confirmed,
            )  # fmt: skip

    sequencer: Sequencer = request.app.state.sequencer
    answer = await sequencer.submit(await run_in_threadpool(command))
    return Response(answer.body, status_code=answer.status, media_type="application/json" if answer.status == 201 else MEDIA_TYPE)
