"""Dealer stock from a file: received, read piece by piece, staged, switched visible; every bad row named, none stops a good one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from uuid import UUID

from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import sha256_hex
from marketplace.core.db import Database, Session
from marketplace.core.files import FileMissing, FileStore
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.listings import api as listings
from marketplace.sourcing.domain import (
    RUNNING,
    FileUnreadable,
    ImportCancelled,
    ImportMode,
    ImportRunning,
    ImportState,
    NothingToConfirm,
    RowOutcome,
    StockFileTooLarge,
    breaks_the_stock,
)
from marketplace.sourcing.domain.columns import HeaderMap, map_header
from marketplace.sourcing.domain.sources import FileFormat, Source, Table
from marketplace.sourcing.events import ImportReceived, import_key
from marketplace.sourcing.models.stock import StockImport
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service import finishing
from marketplace.sourcing.service.deciding import Reader
from marketplace.sourcing.service.marking import Marking
from marketplace.sourcing.service.opening import find_format, open_table
from marketplace.sourcing.service.removing import count_unnamed, stage_unnamed
from marketplace.sourcing.service.restoring import run_restore
from marketplace.sourcing.service.rows import MarketBounds
from marketplace.sourcing.service.running import Run, begin, let_go, take_back
from marketplace.sourcing.service.settling import settle_import, settle_some
from marketplace.sourcing.service.staging import Transactions

FOLDER = "stock"
BREAKER = "stock_breaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came. ``confirm_removals``: the dealer has seen how many cars a full import removes. ``list_after``: into the store."""

    content: bytes
    file_name: str = ""
    mode: ImportMode = ImportMode.DELTA
    dry_run: bool = False
    confirm_removals: bool = False
    list_after: bool = False


def receive(session: Session, files: FileStore, *, principal: Principal, upload: Upload, settings: Settings) -> StockImport:
    """Keep the file, encrypted, and start its import; a small one is finished when this returns.

    The same content right behind itself is the same import. Raises ``ImportRunning``, ``StockFileTooLarge``.
    """
    if len(upload.content) > settings.stock_file_limit_bytes:
        raise StockFileTooLarge(limit_bytes=settings.stock_file_limit_bytes)
    content_hash = sha256_hex(upload.content)
    repeated = _find_repeated(session, dealer_id=principal.party_id, content_hash=content_hash, upload=upload)
    if repeated is not None:
        return repeated
    at = clock.now(session)
    expires_at = at + timedelta(days=settings.stock_upload_days)
    stored = files.put_sealed(FOLDER, upload.content, expires_at=expires_at, limit_bytes=settings.stock_file_limit_bytes)
    row = StockImport(
        dealer_id=principal.party_id,
        uploaded_by=principal.id,
        mode=upload.mode,
        dry_run=upload.dry_run,
        confirm_removals=upload.confirm_removals,
        list_after=upload.list_after,
        state=ImportState.RECEIVED,
        content_hash=content_hash,
        file_key=stored.key,
        file_bytes=stored.size,
        file_expires_at=expires_at,
        file_name=upload.file_name[:200],
        received_at=at,
    )
    return start(
        session, files, row=row, principal=principal, inline=_is_small(session, principal.party_id, upload, settings), settings=settings
    )


def start(session: Session, files: FileStore, *, row: StockImport, principal: Principal, inline: bool, settings: Settings) -> StockImport:
    """Keep the import, and run it here or behind the answer."""
    session.add(row)
    session.flush()
    facts = {"mode": row.mode.value, "dry_run": row.dry_run, "bytes": row.file_bytes, "content_hash": row.content_hash}
    if row.restores_id is not None:
        facts["restores_id"] = str(row.restores_id)
    audit.record(session, principal=principal, act="stock_import.receive", object_kind="stock_import", object_id=row.id, facts=facts)
    if inline:
        run_import(_same(session), files, import_id=row.id, settings=settings)
        while settle_some(session, import_id=row.id, limit=100):
            continue
        session.flush()
        session.refresh(row)
    else:
        outbox.append(session, ImportReceived(import_id=row.id, dealer_id=row.dealer_id), key=import_key(row.id))
    return row


def confirm(session: Session, *, principal: Principal, import_id: UUID) -> StockImport:
    """Run a full import again that the breaker stopped, this time with its removals. Raises ``NothingToConfirm``, ``ImportRunning``."""
    former = queries.find_import(session, import_id)
    assert former is not None
    last = queries.find_last_import(session, dealer_id=former.dealer_id)
    if former.problem_code != BREAKER or former.file_expires_at is None or last is None or last.id != former.id:
        raise NothingToConfirm
    at = clock.now(session)
    if former.file_key is not None and former.file_expires_at <= at:
        raise NothingToConfirm
    copied = ("dealer_id", "mode", "content_hash", "file_key", "file_bytes", "file_expires_at", "file_name", "list_after", "restores_id")
    row = StockImport(
        **{name: getattr(former, name) for name in copied},
        uploaded_by=principal.id,
        confirm_removals=True,
        state=ImportState.RECEIVED,
        received_at=at,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="stock_import.confirm",
        object_kind="stock_import",
        object_id=row.id,
        facts={"confirms_id": str(former.id), "removals": former.rows_removed},
    )
    outbox.append(session, ImportReceived(import_id=row.id, dealer_id=row.dealer_id), key=import_key(row.id))
    return row


