"""HTTP of lines and portfolios."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auction.bidding.domain import BidderIsConsignor, BidderIsHouse
from auction.lines import service as lines
from auction.lines.domain import BudgetTooSmall, DebtOutstanding, DepositTooSmall, LineExists, LineInUse, LineUnknown, WishesTooFew
from auction.lines.models import BidLine
from auction.lots.domain import LotUnknown
from auction.portfolios import service
from auction.portfolios.schemas import LineAnswer, LineBody, PortfolioBody, ReservationAnswer, WishAnswer
from auction.reauction import service as reauction
from auction.reauction.domain import DefaulterBarred
from auction.settlement.domain import AlreadyRegistered, BidderKindMismatch, RegistrationClosed
from marketplace.api import accounts, payments
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require

router = Router(prefix="/auction/v1", tags=["lines"])
Bidder = Annotated[Principal, Depends(require("deposits.place"))]
_DEPOSIT = (payments.GatewayUnknown, payments.GatewayCannotHold, payments.AmountAboveGateway, accounts.PartySuspended)


def _view(session: Session, line: BidLine) -> LineAnswer:
    plain = ("id", "kind", "state", "deposit_minor", "limit_minor", "reserved_minor", "leads", "leads_max", "created_at", "closed_at")
    held = lines.list_reservations(session, line_id=line.id)
    wishes = lines.list_wishes(session, line_id=line.id)
    return LineAnswer(
        **{name: getattr(line, name) for name in plain},
        free_minor=line.limit_minor - line.reserved_minor,
        reservations=[ReservationAnswer(lot_id=one.lot_id, amount_minor=one.amount_minor, order_id=one.order_id) for one in held],
        wishes=[WishAnswer(lot_id=one.lot_id, maximum_minor=one.maximum_minor) for one in wishes],
    )


@router.post("/lines", status_code=201, summary="开立竞买额度 Open a line", responses=refusals(DepositTooSmall, LineExists, *_DEPOSIT))
def open_line(
    body: LineBody, principal: Annotated[Principal, Depends(require("lines.open"))], _key: Idempotency, session: WriteSession
) -> LineAnswer:
    """A dealer's one deposit for all lots: bids reserve their maximum and the fee on it, and are free again when outbid or paid."""
    return _view(session, lines.open_line(session, principal=principal, deposit_minor=body.deposit_minor, gateway=body.gateway))


@router.post(
    "/portfolios",
    status_code=201,
    summary="组合竞买 Any of these lots, one budget",
    responses=refusals(
        WishesTooFew, BudgetTooSmall, LotUnknown, RegistrationClosed, AlreadyRegistered, BidderKindMismatch, BidderIsConsignor,
        BidderIsHouse, DefaulterBarred, accounts.RealNameMissing, accounts.LicenceMissing, accounts.LicenceLapsed, *_DEPOSIT,
    ),
)  # fmt: skip
def open_portfolio(body: PortfolioBody, principal: Bidder, _key: Idempotency, session: WriteSession) -> LineAnswer:
    """The market bids for you up to each maximum, on as many lots as you may win and no more; you are never over-bought."""
    wanted = service.Wanted(body.wins_max, body.budget_minor, [(wish.lot_id, wish.maximum_minor) for wish in body.wishes])
    return _view(session, service.open_portfolio(session, principal=principal, wanted=wanted, gateway=body.gateway))


@router.get("/lines", summary="我的竞买额度 My lines and portfolios")
def list_lines(principal: SignedIn, session: ReadSession, page: Paging) -> Page[LineAnswer]:
    rows = lines.list_own(session, principal=principal, page=page)
    return page.page(rows, lambda row: [row.id], lambda row: _view(session, row))


@router.get("/lines/{line_id}", summary="竞买额度详情 A line", responses=refusals(LineUnknown))
def get_line(line_id: UUID, principal: SignedIn, session: ReadSession) -> LineAnswer:
    return _view(session, lines.get_own(session, principal=principal, line_id=line_id))


@router.post(
    "/lines/{line_id}/closing",
    status_code=201,
    summary="关闭额度并退还保证金 Close a line",
    responses=refusals(LineUnknown, LineInUse, DebtOutstanding),
)
def close_line(line_id: UUID, principal: Bidder, _key: Idempotency, session: WriteSession) -> LineAnswer:
    """Leads stay bound, and so does what is owed: only then the deposit goes back."""
    owes = reauction.owes(session, party_id=principal.party_id)
    return _view(session, lines.close_line(session, principal=principal, line_id=line_id, owes=owes))
