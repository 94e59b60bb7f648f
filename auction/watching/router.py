"""HTTP of the watch list and of one's own bids."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from auction.lots.domain import LotUnknown
from auction.lots.router import answer as lot_answer
from auction.watching.domain import REASONS, NotWatched, Show, WatchListFull
from auction.watching.schemas import DepositAnswer, OwnBidAnswer, WatchBody, WatchedAnswer
from auction.watching.service import own_bids, watches
from auction.watching.service.own_bids import OwnBid
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require

router = Router(prefix="/auction/v1", tags=["watch list and own bids"])
Keeper = Annotated[Principal, Depends(require("watchlist.keep"))]


@router.post("/watchlist", status_code=201, summary="关注标的 Watch a lot", responses=refusals(LotUnknown, WatchListFull))
def watch(body: WatchBody, principal: Keeper, _key: Idempotency, session: WriteSession) -> WatchedAnswer:
    """Its watchers are told when it ends soon and how it ended. Twice is once."""
    lot, row = watches.watch(session, principal=principal, lot_id=body.lot_id)
    at = clock.now(session)
    return WatchedAnswer(watched_since=at, lot=lot_answer(lot, row, at))


@router.get("/watchlist", summary="我的关注 My watch list")
def list_watched(principal: Keeper, session: ReadSession, page: Paging) -> Page[WatchedAnswer]:
    """The soonest end first."""
    at = clock.now(session)
    rows = watches.list_watched(session, principal=principal, page=page)
    return page.page(
        rows,
        lambda one: [one[1].ends_at, one[1].id],
        lambda one: WatchedAnswer(watched_since=one[0].created_at, lot=lot_answer(one[1], one[2], at)),
    )


@router.delete("/watchlist/{lot_id}", status_code=204, summary="取消关注 Watch a lot no more", responses=refusals(NotWatched))
def unwatch(lot_id: UUID, principal: Keeper, _key: Idempotency, session: WriteSession) -> None:
    watches.unwatch(session, principal=principal, lot_id=lot_id)


@router.get("/my/bids", summary="我的竞买 My bids, what I won and what is to be paid")
def list_own_bids(
    principal: SignedIn,
    session: ReadSession,
    page: Paging,
    show: Annotated[Show, Query(description="`won` by hammer or contract; `to_pay` of those: not paid in full.")] = Show.ALL,
) -> Page[OwnBidAnswer]:
    """Every lot the caller's party registered for, the newest first. A page of ``to_pay`` may be short: what is paid is left out of it."""
    rows = own_bids.list_own(session, principal=principal, show=show, page=page)
    found = page.page(rows, lambda one: [one.registration.id], _own)
    if show is Show.TO_PAY:
        found.items = [one for one in found.items if one.to_pay_minor > 0]
    return found


def _own(one: OwnBid) -> OwnBidAnswer:
    zh, en = REASONS[one.deposit.reason]
    mine = one.result is not None and one.result.winner_id == one.registration.party_id
    return OwnBidAnswer(
        lot_id=one.lot.id,
        session_id=one.row.id,
        session_title=one.row.title,
        number=one.lot.number,
        title=one.lot.title,
        lot_state=one.lot.state,
        pseudonym=one.registration.pseudonym,
        maximum_minor=one.last.maximum_minor if one.last else None,
        bid_seq=one.last.seq if one.last else None,
        standing=one.standing,
        price_minor=one.lot.price_minor,
        ends_at=one.lot.ends_at,
        result=one.result.kind if one.result else None,
        order_id=one.order.id if one.order else None,
        order_state=one.order.state.value if one.order else None,
        buyer_fee_minor=one.order.buyer_fee_minor if one.order else one.result.buyer_fee_minor if one.result and mine else None,
        to_pay_minor=one.to_pay_minor,
        pay_by=one.order.pay_by if one.order else one.result.pay_by if one.result and mine else None,
        deposit=DepositAnswer(
            amount_minor=one.deposit.amount_minor,
            hold_id=one.registration.hold_id,
            state=one.deposit.state,
            reason=one.deposit.reason,
            zh=zh,
            en=en,
            lapses_at=one.deposit.lapses_at,
        ),
    )
