"""HTTP of a dealer's stock list, and into the store."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require
from marketplace.core.settings import get_settings
from marketplace.listings.api import PriceOutOfBounds, WrongHolding
from marketplace.sourcing.domain import NothingToAsk, StockCarNotFound, StockState
from marketplace.sourcing.schemas.stock import ListedCarBody, ListOutcomeBody, ListRequest, StockBody, StockRequest
from marketplace.sourcing.service import stock
from marketplace.vehicles.api import VehicleNotFound

router = Router(prefix="/marketplace/v1", tags=["stock 库存"])
Manager = Annotated[Principal, Depends(require("stock.manage"))]


@router.get("/stock", summary="我的库存 My stock")
def list_stock(
    principal: Manager,
    session: ReadSession,
    page: Paging,
    state: Annotated[StockState | None, Query(description="Only these.")] = None,
) -> Page[StockBody]:
    found = stock.list_stock(session, dealer_id=principal.party_id, state=state, paging=page)
    return page.page(found, lambda one: [one.row.id], _stock_body)


@router.post(
    "/stock/list",
    summary="批量挂牌 Show stock cars in the store",
    responses=refusals(NothingToAsk, LicenceMissing, LicenceLapsed, PartySuspended),
)
def list_in_store(body: ListRequest, principal: Manager, session: WriteSession, _key: Idempotency) -> ListOutcomeBody:
    """Named cars, those of one import, or the whole standing stock, each at its stock price. A car that is refused stops no other."""
    found = stock.list_in_store(
        session,
        principal=principal,
        vehicle_ids=body.vehicle_ids,
        import_id=body.import_id,
        inline=get_settings().stock_inline_listings,
    )
    return ListOutcomeBody(
        request_id=found.request_id,
        asked=found.asked,
        listed=sum(car.listing_id is not None for car in found.cars),
        refused=sum(car.problem is not None for car in found.cars),
        waiting=found.waiting,
        cars=[ListedCarBody(vehicle_id=car.vehicle_id, listing_id=car.listing_id, problem=car.problem) for car in found.cars],
    )


@router.get("/stock/{vehicle_id}", summary="一辆库存车 One stock car", responses=refusals(StockCarNotFound))
def get_stock_car(vehicle_id: UUID, principal: Manager, session: ReadSession) -> StockBody:
    return _stock_body(stock.get_stock_car(session, dealer_id=principal.party_id, vehicle_id=vehicle_id))


@router.put(
    "/stock/{vehicle_id}",
    summary="入库或改价 Enter a stock car, or change its price",
    responses=refusals(VehicleNotFound, WrongHolding, PriceOutOfBounds),
)
def enter_stock_car(vehicle_id: UUID, body: StockRequest, principal: Manager, session: WriteSession, _key: Idempotency) -> StockBody:
    """A car the dealer holds as stock; its open store listing follows the price."""
    return _stock_body(stock.enter(session, principal=principal, vehicle_id=vehicle_id, **body.model_dump()))


@router.post("/stock/{vehicle_id}/removal", summary="出库 Take a car out of the stock list", responses=refusals(StockCarNotFound))
def remove_stock_car(vehicle_id: UUID, principal: Manager, session: WriteSession, _key: Idempotency) -> StockBody:
    return _stock_body(stock.remove(session, principal=principal, vehicle_id=vehicle_id))


def _stock_body(one: stock.StockView) -> StockBody:
    row, car, listing = one.row, one.car, one.listing
    return StockBody(
        vehicle_id=row.vehicle_id,
        stock_no=row.stock_no,
        state=row.state,
        title=car.title,
        vin_masked=car.vin_masked,
        model_year=car.model_year,
        first_registration_on=car.first_registration_on,
        odometer_km=car.odometer_km,
        city=car.city,
        ask_minor=row.ask_minor,
        cost_minor=row.cost_minor,
        description=row.description,
        days_in_stock=one.days_in_stock,
        import_id=row.import_id,
        listing_id=listing.id if listing else None,
        availability=listing.availability if listing else None,
        list_problem=row.list_problem,
    )
