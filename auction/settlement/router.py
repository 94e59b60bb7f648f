"""HTTP of registration, result and confirmation."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends

from auction.bidding.domain import BidderIsConsignor, BidderIsHouse
from auction.bidding.models import Registration
from auction.lines.domain import LineNotActive, LineUnknown
from auction.lots import service as lots
from auction.lots.domain import LotUnknown
from auction.lots.schemas import SignatureBody
from auction.reauction.domain import DefaulterBarred
from auction.sessions.domain import SessionUnknown
from auction.settlement.domain import (
    BidderKindMismatch,
    ConfirmationChanged,
    RegistrationClosed,
    RegistrationUnknown,
    ResultUnknown,
)
from auction.settlement.models import Confirmation
from auction.settlement.schemas import ConfirmationAnswer, MinutesAnswer, RegistrationAnswer, RegistrationBody, ResultAnswer
from auction.settlement.service import confirmations, registrations
from marketplace.api import accounts, payments
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require

router = Router(prefix="/auction/v1", tags=["registration and result"])


def _registration(session: Session, found: Registration) -> RegistrationAnswer:
    hold = payments.get_hold(session, hold_id=found.hold_id) if found.hold_id is not None else None
    return RegistrationAnswer(
        id=found.id,
        lot_id=found.lot_id,
        pseudonym=found.pseudonym,
        state=found.state,
        deposit_minor=found.deposit_minor,
        hold_id=found.hold_id,
        instructions=hold.instructions if hold else {},
    )


def _confirmation(found: Confirmation) -> ConfirmationAnswer:
    return ConfirmationAnswer(
        lot_id=found.lot_id,
        content=orjson.loads(found.document),
        content_hash=found.content_hash,
        winner_signed_at=found.winner_signed_at,
        auctioneer_signed_at=found.auctioneer_signed_at,
    )


@router.post(
    "/lots/{lot_id}/registrations",
    status_code=201,
    summary="竞买登记并缴纳保证金 Register with a deposit",
    responses=refusals(
        LotUnknown, RegistrationClosed, BidderKindMismatch, BidderIsConsignor, BidderIsHouse, DefaulterBarred, accounts.RealNameMissing,
        accounts.LicenceMissing, accounts.LicenceLapsed, accounts.PartySuspended, payments.GatewayUnknown, payments.GatewayCannotHold,
        payments.AmountAboveGateway, LineUnknown, LineNotActive,
    ),
)  # fmt: skip
def register(
    lot_id: UUID,
    body: RegistrationBody,
    principal: Annotated[Principal, Depends(require("deposits.place"))],
    _key: Idempotency,
    session: WriteSession,
) -> RegistrationAnswer:
    """Bidding is open to you as soon as the deposit is held; it comes back by itself when you do not win."""
    found = registrations.register(
        session,
        principal=principal,
        lot_id=lot_id,
        gateway=body.gateway,
        payment_method=body.payment_method,
        by_line=body.by_line,
    )
    session.flush()
    return _registration(session, found)


@router.get("/lots/{lot_id}/registration", summary="我的竞买登记 My registration", responses=refusals(RegistrationUnknown))
def get_own_registration(lot_id: UUID, principal: SignedIn, session: ReadSession) -> RegistrationAnswer:
    return _registration(session, registrations.get_registration(session, principal=principal, lot_id=lot_id))


@router.get("/lots/{lot_id}/result", summary="竞拍结果 A lot's result", responses=refusals(LotUnknown, ResultUnknown))
def get_result(lot_id: UUID, session: ReadSession, viewer: Viewer) -> ResultAnswer:
    """Public under the pseudonym; the winner and the consignor also see the order."""
    lot, _row = lots.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    found = confirmations.get_result(session, lot_id=lot_id)
    won = viewer is not None and found.winner_id is not None and viewer.party_id == found.winner_id
    inside = won or (viewer is not None and viewer.party_id == lot.consignor_id)
    return ResultAnswer(
        lot_id=lot_id,
        kind=found.kind,
        price_minor=found.price_minor,
        winner=lot.leader_pseudonym if found.winner_id is not None else None,
        bids=found.bids,
        ended_at=found.ended_at,
        closed_at=found.closed_at,
        you_won=won,
        order_id=found.order_id if inside else None,
        buyer_fee_minor=found.buyer_fee_minor if won else None,
        pay_by=found.pay_by if inside else None,
        defaulted_at=found.defaulted_at if inside else None,
    )


@router.get("/lots/{lot_id}/confirmation", summary="成交确认书 The confirmation", responses=refusals(LotUnknown, ResultUnknown))
def get_confirmation(lot_id: UUID, principal: SignedIn, session: ReadSession) -> ConfirmationAnswer:
    """Of a statutory auction, for winner, consignor and house."""
    return _confirmation(confirmations.get_confirmation(session, principal=principal, lot_id=lot_id))


@router.post(
    "/lots/{lot_id}/confirmation/signature",
    status_code=201,
    summary="签署成交确认书 Sign the confirmation",
    responses=refusals(LotUnknown, ResultUnknown, ConfirmationChanged, accounts.WrongPassphrase),
)
def sign_confirmation(
    lot_id: UUID, body: SignatureBody, principal: SignedIn, _proof: accounts.Reentered, _key: Idempotency, session: WriteSession
) -> ConfirmationAnswer:
    """By the winner and by the auctioneer (拍卖法 52)."""
    found = confirmations.sign_confirmation(
        session, principal=principal, lot_id=lot_id, passphrase=body.passphrase, content_hash=body.content_hash
    )
    return _confirmation(found)


@router.get("/sessions/{session_id}/minutes", summary="拍卖笔录 The minutes", responses=refusals(SessionUnknown))
def get_minutes(
    session_id: UUID, principal: Annotated[Principal, Depends(require("auctions.read"))], session: ReadSession
) -> MinutesAnswer:
    """What happened to every lot of the house's session, from the logs."""
    minutes = confirmations.build_minutes(session, principal=principal, session_id=session_id)
    return MinutesAnswer(content=minutes.content, content_hash=minutes.content_hash)
