"""HTTP of lots: catalogue, mandate, notice, withdrawal."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends

from auction.bidding.domain import falling_price, next_fall_at
from auction.closing.service import state_of
from auction.lots import service
from auction.lots.domain import (
    BuyNowTooLow,
    ConsignorKindMismatch,
    FloorAboveStart,
    HouseOwnsVehicle,
    LotNotDraft,
    LotPhase,
    LotUnknown,
    MandateChanged,
    MandateNotSigned,
    OpenLotStays,
    ReserveBelowStart,
    ReserveKind,
    TermsOfAnotherFormat,
)
from auction.lots.models import AuctionSession, Lot, Mandate
from auction.lots.schemas import LotAnswer, LotBody, MandateAnswer, SignatureBody
from auction.lots.service import LotTerms
from auction.sessions import service as sessions
from auction.sessions.domain import (
    AgreedNoticeTooShort,
    ApprovalNotStatutory,
    BidRules,
    Format,
    LanesOutOfRange,
    NoticeTooShort,
    SessionEmpty,
    SessionNotDraft,
    SessionUnknown,
    ViewingTooShort,
)
from auction.sessions.router import answer as session_answer
from auction.sessions.schemas import SessionAnswer
from marketplace.api import accounts, listings, vehicles
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.money import share_bps
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require

router = Router(prefix="/auction/v1", tags=["lots"])

_PLAIN = (
    "id", "session_id", "number", "vehicle_id", "title", "state", "start_minor", "reserve_kind", "price_minor", "seq", "head_hash", "flaws",
    "opens_at", "ends_at", "hard_end_at", "extensions", "reason", "lane", "floor_minor",
)  # fmt: skip


def answer(lot: Lot, row: AuctionSession, at: datetime) -> LotAnswer:
    """What everybody may see of a lot."""
    state = state_of(lot, BidRules.from_json(row.rules))
    sealed = state.rules.format.is_sealed and lot.price_minor is None
    falls = state.rules.format is Format.DUTCH and lot.price_minor is None
    return LotAnswer(
        **{name: getattr(lot, name) for name in _PLAIN},
        format=row.format,
        buy_now_minor=lot.buy_now_minor if state.buy_now_stands else None,
        next_fall_at=next_fall_at(state, at) if falls and lot.state is LotPhase.OPEN else None,
        fair_warning=state.warned_at is not None,
        legal_mode=row.legal_mode,
        mode=row.mode,
        deposit_minor=share_bps(lot.start_minor, row.deposit_bps),
        reserve_minor=lot.reserve_minor if lot.reserve_kind is ReserveKind.VISIBLE else None,
        reserve_met=None if sealed else state.reserve_met,
        next_minimum_minor=falling_price(state, at) if falls else state.next_minimum_minor,
        leader=lot.leader_pseudonym,
        server_time=at,
    )


def _mandate(mandate: Mandate) -> MandateAnswer:
    return MandateAnswer(
        lot_id=mandate.lot_id, content=orjson.loads(mandate.document), content_hash=mandate.content_hash, signed_at=mandate.signed_at
    )


@router.post(
    "/sessions/{session_id}/lots",
    status_code=201,
    summary="编入标的 Catalogue a lot",
    responses=refusals(
        SessionUnknown, SessionNotDraft, vehicles.NotEligible, vehicles.VehicleNotFound, ConsignorKindMismatch, HouseOwnsVehicle,
        ReserveBelowStart, TermsOfAnotherFormat, BuyNowTooLow, FloorAboveStart, ApprovalNotStatutory, LanesOutOfRange,
    ),
)  # fmt: skip
def add_lot(
    session_id: UUID,
    body: LotBody,
    principal: Annotated[Principal, Depends(require("lots.catalogue"))],
    _key: Idempotency,
    session: WriteSession,
) -> LotAnswer:
    """The consignor then signs the mandate; without it the session cannot be announced."""
    lot = service.add_lot(session, principal=principal, session_id=session_id, terms=LotTerms(**body.model_dump()))
    _, row = service.get_visible_lot(session, viewer=principal, lot_id=lot.id)
    return answer(lot, row, clock.now(session))


@router.get("/sessions/{session_id}/lots", summary="场次标的目录 A session's catalogue", responses=refusals(SessionUnknown))
def list_catalogue(session_id: UUID, page: Paging, session: ReadSession, viewer: Viewer) -> Page[LotAnswer]:
    lots, row = service.list_catalogue(session, viewer=viewer, session_id=session_id, page=page)
    at = clock.now(session)
    return page.page(lots, lambda lot: [lot.number], lambda lot: answer(lot, row, at))


@router.post(
    "/sessions/{session_id}/publish",
    status_code=201,
    summary="发布拍卖公告 Publish the notice",
    responses=refusals(
        SessionUnknown, SessionNotDraft, SessionEmpty, MandateNotSigned, NoticeTooShort, ViewingTooShort, AgreedNoticeTooShort,
        vehicles.NotEligible, listings.VehicleClaimed, listings.PriceOutOfBounds, accounts.LicenceMissing, accounts.LicenceLapsed,
    ),
)  # fmt: skip
def publish_session(
    session_id: UUID, principal: Annotated[Principal, Depends(require("sessions.manage"))], _key: Idempotency, session: WriteSession
) -> SessionAnswer:
    """Statutory sessions: at least seven days before they open, with two days of viewing (拍卖法 45, 48)."""
    row = service.announce(session, principal=principal, session_id=session_id)
    return session_answer(row, sessions.house_names(session, rows=[row])[row.house_id])


@router.get("/lots", summary="正在及即将竞拍的标的 Open and coming lots")
def list_lots(page: Paging, session: ReadSession, _viewer: Viewer) -> Page[LotAnswer]:
    """Soonest end first."""
    at = clock.now(session)
    found = service.list_live_lots(session, page=page)
    return page.page(found, lambda one: [one[0].ends_at.isoformat(), one[0].id], lambda one: answer(one[0], one[1], at))


@router.get("/lots/{lot_id}", summary="标的详情 A lot", responses=refusals(LotUnknown))
def get_lot(lot_id: UUID, session: ReadSession, viewer: Viewer) -> LotAnswer:
    """Price, end and seq move with every accepted bid; the stream tells as it happens."""
    lot, row = service.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    return answer(lot, row, clock.now(session))


@router.get("/lots/{lot_id}/mandate", summary="委托拍卖合同 The mandate", responses=refusals(LotUnknown))
def get_mandate(lot_id: UUID, principal: SignedIn, session: ReadSession) -> MandateAnswer:
    """For consignor and house."""
    return _mandate(service.get_mandate(session, principal=principal, lot_id=lot_id))


@router.post(
    "/lots/{lot_id}/mandate/signature",
    status_code=201,
    summary="签署委托拍卖合同 Sign the mandate",
    responses=refusals(LotUnknown, LotNotDraft, MandateChanged, accounts.WrongPassphrase),
)
def sign_mandate(
    lot_id: UUID,
    body: SignatureBody,
    principal: Annotated[Principal, Depends(require("lots.consign"))],
    _proof: accounts.Reentered,
    _key: Idempotency,
    session: WriteSession,
) -> MandateAnswer:
    """The consignor consents to start price, reserve and terms (拍卖法 42, 44)."""
    service.sign_mandate(session, principal=principal, lot_id=lot_id, passphrase=body.passphrase, content_hash=body.content_hash)
    return _mandate(service.get_mandate(session, principal=principal, lot_id=lot_id))


@router.post(
    "/lots/{lot_id}/withdrawal",
    status_code=201,
    summary="撤拍 Withdraw a lot before it opens",
    responses=refusals(LotUnknown, OpenLotStays),
)
def withdraw_lot(lot_id: UUID, principal: SignedIn, _key: Idempotency, session: WriteSession) -> LotAnswer:
    """By its consignor or its house; an open lot stays (拍卖法 29)."""
    lot = service.withdraw_lot(session, principal=principal, lot_id=lot_id)
    _, row = service.get_visible_lot(session, viewer=principal, lot_id=lot_id)
    return answer(lot, row, clock.now(session))
