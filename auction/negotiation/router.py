"""HTTP of negotiating: the consignor's offers, both sides' answers."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auction.lots.domain import LotUnknown
from auction.negotiation import service
from auction.negotiation.domain import (
    AboveOwnBid,
    AboveReserve,
    AlreadyNegotiating,
    CounterNotAbove,
    CounterNotBelow,
    CounterRefused,
    LotNotNegotiable,
    NegotiationKind,
    NegotiationOver,
    NegotiationState,
    NegotiationUnknown,
    NoMoreCounters,
    NotYourTurn,
    OfferChanged,
    Side,
    UnderBidderUnknown,
)
from auction.negotiation.models import Negotiation
from auction.negotiation.schemas import AnswerBody, MoveAnswer, NegotiationAnswer, OfferBody
from marketplace.api import accounts, listings, vehicles
from marketplace.core import clock
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require

router = Router(prefix="/auction/v1", tags=["negotiation"])


def _view(session: Session, found: Negotiation, principal: Principal) -> NegotiationAnswer:
    side = Side.CONSIGNOR if principal.party_id == found.consignor_id else Side.BIDDER
    at = clock.now(session)
    is_open = found.state is NegotiationState.OPEN
    used = found.consignor_counters if side is Side.CONSIGNOR else found.bidder_counters
    left = 0 if found.kind is NegotiationKind.SECOND_CHANCE or not is_open else service.clocks(at).counters_a_side - used
    moves = [
        MoveAnswer(seq=move.seq, act=move.act, by=move.by, amount_minor=move.amount_minor, answer_by=move.answer_by, at=move.at)
        for move in service.list_moves(session, negotiation_id=found.id)
    ]
    return NegotiationAnswer(
        id=found.id,
        lot_id=found.lot_id,
        kind=found.kind,
        state=found.state,
        you_are=side,
        bidder=found.pseudonym,
        turn=found.offered_by.other if is_open else None,
        offer_minor=service.standing(found).offer_minor,
        answer_by=found.answer_by if is_open else None,
        counters_left=left,
        order_id=found.order_id,
        opened_at=found.opened_at,
        ended_at=found.ended_at,
        server_time=at,
        moves=moves,
    )


@router.post(
    "/lots/{lot_id}/offers",
    status_code=201,
    summary="向竞买人发出要约 Offer an unsold lot to a bidder",
    responses=refusals(LotUnknown, LotNotNegotiable, AlreadyNegotiating, UnderBidderUnknown, AboveOwnBid, AboveReserve),
)
def offer(
    lot_id: UUID,
    body: OfferBody,
    principal: Annotated[Principal, Depends(require("lots.consign"))],
    _key: Idempotency,
    session: WriteSession,
) -> NegotiationAnswer:
    """By the consignor, when the lot passed or its winner defaulted. To another than the highest bidder: at most what he bid himself."""
    found = service.offer(session, principal=principal, lot_id=lot_id, pseudonym=body.bidder, ask_minor=body.ask_minor)
    return _view(session, found, principal)


@router.get("/negotiations", summary="我的议价 My negotiations")
def list_negotiations(principal: SignedIn, session: ReadSession, page: Paging) -> Page[NegotiationAnswer]:
    """On either side, newest first."""
    rows = service.list_own(session, principal=principal, page=page)
    return page.page(rows, lambda row: [row.id], lambda row: _view(session, row, principal))


@router.get("/negotiations/{negotiation_id}", summary="议价详情 A negotiation", responses=refusals(NegotiationUnknown))
def get_negotiation(negotiation_id: UUID, principal: SignedIn, session: ReadSession) -> NegotiationAnswer:
    """For its two parties, with all that was said."""
    return _view(session, service.get_negotiation(session, principal=principal, negotiation_id=negotiation_id), principal)


@router.post(
    "/negotiations/{negotiation_id}/answers",
    status_code=201,
    summary="答复议价 Answer what stands",
    responses=refusals(
        NegotiationUnknown, NegotiationOver, NotYourTurn, OfferChanged, CounterRefused, NoMoreCounters, CounterNotAbove, CounterNotBelow,
        AboveReserve, listings.VehicleClaimed, vehicles.NotEligible, accounts.PartySuspended,
    ),
)  # fmt: skip
def answer(negotiation_id: UUID, body: AnswerBody, principal: SignedIn, _key: Idempotency, session: WriteSession) -> NegotiationAnswer:
    """Accepting makes a contract: an order at this price, which both then sign. Silence is no."""
    found = service.answer(session, principal=principal, negotiation_id=negotiation_id, act=body.act, amount_minor=body.amount_minor)
    return _view(session, found, principal)
