"""HTTP of dealer stock: imports, the stock list, into the store."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from starlette.datastructures import UploadFile

from marketplace.accounts.api import LicenceLapsed, LicenceMissing, PartySuspended
from marketplace.core import clock
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.errors import Malformed
from marketplace.core.files import FileMissing, Files
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require
from marketplace.core.settings import get_settings
from marketplace.listings.api import PriceOutOfBounds, WrongHolding
from marketplace.sourcing import queries
from marketplace.sourcing.domain import (
    ErrorFileGone,
    ImportMode,
    ImportNotFound,
    ImportRunning,
    NothingToAsk,
    RowOutcome,
    StockCarNotFound,
    StockFileTooLarge,
    StockState,
)
from marketplace.sourcing.models import StockImport, StockImportRow
from marketplace.sourcing.schemas.stock import (
    FindingBody,
    ImportBody,
    ListedCarBody,
    ListOutcomeBody,
    ListRequest,
    RowBody,
    StockBody,
    StockRequest,
)
from marketplace.sourcing.service import importing, stock
from marketplace.sourcing.service.importing import Upload
from marketplace.vehicles.api import VehicleNotFound

router = Router(prefix="/marketplace/v1", tags=["stock 库存"])
Importer = Annotated[Principal, Depends(require("stock.import"))]
Manager = Annotated[Principal, Depends(require("stock.manage"))]
BODY_BYTES = 16_777_216
ROWS_SHOWN = 20


class FileExpected(Malformed):
    zh = "请上传CSV文件:请求体为 text/csv,或表单字段 file"
    en = "Send the CSV file: as a text/csv body, or as form field `file`."


@dataclass(frozen=True, slots=True)
class Uploaded:
    content: bytes
    name: str


async def _uploaded(request: Request) -> Uploaded:
    """The file: the body itself, or the form's ``file``."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await request.form(max_files=1, max_fields=10)
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise FileExpected
        return Uploaded(await part.read(), part.filename or "")
    return Uploaded(await request.body(), "")


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "库存编号,车架号,品牌,车型名称,年款,上牌时间,表显里程(万公里),报价(万元),所在城市\n",
            },
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}


_ERROR_TABLE: dict[str, Any] = {
    "content": {
        "text/csv": {
            "schema": {"type": "string"},
            "example": "行号,结果,问题,处理建议,库存编号,车架号\n3,未导入,车架号:车架号校验位不符(GB 16735),对照行驶证逐位核对,KC00003,…\n",
        }
    }
}


@router.post(
    "/stock-imports",
    status_code=201,
    summary="导入库存 Import stock from a CSV file",
    responses=refusals(ImportRunning, StockFileTooLarge, FileExpected),
    openapi_extra=_BODY,
    max_body_size=BODY_BYTES,
)
def import_stock(
    principal: Importer,
    file: Annotated[Uploaded, Depends(_uploaded)],
    files: Files,
    session: WriteSession,
    _key: Idempotency,
    mode: Annotated[
        ImportMode, Query(description="`delta`: cars not named stay. `full`: they leave, within the breaker.")
    ] = ImportMode.DELTA,
    dry_run: Annotated[bool, Query(description="Only check and answer; nothing changes.")] = False,
    confirm_removals: Annotated[bool, Query(description="With `full`: yes, remove that many cars.")] = False,
    file_name: Annotated[str, Query(max_length=200)] = "",
) -> ImportBody:
    """UTF-8 or GBK/GB18030, Chinese or English headers. Good rows become stock at once, bad rows are named with how to mend them.

    A small file is finished in the answer; of a large one ask again until `state` is applied, checked, refused or failed.
    """
    upload = Upload(content=file.content, file_name=file_name or file.name, mode=mode, dry_run=dry_run, confirm_removals=confirm_removals)
    row = importing.receive(session, files, principal=principal, upload=upload, settings=get_settings())
    return _import_body(session, row)


@router.get("/stock-imports", summary="导入记录 My imports")
def list_imports(principal: Importer, session: ReadSession, page: Paging) -> Page[ImportBody]:
    found = queries.list_imports(session, dealer_id=principal.party_id, paging=page)
    return page.page(found, lambda row: [row.id], lambda row: _import_body(session, row))


@router.get("/stock-imports/{import_id}", summary="一次导入 One import", responses=refusals(ImportNotFound))
def get_import(import_id: UUID, principal: Importer, session: ReadSession) -> ImportBody:
    return _import_body(session, _own(session, principal, import_id))


@router.get("/stock-imports/{import_id}/rows", summary="逐行结果 What became of each row", responses=refusals(ImportNotFound))
def list_rows(
    import_id: UUID,
    principal: Importer,
    session: ReadSession,
    page: Paging,
    outcome: Annotated[RowOutcome | None, Query(description="Only these.")] = None,
) -> Page[RowBody]:
    _own(session, principal, import_id)
    after = int(page.after[0]) if page.after else None
    found = queries.list_import_rows(session, import_id=import_id, outcome=outcome, after=after, limit=page.limit + 1)
    return page.page(found, lambda row: [row.n], _row_body)


@router.get(
    "/stock-imports/{import_id}/errors.csv",
    summary="标注错误的表格 The marked-up error table",
    responses={**refusals(ImportNotFound, ErrorFileGone), 200: _ERROR_TABLE},
    response_class=Response,
)
def get_errors(import_id: UUID, principal: Importer, session: ReadSession, files: Files) -> Response:
    """The dealer's own bad and doubtful rows with what is wrong; cells that begin a formula are neutralized."""
    row = _own(session, principal, import_id)
    if row.errors_key is None:
        raise ErrorFileGone
    try:
        content = files.get(row.errors_key, now=clock.now(session))
    except FileMissing as gone:
        raise ErrorFileGone from gone
    disposition = f'attachment; filename="stock-errors-{row.id}.csv"'
    return Response(content, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


# --- the stock list ------------------------------------------------------------------------------------------------------------


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


# --- bodies ----------------------------------------------------------------------------------------------------------------------


def _own(session: Session, principal: Principal, import_id: UUID) -> StockImport:
    row = queries.find_import(session, import_id)
    if row is None or row.dealer_id != principal.party_id:
        raise ImportNotFound
    return row


def _import_body(session: Session, row: StockImport) -> ImportBody:
    bad = queries.list_import_rows(session, import_id=row.id, outcome=RowOutcome.BAD, after=None, limit=ROWS_SHOWN)
    special = {
        "mapped": row.columns.get("mapped", {}),
        "ignored": row.columns.get("ignored", []),
        "bad_rows": [_row_body(one) for one in bad],
        "has_error_table": row.errors_key is not None,
    }
    plain = {name: getattr(row, name) for name in ImportBody.model_fields if name not in special}
    return ImportBody.model_validate(plain | special)


def _row_body(row: StockImportRow) -> RowBody:
    return RowBody(
        n=row.n,
        outcome=row.outcome,
        stock_no=row.stock_no,
        vehicle_id=row.vehicle_id,
        findings=[FindingBody.model_validate(finding) for finding in row.findings],
    )


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
