"""The end of an import: counts, the marked-up spreadsheet, the switch, and what others hear."""

from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.files import FileStore
from marketplace.sourcing.domain import ImportCancelled, ImportState, RowOutcome
from marketplace.sourcing.domain.columns import HeaderMap
from marketplace.sourcing.domain.sources import Table
from marketplace.sourcing.events import ImportApplied, import_key
from marketplace.sourcing.models.stock import StockImport
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.running import Counts, Run
from marketplace.sourcing.service.staging import switch


def finish(
    run: Run,
    files: FileStore | None,
    *,
    folder: str,
    table: Table | None,
    header: HeaderMap | None,
    errors: bytes | None,
    refused: tuple[str, str] | None,
) -> None:
    """One short transaction, whatever the file's size."""
    with run.transaction() as session:
        row = _own(session, run)
        if errors is not None and files is not None and row.file_expires_at is not None:
            row.errors_key = files.put_sealed(folder, errors, expires_at=row.file_expires_at).key
        if table is not None and header is not None:
            row.format, row.encoding, row.delimiter = table.format, table.encoding, table.delimiter
            row.columns = {
                "mapped": {mapped.header: column.value for column, mapped in header.columns.items()},
                "ignored": list(header.unknown),
            }
        _count(row, run.counts)
        row.progress_permille = 1_000
        row.finished_at = clock.now(session)
        if refused is not None:
            row.state = ImportState.REFUSED
            row.problem_code, row.problem = refused
        elif row.dry_run:
            row.state = ImportState.CHECKED
        else:
            switch(row, version=queries.find_last_version(session, row.dealer_id) + 1)
            row.state = ImportState.APPLIED
        session.add(row)
        session.flush()
        _announce(session, row)


def refuse(run: Run, *, code: str, problem: str) -> None:
    """The file as a whole; nothing of it remains but its answers."""
    with run.transaction() as session:
        row = _own(session, run)
        row.state, row.problem_code, row.problem = ImportState.REFUSED, code, problem[:400]
        row.finished_at = clock.now(session)
        session.add(row)
        _announce(session, row)


def _own(session: Session, run: Run) -> StockImport:
    row = queries.lock_import(session, run.staging.import_id)
    if row is None or row.run_id != run.run_id or row.state is not ImportState.RUNNING:
        raise ImportCancelled
    return row


def _count(row: StockImport, counts: Counts) -> None:
    row.rows_total = counts.total
    row.rows_bad = counts.outcomes[RowOutcome.BAD]
    row.rows_good = row.rows_total - row.rows_bad
    row.rows_added = counts.outcomes[RowOutcome.ADDED]
    row.rows_changed = counts.outcomes[RowOutcome.CHANGED]
    row.rows_unchanged = counts.outcomes[RowOutcome.UNCHANGED]
    row.rows_removed = counts.outcomes[RowOutcome.REMOVED]
    row.rows_warned = counts.warned


def _announce(session: Session, row: StockImport) -> None:
    facts = {
        "state": row.state.value,
        "added": row.rows_added,
        "changed": row.rows_changed,
        "removed": row.rows_removed,
        "bad": row.rows_bad,
        "version": row.version,
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
