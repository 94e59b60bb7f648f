"""Dealer stock from a file: received, read, staged, switched visible; every bad row named, none stops a good one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from marketplace.core import audit, clock, outbox
from marketplace.core.crypto import sha256_hex
from marketplace.core.db import Database, Session
from marketplace.core.files import FileStore
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.listings import api as listings
from marketplace.sourcing import queries
from marketplace.sourcing.domain import (
    RUNNING,
    FileUnreadable,
    ImportMode,
    ImportRunning,
    ImportState,
    RowOutcome,
    StockFileTooLarge,
    StockState,
    breaks_the_stock,
)
from marketplace.sourcing.domain.columns import HeaderMap, map_header
from marketplace.sourcing.domain.csv_files import Table, read_table, write_table
from marketplace.sourcing.events import ImportApplied, ImportReceived, import_key
from marketplace.sourcing.models import StockImport
from marketplace.sourcing.service.rows import MarketBounds, ParsedRow, parse_rows
from marketplace.sourcing.service.staging import (
    Decided,
    Transactions,
    chunks,
    decide,
    forget,
    stage,
    stage_removals,
    switch,
    write_results,
)

FOLDER = "stock"
BREAKER = "stock_breaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it came. ``confirm_removals``: the dealer has seen how many cars a full import removes."""

    content: bytes
    file_name: str = ""
    mode: ImportMode = ImportMode.DELTA
    dry_run: bool = False
    confirm_removals: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A file's rows, read but not yet looked up."""

    table: Table
    header: HeaderMap
    rows: list[ParsedRow]


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
        state=ImportState.RECEIVED,
        content_hash=content_hash,
        file_key=stored.key,
        file_expires_at=expires_at,
        file_name=upload.file_name[:200],
        received_at=at,
    )
    session.add(row)
    session.flush()
    facts = {"mode": row.mode.value, "dry_run": row.dry_run, "bytes": len(upload.content), "content_hash": content_hash}
    audit.record(session, principal=principal, act="stock_import.receive", object_kind="stock_import", object_id=row.id, facts=facts)
    if _is_small(upload.content, settings):
        run_import(_same(session), files, import_id=row.id, settings=settings)
        session.flush()
        session.refresh(row)
    else:
        outbox.append(session, ImportReceived(import_id=row.id, dealer_id=row.dealer_id), key=import_key(row.id))
    return row


def _find_repeated(session: Session, *, dealer_id: UUID, content_hash: str, upload: Upload) -> StockImport | None:
    if upload.dry_run:
        return None
    last = queries.find_last_import(session, dealer_id=dealer_id)
    same = last is not None and (last.content_hash, last.mode, last.confirm_removals) == (
        content_hash,
        upload.mode,
        upload.confirm_removals,
    )
    if last is not None and same and last.state in RUNNING | {ImportState.APPLIED}:
        return last
    if queries.find_running(session, dealer_id) is not None:
        raise ImportRunning(retry_after_s=2)
    return None


def _is_small(content: bytes, settings: Settings) -> bool:
    return content.count(b"\n") + content.count(b"\r") <= settings.stock_inline_rows + 2


def _same(session: Session) -> Transactions:
    """Every step in the caller's one transaction."""

    @contextmanager
    def transaction() -> Iterator[Session]:
        yield session

    return transaction


def run_received(database: Database, files: FileStore, *, import_id: UUID, settings: Settings) -> None:
    """Run an import that waits, in short transactions of its own. Interrupted and run again it begins anew."""
    run_import(database.writing, files, import_id=import_id, settings=settings)


