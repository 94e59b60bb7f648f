"""An import on its way: one runner at a time, heard of with every piece, taken back whole when it comes to nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.ids import new_id
from marketplace.sourcing.domain import RUNNING, ImportCancelled, ImportMode, ImportState, RowOutcome
from marketplace.sourcing.models.stock import StockImport
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.deciding import Decided
from marketplace.sourcing.service.settling import settle_some
from marketplace.sourcing.service.staging import Pace, Staging, Transactions, forget_answers, forget_some, stage, write_results

HEARD_S = 120
"""A runner not heard of for so long is gone."""


@dataclass(slots=True)
class Counts:
    """What became of the records so far."""

    outcomes: Counter[RowOutcome] = field(default_factory=Counter)
    warned: int = 0
    total: int = 0

    def take(self, decided: Sequence[Decided]) -> None:
        self.outcomes.update(one.outcome for one in decided)
        self.warned += sum(
            one.outcome is not RowOutcome.BAD and any(finding.severity == "warning" for finding in one.findings) for one in decided
        )


@dataclass(slots=True)
class Run:
    """One runner's hold on one import."""

    transaction: Transactions
    staging: Staging
    run_id: UUID
    mode: ImportMode
    dry_run: bool
    confirmed: bool
    restores_id: UUID | None
    file_key: str | None
    file_bytes: int
    started_at: datetime
    aim_ms: int
    counts: Counts = field(default_factory=Counts)

    def pace(self) -> Pace:
        return Pace(self.aim_ms)

    def hear(self, session: Session, *, permille: int) -> None:
        """Tell how far it is. Raises ``ImportCancelled`` when it is another's, or over."""
        heard = session.connection().execute(
            sa.update(StockImport)
            .where(
                col(StockImport.id) == self.staging.import_id,
                col(StockImport.run_id) == self.run_id,
                col(StockImport.state) == ImportState.RUNNING,
            )
            .values(heard_at=clock.now(session), progress_permille=permille, rows_total=self.counts.total)
        )
        if heard.rowcount != 1:
            raise ImportCancelled

    def write(self, session: Session, decided: Sequence[Decided]) -> list[Decided]:
        """Stage good rows unless this is a dry run, and keep the answers."""
        ready = list(decided) if self.dry_run else stage(session, self.staging, decided)
        write_results(session, import_id=self.staging.import_id, decided=ready)
        self.counts.take(ready)
        return ready


def begin(transaction: Transactions, *, import_id: UUID, aim_ms: int) -> Run | None:
    """Take hold of an import that waits, or whose runner is gone; None when there is nothing to do.

    What a former run left is taken back.
    """
    with transaction() as session:
        row = queries.lock_import(session, import_id)
        at = clock.now(session)
        if row is None or row.state not in RUNNING:
            return None
        if row.run_id is not None and row.heard_at is not None and at < row.heard_at + timedelta(seconds=HEARD_S):
            return None
        is_second = row.run_id is not None
        row.state, row.run_id, row.heard_at, row.progress_permille = ImportState.RUNNING, new_id(), at, 0
        session.add(row)
        session.flush()
        run = Run(
            transaction=transaction,
            staging=Staging(row.id, row.dealer_id, row.uploaded_by),
            run_id=row.run_id,
            mode=row.mode,
            dry_run=row.dry_run,
            confirmed=row.confirm_removals,
            restores_id=row.restores_id,
            file_key=row.file_key,
            file_bytes=row.file_bytes,
            started_at=at,
            aim_ms=aim_ms,
        )
    if is_second:
        take_back(run, answers=True)
    _settle_former(run)
    return run


def let_go(run: Run) -> None:
    """The run failed on our side: the next one may begin at once."""
    with run.transaction() as session:
        row = queries.lock_import(session, run.staging.import_id)
        if row is not None and row.run_id == run.run_id and row.state is ImportState.RUNNING:
            row.heard_at = None
            session.add(row)


def take_back(run: Run, *, answers: bool = False) -> None:
    """Undo what was staged, some in a transaction; with ``answers`` what was said of the rows too."""
    pace = run.pace()
    while not run.dry_run:
        with pace.measured(pace.size), run.transaction() as session:
            if not forget_some(session, staging=run.staging, limit=pace.size):
                break
    while answers:
        with pace.measured(pace.size), run.transaction() as session:
            if not forget_answers(session, import_id=run.staging.import_id, limit=pace.size):
                break


def _settle_former(run: Run) -> None:
    """What the last import made visible is written first: rows are compared with the stock's own columns."""
    with run.transaction() as session:
        former = queries.find_unsettled(session, run.staging.dealer_id)
    while former is not None:
        pace = run.pace()
        while True:
            with pace.measured(pace.size), run.transaction() as session:
                if not settle_some(session, import_id=former, limit=pace.size):
                    break
        with run.transaction() as session:
            former = queries.find_unsettled(session, run.staging.dealer_id)
