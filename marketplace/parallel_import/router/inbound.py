"""HTTP of inbound feeds: sources, pushes, runs and what became of each row."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request

from marketplace.accounts.api import LicenceLapsed, LicenceMissing
from marketplace.core import clock
from marketplace.core.db import ReadSession, Session, WriteSession
from marketplace.core.errors import TooManyRequests
from marketplace.core.files import Files
from marketplace.core.http import UrlRefused
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.limits import RateLimit
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require
from marketplace.core.settings import get_settings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.inbound import (
    CircuitOpen,
    FeedOutdated,
    FeedTooLarge,
    FeedUnreadable,
    NothingToConfirm,
    NotPulled,
    RowOutcome,
    RunNotFound,
    RunUnderWay,
    SignatureWrong,
    SourceIncomplete,
    SourceLimit,
    SourceNotFound,
    SourcePaused,
    circuit_of,
)
from marketplace.parallel_import.domain.pilots import PilotNotVerified
from marketplace.parallel_import.models import FeedRun, ImportSource
from marketplace.parallel_import.schemas import inbound as schemas
from marketplace.parallel_import.service.inbound import receiving, runs, sources

router = Router(prefix="/marketplace/v1", tags=["parallel import 平行进口"])

Importer = Annotated[Principal, Depends(require("imports.manage"))]
SourceId = Annotated[UUID, Path(description="数据源编号 Id of the source.")]
RunId = Annotated[UUID, Path(description="接入编号 Id of the run.")]
Limited = Annotated[None, Depends(RateLimit("uploads", setting="limit_uploads"))]
BODY_BYTES = 33_554_432
_PILOT = (LicenceMissing, LicenceLapsed, PilotNotVerified)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"cars": [{"ref": "PI-0007", "vin": "JTMHX05J604123456", "state": "arrived", "papers": []}]},
            },
            "text/csv": {"schema": {"type": "string"}, "example": "ref,vin,brand,series,model,state,paper_import_certificate\n"},
            "application/xml": {"schema": {"type": "string"}, "example": "<feed><car><ref>PI-0007</ref></car></feed>"},
            "application/gzip": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


async def _content(request: Request) -> bytes:
    return await request.body()


def _source(session: Session, row: ImportSource) -> schemas.SourceBody:
    last = queries.find_run(session, row.last_run_id) if row.last_run_id else None
    at = clock.now(session)
    is_due = row.next_pull_at is None or row.next_pull_at <= at
    circuit = circuit_of(failures=row.failures, circuit_after=get_settings().feed_circuit_after, is_due=is_due)
    shown = row.model_dump(include=set(schemas.SourceBody.model_fields))
    return schemas.SourceBody(**shown, host=schemas.host_of(row.url), circuit=circuit, last_run=_run(last) if last else None)


def _run(row: FeedRun) -> schemas.RunBody:
    return schemas.RunBody.model_validate(row)


@router.post(
    "/import-sources",
    status_code=201,
    summary="登记数据源 Set up a feed source",
    responses=refusals(SourceIncomplete, SourceLimit, UrlRefused, *_PILOT),
)
def create_import_source(body: schemas.SourceIn, principal: Importer, _key: Idempotency, session: WriteSession) -> schemas.SourceBody:
    row = sources.create(session, principal=principal, settings=get_settings(), **body.model_dump())
    return _source(session, row)


@router.get("/import-sources", summary="我的数据源 The caller's sources")
def list_import_sources(principal: Importer, session: ReadSession) -> list[schemas.SourceBody]:
    return [_source(session, row) for row in queries.list_sources(session, principal.party_id)]


@router.get("/import-sources/{source_id}", summary="一个数据源:状态与最近结果 One source", responses=refusals(SourceNotFound))
def get_import_source(source_id: SourceId, principal: Importer, session: ReadSession) -> schemas.SourceBody:
    return _source(session, sources.get_own(session, principal=principal, source_id=source_id))


@router.patch(
    "/import-sources/{source_id}",
    summary="更改数据源 Change a source",
    responses=refusals(SourceNotFound, SourceIncomplete, UrlRefused),
)
def change_import_source(
    source_id: SourceId, body: schemas.SourceChange, principal: Importer, _key: Idempotency, session: WriteSession
) -> schemas.SourceBody:
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    return _source(session, sources.change(session, principal=principal, source_id=source_id, changes=changes))


@router.post(
    "/import-sources/{source_id}/pushes",
    status_code=201,
    summary="推送车源数据 Push a feed",
    responses=refusals(
        SourceNotFound,
        SourcePaused,
        SignatureWrong,
        FeedOutdated,
        RunUnderWay,
        FeedTooLarge,
        FeedUnreadable,
        TooManyRequests,
        *_PILOT,
    ),
    openapi_extra=_BODY,
    max_body_size=BODY_BYTES,
)
def push_import_feed(
    source_id: SourceId,
    principal: Importer,
    _limit: Limited,
    content: Annotated[bytes, Depends(_content)],
    files: Files,
    _key: Idempotency,
    session: WriteSession,
    feed_signature: Annotated[str, Header(max_length=400, description="Base64 or hex, over `<Feed-Sequence> <digest>`.")] = "",
    feed_sequence: Annotated[int, Header(ge=0, le=2**62, description="Grows with each feed.")] = 0,
) -> schemas.RunBody:
    """The signature (Ed25519, or HMAC-SHA256) is over the text `<Feed-Sequence> sha-256=:<base64 of SHA-256 of the body as sent>:`.
    The body may be packed (gzip, or a zip of one file). The answer names the run; ask it for progress and for each row.
    """
    settings = get_settings()
    if len(content) > settings.feed_body_limit_bytes:
        raise FeedTooLarge(limit_bytes=settings.feed_body_limit_bytes)
    row = receiving.push(
        session,
        files,
        principal=principal,
        source_id=source_id,
        content=content,
        sequence=feed_sequence,
        signature=feed_signature,
        settings=settings,
    )
    return _run(row)


@router.post(
    "/import-sources/{source_id}/pulls",
    status_code=202,
    summary="立即拉取 Pull now",
    responses=refusals(SourceNotFound, NotPulled, SourcePaused, CircuitOpen),
)
def pull_import_source(source_id: SourceId, principal: Importer, _key: Idempotency, session: WriteSession) -> schemas.SourceBody:
    row = sources.pull_now(session, principal=principal, source_id=source_id, settings=get_settings())
    return _source(session, row)


@router.get("/import-sources/{source_id}/runs", summary="接入记录 A source's runs", responses=refusals(SourceNotFound))
def list_import_runs(source_id: SourceId, principal: Importer, session: ReadSession, paging: Paging) -> Page[schemas.RunBody]:
    sources.get_own(session, principal=principal, source_id=source_id)
    rows = queries.list_runs(session, source_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], _run)


@router.get("/import-runs/{run_id}", summary="一次接入:进度与结果 One run", responses=refusals(RunNotFound))
def get_import_run(run_id: RunId, principal: Importer, session: ReadSession) -> schemas.RunBody:
    return _run(runs.get_own(session, principal=principal, run_id=run_id))


@router.get("/import-runs/{run_id}/rows", summary="逐行结果 What became of each row", responses=refusals(RunNotFound))
def list_import_rows(
    run_id: RunId,
    principal: Importer,
    session: ReadSession,
    paging: Paging,
    outcome: Annotated[RowOutcome | None, Query(description="只看此结果 Only these.")] = None,
) -> Page[schemas.FeedRowBody]:
    runs.get_own(session, principal=principal, run_id=run_id)
    rows = queries.list_rows(session, run_id, outcome=outcome, paging=paging)
    return paging.page(rows, lambda row: [row.n], schemas.FeedRowBody.model_validate)


@router.post(
    "/import-runs/{run_id}/confirmation",
    summary="确认移除车辆 Yes, remove that many cars",
    responses=refusals(RunNotFound, NothingToConfirm, RunUnderWay),
)
def confirm_import_run(run_id: RunId, principal: Importer, _key: Idempotency, session: WriteSession) -> schemas.RunBody:
    return _run(runs.confirm(session, principal=principal, run_id=run_id))
