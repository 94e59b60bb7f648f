"""HTTP of sessions."""

from itertools import product
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends

from auction.sessions import service
from auction.sessions.domain import (
    AuctioneerMissing,
    AuctioneerNotStaff,
    DepositOutOfRange,
    DutchNotStatutory,
    FixedPriceIsPrivateOffer,
    Format,
    HouseMayNotRunMode,
    LadderCrooked,
    LanesOutOfRange,
    LegalMode,
    Schedule,
    SealedNotStatutory,
    SessionMode,
    SessionTimesOutOfOrder,
    SessionUnknown,
    decide_format,
)
from auction.sessions.models import AuctionSession
from auction.sessions.schemas import FormatCell, ModeAnswer, ModesAnswer, SessionAnswer, SessionBody
from auction.sessions.service import SessionTerms
from marketplace.api import accounts
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, Viewer, require

router = Router(prefix="/auction/v1", tags=["auction sessions"])


def answer(row: AuctionSession, house: str) -> SessionAnswer:
    return SessionAnswer(house=house, **{name: getattr(row, name) for name in SessionAnswer.model_fields if name != "house"})


def _terms(body: SessionBody) -> SessionTerms:
    chosen: dict[str, Any] = body.rules.model_dump()
    if (chosen["floors_minor"] is None) != (chosen["steps_minor"] is None):
        raise LadderCrooked
    schedule = Schedule(body.viewing_from_at, body.viewing_to_at, body.opens_at)
    plain = body.model_dump(exclude={"rules", "viewing_from_at", "viewing_to_at", "opens_at"})
    return SessionTerms(**plain, schedule=schedule, rules=chosen)


@router.post(
    "/sessions",
    status_code=201,
    summary="创建场次 Create a session",
    responses=refusals(
        HouseMayNotRunMode, AuctioneerMissing, AuctioneerNotStaff, SessionTimesOutOfOrder, LadderCrooked, DepositOutOfRange,
        accounts.LicenceMissing, accounts.LicenceLapsed, accounts.PartySuspended, SealedNotStatutory, DutchNotStatutory,
        FixedPriceIsPrivateOffer, LanesOutOfRange,
    ),
)  # fmt: skip
def create_session(
    body: SessionBody, principal: Annotated[Principal, Depends(require("sessions.manage"))], _key: Idempotency, session: WriteSession
) -> SessionAnswer:
    """A statutory session needs a licensed house and a named, licensed auctioneer; its notice comes later, in time."""
    row = service.create_session(session, principal=principal, terms=_terms(body))
    return answer(row, service.house_names(session, rows=[row])[row.house_id])


@router.get("/modes", summary="场次类型与竞价方式 Modes and formats")
def list_modes(session: ReadSession, _viewer: Viewer) -> ModesAnswer:
    """Who may consign and bid in each mode, and which format is lawful for it."""
    on = clock.shanghai_day(clock.now(session))
    table = service.format_table(on)
    modes = []
    for mode in SessionMode:
        terms = service.mode_terms(mode, on=on)
        named = ModeAnswer(
            mode=mode, consignors=sorted(terms.consignors), bidders=sorted(terms.bidders), bidder_licence=terms.bidder_licence,
            bidder_real_name=terms.bidder_real_name, documents=list(terms.documents),
        )  # fmt: skip
        modes.append(named)
    return ModesAnswer(modes=modes, formats=[_cell(table, *cell) for cell in product(SessionMode, LegalMode, Format)])


def _cell(table: dict[str, Any], mode: SessionMode, legal_mode: LegalMode, sale_format: Format) -> FormatCell:
    found = decide_format(table, mode=mode, legal_mode=legal_mode, sale_format=sale_format)
    article, english = (found.rule.article, found.rule.english) if found.rule is not None else (None, None)
    return FormatCell(mode=mode, legal_mode=legal_mode, format=sale_format, ruling=found.ruling, article=article, english=english)


@router.get("/sessions", summary="场次列表 Announced sessions")
def list_sessions(page: Paging, session: ReadSession, _viewer: Viewer) -> Page[SessionAnswer]:
    rows = service.list_sessions(session, page=page)
    houses = service.house_names(session, rows=rows)
    return page.page(rows, lambda row: [row.id], lambda row: answer(row, houses.get(row.house_id, "")))


@router.get("/sessions/{session_id}", summary="场次详情 A session", responses=refusals(SessionUnknown))
def get_session(session_id: UUID, session: ReadSession, viewer: Viewer) -> SessionAnswer:
    row = service.get_visible_session(session, viewer=viewer, session_id=session_id)
    return answer(row, service.house_names(session, rows=[row]).get(row.house_id, ""))
