"""HTTP of stock imports: upload, look before, progress, answers, going back."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from starlette.datastructures import UploadFile

from marketplace.core import clock
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.errors import Malformed
from marketplace.core.files import FileMissing, Files
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require
from marketplace.core.settings import get_settings
from marketplace.sourcing.domain import (
    ErrorFileGone,
    FieldUnknown,
    FileUnreadable,
    ImportMode,
    ImportNotFound,
    ImportRunning,
    NothingToConfirm,
    NotRestorable,
    RowOutcome,
    StockFileTooLarge,
)
from marketplace.sourcing.models.stock import StockImage, StockImport, StockImportRow
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.schemas.stock import (
    FindingBody,
    HeaderBody,
    HeaderMeaning,
    ImageBody,
    ImportBody,
    MappingBody,
    MappingRequest,
    PreviewBody,
    PreviewRowBody,
    RollbackRequest,
    RowBody,
)
from marketplace.sourcing.service import importing, mapping, restoring
from marketplace.sourcing.service.importing import Upload

router = Router(prefix="/marketplace/v1", tags=["stock 库存"])
Importer = Annotated[Principal, Depends(require("stock.import"))]
BODY_BYTES = 67_108_864
ROWS_SHOWN = 20
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class FileExpected(Malformed):
    zh = "请上传CSV、XLSX或JSON文件:作为请求体,或表单字段 file"
    en = "Send the CSV, XLSX or JSON file: as the body, or as form field `file`."


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
            SPREADSHEET: {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
                "example": [
                    {
                        "vin": "LSVCZ2A46MN000017",
                        "brand": "大众",
                        "title": "帕萨特 2021款 330TSI",
                        "first_registration": "2021-03",
                        "mileage_km": 42_000,
                        "price_yuan": 129_800,
                        "city": "天津",
                    }
                ],
            },
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


_ERROR_TABLE: dict[str, Any] = {"content": {SPREADSHEET: {"schema": {"type": "string", "format": "binary"}}}}


@router.post(
    "/stock-imports",
    status_code=201,
    summary="导入库存 Import stock from a CSV, XLSX or JSON file",
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
    list_after: Annotated[bool, Query(description="Show the file's cars in the store once it is applied.")] = False,
    file_name: Annotated[str, Query(max_length=200)] = "",
) -> ImportBody:
    """UTF-8 or GBK/GB18030, Chinese or English headers, or those of the dealer's own mapping.

    Good rows become stock at once, bad rows are named with how to mend them.

    A small file is finished in the answer; of a large one ask again until `state` is applied, checked, refused or failed.
    """
    upload = Upload(
        content=file.content,
        file_name=file_name or file.name,
        mode=mode,
        dry_run=dry_run,
        confirm_removals=confirm_removals,
        list_after=list_after,
    )
    row = importing.receive(session, files, principal=principal, upload=upload, settings=get_settings())
    return _import_body(session, row)


@router.post(
    "/stock-imports/preview",
    summary="预览表头对应 Look at a file before importing it",
    responses=refusals(FileUnreadable, FileExpected, StockFileTooLarge),
    openapi_extra=_BODY,
    max_body_size=BODY_BYTES,
)
def preview_stock(
    principal: Importer, file: Annotated[Uploaded, Depends(_uploaded)], session: WriteSession, _key: Idempotency
) -> PreviewBody:
    """Nothing is kept. What is understood wrongly is mended by `PUT /stock-mapping`."""
    found = mapping.preview(session, principal=principal, content=file.content, settings=get_settings())
    return PreviewBody(
        format=found.table.format,
        encoding=found.table.encoding,
        delimiter=found.table.delimiter,
        headers=[HeaderBody.model_validate(asdict(one)) for one in found.headers],
        missing=found.missing,
        rows=[PreviewRowBody(n=row.n, findings=[_finding_body(one.as_plain()) for one in row.findings]) for row in found.rows],
    )


@router.get("/stock-mapping", summary="我的表头对应 My own header meanings")
def get_mapping(principal: Importer, session: ReadSession) -> MappingBody:
    return _mapping_body(mapping.get_mapping(session, dealer_id=principal.party_id))


@router.put("/stock-mapping", summary="保存表头对应 Save header meanings", responses=refusals(FieldUnknown, ImportRunning))
def save_mapping(body: MappingRequest, principal: Importer, session: WriteSession, _key: Idempotency) -> MappingBody:
    """Every later import of the dealer understands these headers so; it replaces what was said before."""
    headers = {
        header: (meaning.field.value if meaning.field is not None else None, meaning.unit) for header, meaning in body.headers.items()
    }
    return _mapping_body(mapping.save_mapping(session, principal=principal, headers=headers))


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
    "/stock-imports/{import_id}/errors.xlsx",
    summary="标注错误的表格 The marked-up spreadsheet",
    responses={**refusals(ImportNotFound, ErrorFileGone), 200: _ERROR_TABLE},
    response_class=Response,
)
def get_errors(import_id: UUID, principal: Importer, session: ReadSession, files: Files) -> Response:
    """The dealer's own bad and doubtful rows, wrong cells coloured and commented; cells that begin a formula are neutralized."""
    row = _own(session, principal, import_id)
    if row.errors_key is None:
        raise ErrorFileGone
    try:
        content = files.get(row.errors_key, now=clock.now(session))
    except FileMissing as gone:
        raise ErrorFileGone from gone
    disposition = f'attachment; filename="stock-errors-{row.id}.xlsx"'
    return Response(content, media_type=SPREADSHEET, headers={"Content-Disposition": disposition})


