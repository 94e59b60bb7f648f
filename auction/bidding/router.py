"""HTTP of bids. The one asynchronous write of the product: a bid waits for its batch's commit, not for a thread."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.responses import Response

from auction.bidding import service
from auction.bidding.domain import (
    Act,
    AlreadyLeading,
    BidCommand,
    BidderIsConsignor,
    BidderIsHouse,
    BidderSuspended,
    BidTooLow,
    BidUnusual,
    BuyNowGone,
    DepositNotHeld,
    LotClosed,
    LotNotOpen,
    LotSuspended,
    MaximumNotRaised,
    NoBuyNow,
    NotRegistered,
)
from auction.bidding.schemas import BidBody, LogEntryBody, Receipt
from auction.bidding.sequencer import BidQueueFull, CommitUnknown, Sequencer
from auction.lots.domain import LotUnknown
from marketplace.core.db import ReadSession
from marketplace.core.idempotency import KEY_MAX, IdempotencyKeyReused, PathRouter
from marketplace.core.problem import MEDIA_TYPE, refusals
from marketplace.core.security import Principal, Viewer, require

# A plain router: bids keep their keys in the log itself, in the transaction that decides them.
router = PathRouter(prefix="/auction/v1", tags=["bidding"], generate_unique_id_function=lambda route: route.name)


MAY_BID = require("bids.place")


@router.post(
    "/lots/{lot_id}/bids",
    status_code=201,
    response_model=Receipt,
    summary="出价 Place a bid",
    responses=refusals(
        BidTooLow, MaximumNotRaised, AlreadyLeading, LotNotOpen, LotClosed, LotSuspended, LotUnknown, NotRegistered, DepositNotHeld,
        BidderIsConsignor, BidderIsHouse, BidderSuspended, BidUnusual, BuyNowGone, NoBuyNow, IdempotencyKeyReused, BidQueueFull,
        CommitUnknown,
    ),
)  # fmt: skip
async def place_bid(
    lot_id: UUID,
    body: BidBody,
    request: Request,
    principal: Annotated[Principal, Depends(MAY_BID)],
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=KEY_MAX, description="Same key and body: the same answer, however often it is sent."),
    ] = None,
) -> Response:
    """The market bids for you up to your maximum. A bid is irrevocable and lapses exactly when it is outbid.

    A sealed bid may be changed until the end; at a falling price the first bid takes the lot.
    """
    sequencer: Sequencer = request.app.state.sequencer
    act = Act.BUY_NOW if body.buy_now else Act.BID
    command = BidCommand(lot_id, principal.id, principal.party_id, body.maximum_minor, idempotency_key, body.confirmed, act)
    answer = await sequencer.submit(command)
    return Response(answer.body, status_code=answer.status, media_type="application/json" if answer.status == 201 else MEDIA_TYPE)


@router.get("/lots/{lot_id}/log", summary="标的出价记录 A lot's log", responses=refusals(LotUnknown))
def list_log(
    lot_id: UUID,
    session: ReadSession,
    viewer: Viewer,
    after_seq: Annotated[int, Query(ge=0, description="Entries behind this one.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[LogEntryBody]:
    """Every accepted bid in order, under pseudonyms, hash-chained: each entry names the hash of the one before."""
    entries = service.list_visible_log(session, viewer=viewer, lot_id=lot_id, after_seq=after_seq, limit=limit)
    return [LogEntryBody(seq=entry.seq, hash=entry.hash, entry=entry.content()) for entry in entries]
