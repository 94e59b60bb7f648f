"""HTTP of a dealer's store from inside: reconditioning, margin, the stock board."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require
from marketplace.sourcing.domain import StockCarNotFound
from marketplace.sourcing.domain.store import WorkNotFound
from marketplace.sourcing.schemas.store import BoardBody, BoardSummaryBody, BooksBody, MarginBody, WorkBody, WorkChange, WorkRequest
from marketplace.sourcing.service import store

router = Router(prefix="/marketplace/v1", tags=["store 卖场后台"])
Dealer = Annotated[Principal, Depends(require("stock.manage"))]


@router.post(
    "/stock/{vehicle_id}/reconditioning",
    status_code=201,
    summary="登记整备项目 Enter reconditioning work",
    responses=refusals(StockCarNotFound),
)
def add_reconditioning(vehicle_id: UUID, body: WorkRequest, principal: Dealer, session: WriteSession, _key: Idempotency) -> WorkBody:
    """Seen by the dealer alone."""
    work = store.Work(**body.model_dump())
    return WorkBody.model_validate(store.add_work(session, principal=principal, vehicle_id=vehicle_id, work=work))


@router.patch(
    "/stock/{vehicle_id}/reconditioning/{work_id}",
    summary="修改整备项目 Change reconditioning work",
    responses=refusals(WorkNotFound),
)
def change_reconditioning(
    vehicle_id: UUID, work_id: UUID, body: WorkChange, principal: Dealer, session: WriteSession, _key: Idempotency
) -> WorkBody:
    changed = store.change_work(
        session, principal=principal, vehicle_id=vehicle_id, work_id=work_id, state=body.state, cost_minor=body.cost_minor
    )
    return WorkBody.model_validate(changed)


@router.get("/stock/{vehicle_id}/books", summary="单车毛利与整备 A car's margin and reconditioning", responses=refusals(StockCarNotFound))
def get_stock_books(vehicle_id: UUID, principal: Dealer, session: ReadSession) -> BooksBody:
    """Expected at the marked price; real once the car is sold."""
    found = store.show_car(session, principal=principal, vehicle_id=vehicle_id)
    return BooksBody(
        vehicle_id=found.vehicle_id,
        margin=MarginBody.model_validate(found.margin),
        works=[WorkBody.model_validate(one) for one in found.works],
    )


@router.get("/store-board", summary="库存看板 The stock board")
def list_store_board(principal: Dealer, session: ReadSession, page: Paging) -> Page[BoardBody]:
    """Days in stock, views, leads, margin of each car in stock or store, newest first."""
    return page.page(store.list_board(session, principal=principal, paging=page), lambda one: [one.vehicle_id], _line)


@router.get("/store-board/summary", summary="库存概览 The stock in numbers")
def get_store_summary(principal: Dealer, session: ReadSession) -> BoardSummaryBody:
    return BoardSummaryBody.model_validate(store.summarize(session, principal=principal))


def _line(found: store.BoardLine) -> BoardBody:
    return BoardBody(
        vehicle_id=found.vehicle_id,
        title=found.title,
        stock_no=found.stock_no,
        listing_id=found.listing.id if found.listing else None,
        availability=found.listing.availability if found.listing else None,
        days_in_stock=found.days_in_stock,
        age_band=found.age_band,
        margin=MarginBody.model_validate(found.margin),
        views_recent=found.interest.views_recent,
        views_total=found.interest.views_total,
        leads_open=found.interest.leads_open,
        leads_waiting=found.interest.leads_waiting,
        viewings_open=found.interest.viewings_open,
        reply_s=found.interest.reply_s,
    )