@router.get("/stock-imports/{import_id}/images", summary="图片抓取情况 Pictures the file named", responses=refusals(ImportNotFound))
def list_images(import_id: UUID, principal: Importer, session: ReadSession, page: Paging) -> Page[ImageBody]:
    _own(session, principal, import_id)
    after = UUID(page.after[0]) if page.after else None
    found = queries.list_images(session, import_id=import_id, after=after, limit=page.limit + 1)
    return page.page(found, lambda row: [row.id], _image_body)


@router.post(
    "/stock-imports/{import_id}/confirmation",
    status_code=201,
    summary="确认下架 Confirm the removals the breaker stopped",
    responses=refusals(ImportNotFound, NothingToConfirm, ImportRunning),
)
def confirm_import(import_id: UUID, principal: Importer, session: WriteSession, _key: Idempotency) -> ImportBody:
    """The same file again, this time with the cars it leaves out; a new import that runs behind the answer."""
    _own(session, principal, import_id)
    return _import_body(session, importing.confirm(session, principal=principal, import_id=import_id))


@router.post(
    "/stock-imports/{import_id}/rollback",
    status_code=201,
    summary="回退到此版本 Go back to the stock this import made",
    responses=refusals(ImportNotFound, NotRestorable, ImportRunning),
)
def roll_back(
    import_id: UUID, body: RollbackRequest, principal: Importer, files: Files, session: WriteSession, _key: Idempotency
) -> ImportBody:
    """What later imports changed is taken back by a new import, all at once; what was changed by hand or sold since is named and stays."""
    target = _own(session, principal, import_id)
    row = restoring.request(session, principal=principal, target=target, confirm_removals=body.confirm_removals)
    importing.start(session, files, row=row, principal=principal, inline=False, settings=get_settings())
    return _import_body(session, row)


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
        "is_settled": row.settled_at is not None,
    }
    plain = {name: getattr(row, name) for name in ImportBody.model_fields if name not in special}
    return ImportBody.model_validate(plain | special)


def _row_body(row: StockImportRow) -> RowBody:
    return RowBody(
        n=row.n,
        outcome=row.outcome,
        stock_no=row.stock_no,
        vehicle_id=row.vehicle_id,
        findings=[_finding_body(finding) for finding in row.findings],
        changes=row.changes or {},
    )


def _finding_body(plain: dict[str, Any]) -> FindingBody:
    return FindingBody.model_validate(plain)


def _image_body(row: StockImage) -> ImageBody:
    return ImageBody.model_validate({name: getattr(row, name) for name in ImageBody.model_fields})


def _mapping_body(headers: dict[str, dict[str, str | None]]) -> MappingBody:
    meanings = {}
    for meaning in headers.values():
        meanings[str(meaning["header"])] = HeaderMeaning.model_validate({"field": meaning["field"], "unit": meaning["unit"]})
    return MappingBody(headers=meanings)