def _find_repeated(session: Session, *, dealer_id: UUID, content_hash: str, upload: Upload) -> StockImport | None:
    if upload.dry_run:
        return None
    last = queries.find_last_import(session, dealer_id=dealer_id)
    same = last is not None and (last.content_hash, last.mode, last.confirm_removals, last.restores_id) == (
        content_hash,
        upload.mode,
        upload.confirm_removals,
        None,
    )
    if last is not None and same and last.state in RUNNING | {ImportState.APPLIED}:
        return last
    if queries.find_running(session, dealer_id) is not None:
        raise ImportRunning(retry_after_s=2)
    return None


def _is_small(session: Session, dealer_id: UUID, upload: Upload, settings: Settings) -> bool:
    """Few records, and no former import still to settle. Spreadsheets are read by a process of their own, behind the answer."""
    content = upload.content
    try:
        kind = find_format(Source.of(content[:512]))
    except FileUnreadable:
        return True
    lines = content.count(b"\n") + content.count(b"\r")
    records = content.count(b"{") if kind is FileFormat.JSON else lines
    few = kind is not FileFormat.XLSX and len(content) < 65_536 and records <= settings.stock_inline_rows + 2
    return few and queries.find_unsettled(session, dealer_id) is None


def _same(session: Session) -> Transactions:
    """Every step in the caller's one transaction."""

    @contextmanager
    def transaction() -> Iterator[Session]:
        yield session

    return transaction


def run_received(database: Database, files: FileStore, *, import_id: UUID, settings: Settings) -> None:
    """Run an import that waits, in short transactions of its own. Interrupted and run again it begins anew."""
    run_import(database.writing, files, import_id=import_id, settings=settings)
    settle_import(database, import_id=import_id, aim_ms=settings.stock_chunk_ms)


def run_import(transaction: Transactions, files: FileStore, *, import_id: UUID, settings: Settings) -> None:
    """Read, stage, switch. What refuses the file as a whole becomes the import's own state; it raises only what is our failure."""
    run = begin(transaction, import_id=import_id, aim_ms=settings.stock_chunk_ms)
    if run is None:
        return
    try:
        if run.restores_id is not None:
            run_restore(run, settings=settings)
        else:
            _run_file(run, files, settings=settings)
    except FileUnreadable as refusal:
        take_back(run)
        finishing.refuse(run, code=refusal.code, problem=refusal.title("zh"))
    except FileMissing:
        finishing.refuse(run, code="file_expired", problem="文件已过期,请重新上传")
    except ImportCancelled:
        return
    except Exception:
        let_go(run)
        raise


def _run_file(run: Run, files: FileStore, *, settings: Settings) -> None:
    key = run.file_key
    assert key is not None
    source = Source(lambda: files.open(key, now=run.started_at), run.file_bytes)
    with run.transaction() as session:
        mapping = queries.find_mapping(session, run.staging.dealer_id)
        saved = mapping.headers if mapping is not None else {}
        standing = queries.count_standing(session, run.staging.dealer_id)
        bounds = market_bounds(session)
    table = open_table(source, settings=settings, saved=saved)
    try:
        header = required_header(table, saved)
        reader = Reader(dealer_id=run.staging.dealer_id, header=header, bounds=bounds, rows_max=settings.stock_rows_max)
        marking = Marking(table.header, header, rows_max=settings.stock_error_rows_max)
        read_all(run, table, reader, marking)
    finally:
        table.close()
    removed = count_unnamed(run, reader.named) if run.mode is ImportMode.FULL else 0
    refused = None
    if not run.confirmed and breaks_the_stock(
        standing=standing, removed=removed, share_percent=settings.stock_breaker_percent, free=settings.stock_breaker_free
    ):
        refused = (BREAKER, f"该全量文件将下架{removed}辆(现有{standing}辆),请核对后确认")
    if removed:
        stage_unnamed(run, reader.named, told_only=refused is not None)
    if refused is not None:
        take_back(run)
    finishing.finish(run, files, folder=FOLDER, table=table, header=header, errors=marking.write(), refused=refused)


def required_header(table: Table, saved: dict[str, dict[str, str | None]]) -> HeaderMap:
    """Raises ``FileUnreadable`` when a column is missing without which there is no car."""
    header = map_header(table.header, saved=saved)
    if header.missing:
        names = ", ".join(column.value for column in header.missing)
        raise FileUnreadable(reason=f"columns are missing: {names}", reason_zh=f"缺少列 {names}")
    return header


def market_bounds(session: Session) -> MarketBounds:
    today = clock.shanghai_day(clock.now(session))
    low, high = listings.price_bounds(today)
    return MarketBounds(today=today, ask_min_minor=low, ask_max_minor=high)


def read_all(run: Run, table: Table, reader: Reader, marking: Marking) -> None:
    """The file, a piece in a transaction."""
    numbered: Iterator[tuple[int, Sequence[str]]] = enumerate(table.records, start=1)
    pace = run.pace()
    while piece := list(islice(numbered, pace.size)):
        with pace.measured(len(piece)), run.transaction() as session:
            decided, unchanged = reader.decide(session, piece)
            ready = run.write(session, decided)
            run.counts.total += len(piece)
            run.counts.outcomes[RowOutcome.UNCHANGED] += unchanged
            run.hear(session, permille=table.progress.permille())
        marking.take(ready)