def run_import(transaction: Transactions, files: FileStore, *, import_id: UUID, settings: Settings) -> None:
    """Read, stage, switch. What refuses the file as a whole becomes the import's own state; nothing else is raised."""
    with transaction() as session:
        row = queries.lock_import(session, import_id)
        if row is None or row.state not in RUNNING:
            return
        forget(session, import_id=import_id)
        row.state = ImportState.RUNNING
        session.add(row)
        now = clock.now(session)
        dealer_id, file_key, dry_run = row.dealer_id, row.file_key, row.dry_run
        hashes = queries.list_stock_hashes(session, dealer_id)
    assert file_key is not None
    try:
        read = read_file(files.get(file_key, now=now), today_bounds=_bounds(transaction), rows_max=settings.stock_rows_max)
    except FileUnreadable as refusal:
        _refuse(transaction, import_id, code=refusal.code, problem=refusal.title("zh"))
        return
    decided = _decide_all(transaction, read.rows, dealer_id=dealer_id, hashes=hashes, aim_ms=settings.stock_chunk_ms)
    removed = _find_removed(decided, hashes) if row.mode is ImportMode.FULL else []
    standing = sum(state is StockState.IN_STOCK for _hash, state in hashes.values())
    if not row.confirm_removals and breaks_the_stock(
        standing=standing, removed=len(removed), share_percent=settings.stock_breaker_percent, free=settings.stock_breaker_free
    ):
        problem = f"该全量文件将下架{len(removed)}辆(现有{standing}辆),请确认后以 confirm_removals=true 重新上传"
        _finish(transaction, files, import_id, read=read, decided=decided, removed=len(removed), refused=(BREAKER, problem))
        return
    if not dry_run:
        decided = _stage_all(transaction, import_id, decided, removed, aim_ms=settings.stock_chunk_ms)
    _finish(transaction, files, import_id, read=read, decided=decided, removed=len(removed))


def read_file(content: bytes, *, today_bounds: MarketBounds, rows_max: int) -> Read:
    """The file's rows. Raises ``FileUnreadable``, also when a required column is missing."""
    table = read_table(content, rows_max=rows_max)
    header = map_header(table.header)
    if header.missing:
        names = ", ".join(column.value for column in header.missing)
        raise FileUnreadable(reason=f"columns are missing: {names}", reason_zh=f"缺少列 {names}")
    return Read(table, header, parse_rows(header, table.records, bounds=today_bounds))


def _bounds(transaction: Transactions) -> MarketBounds:
    with transaction() as session:
        today = clock.shanghai_day(clock.now(session))
    low, high = listings.price_bounds(today)
    return MarketBounds(today=today, ask_min_minor=low, ask_max_minor=high)


def _decide_all(
    transaction: Transactions,
    rows: Sequence[ParsedRow],
    *,
    dealer_id: UUID,
    hashes: dict[UUID, tuple[str, StockState]],
    aim_ms: int,
) -> list[Decided]:
    decided: list[Decided] = []
    for piece in chunks(rows, aim_ms=aim_ms):
        with transaction() as session:
            decided += [decide(session, dealer_id=dealer_id, row=row, hashes=hashes) for row in piece]
    return decided


def _find_removed(decided: Sequence[Decided], hashes: dict[UUID, tuple[str, StockState]]) -> list[UUID]:
    """Standing cars no row names, not even a bad one whose VIN can be read."""
    named = {one.vehicle_id for one in decided if one.vehicle_id is not None}
    return sorted(vehicle_id for vehicle_id, (_hash, state) in hashes.items() if state is StockState.IN_STOCK and vehicle_id not in named)


def _stage_all(
    transaction: Transactions, import_id: UUID, decided: Sequence[Decided], removed: Sequence[UUID], *, aim_ms: int
) -> list[Decided]:
    staged: list[Decided] = []
    for piece in chunks(decided, aim_ms=aim_ms):
        with transaction() as session:
            upload = queries.find_import(session, import_id)
            assert upload is not None
            staged += [stage(session, upload=upload, decided=one) for one in piece]
    for removals in chunks(removed, aim_ms=aim_ms):
        with transaction() as session:
            upload = queries.find_import(session, import_id)
            assert upload is not None
            stage_removals(session, upload=upload, vehicle_ids=removals)
    return staged


def _finish(
    transaction: Transactions,
    files: FileStore,
    import_id: UUID,
    *,
    read: Read,
    decided: Sequence[Decided],
    removed: int,
    refused: tuple[str, str] | None = None,
) -> None:
    """Keep the answers, write the error table, then switch."""
    for piece in chunks(decided, aim_ms=100):
        with transaction() as session:
            write_results(session, import_id=import_id, decided=piece)
    errors = write_errors(read, decided)
    with transaction() as session:
        row = queries.lock_import(session, import_id)
        assert row is not None
        at = clock.now(session)
        if errors is not None and row.file_expires_at is not None:
            row.errors_key = files.put_sealed(FOLDER, errors, expires_at=row.file_expires_at).key
        _count(row, read=read, decided=decided, removed=removed)
        row.finished_at = at
        if refused is not None:
            row.state = ImportState.REFUSED
            row.problem_code, row.problem = refused
        elif row.dry_run:
            row.state = ImportState.CHECKED
        else:
            switch(session, upload=row, at=at)
            row.state = ImportState.APPLIED
        session.add(row)
        _announce(session, row)


def _count(row: StockImport, *, read: Read, decided: Sequence[Decided], removed: int) -> None:
    outcomes = Counter(one.outcome for one in decided)
    row.encoding, row.delimiter = read.table.encoding, read.table.delimiter
    row.columns = {
        "mapped": {mapped.header: column.value for column, mapped in read.header.columns.items()},
        "ignored": list(read.header.unknown),
    }
    row.rows_total = len(decided)
    row.rows_bad = outcomes[RowOutcome.BAD]
    row.rows_good = row.rows_total - row.rows_bad
    row.rows_added = outcomes[RowOutcome.ADDED]
    row.rows_changed = outcomes[RowOutcome.CHANGED]
    row.rows_unchanged = outcomes[RowOutcome.UNCHANGED]
    row.rows_removed = removed
    row.rows_warned = sum(
        one.outcome is not RowOutcome.BAD and any(finding.severity == "warning" for finding in one.findings) for one in decided
    )


def _announce(session: Session, row: StockImport) -> None:
    facts = {
        "state": row.state.value,
        "added": row.rows_added,
        "changed": row.rows_changed,
        "removed": row.rows_removed,
        "bad": row.rows_bad,
    }
    audit.record(session, principal=None, act="stock_import.finish", object_kind="stock_import", object_id=row.id, facts=facts)
    if row.state is ImportState.APPLIED:
        event = ImportApplied(
            import_id=row.id,
            dealer_id=row.dealer_id,
            added=row.rows_added,
            changed=row.rows_changed,
            removed=row.rows_removed,
            bad=row.rows_bad,
        )
        outbox.append(session, event, key=import_key(row.id))


def _refuse(transaction: Transactions, import_id: UUID, *, code: str, problem: str) -> None:
    with transaction() as session:
        row = queries.lock_import(session, import_id)
        assert row is not None
        row.state, row.problem_code, row.problem = ImportState.REFUSED, code, problem[:400]
        row.finished_at = clock.now(session)
        session.add(row)
        _announce(session, row)


def write_errors(read: Read, decided: Sequence[Decided]) -> bytes | None:
    """The marked-up table: the dealer's own bad and doubtful rows, each with what is wrong and how to mend it. None when all is well."""
    marked = [one for one in decided if one.findings]
    if not marked:
        return None
    header = ["行号", "结果", "问题", "处理建议", *read.table.header]
    rows = []
    for one in marked:
        problems = ";".join(f"{finding.column or finding.field}:{finding.zh}" for finding in one.findings)
        hints = ";".join(dict.fromkeys(finding.hint for finding in one.findings))
        outcome = "未导入" if one.outcome is RowOutcome.BAD else "已导入,请核对"
        rows.append([str(one.row.n), outcome, problems, hints, *read.table.records[one.row.n - 1]])
    return write_table(header, rows)
