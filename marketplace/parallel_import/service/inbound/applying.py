"""Reading a feed that came: first all of it is checked, then its cars are taken in, in short transactions, each row with its answer.

Nothing is written before the last byte was read: a feed that breaks in the middle changes nothing. Interrupted and run again it begins
anew; rows taken in already are then unchanged.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import UUID

from marketplace.core import clock
from marketplace.core.crypto import CannotDecrypt
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.files import FileMissing, FileStore
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.inbound import (
    UNDER_WAY,
    FeedUnreadable,
    RowOutcome,
    RunState,
    SourceForm,
    SourceScope,
    breaks_the_fleet,
    find,
)
from marketplace.parallel_import.events import FeedReceived, source_key
from marketplace.parallel_import.models import FeedRow, FeedRun
from marketplace.parallel_import.service import pace
from marketplace.parallel_import.service.inbound.parsing import records
from marketplace.parallel_import.service.inbound.receiving import announce_end
from marketplace.parallel_import.service.inbound.rows import ReadRow, read_row
from marketplace.parallel_import.service.inbound.taking import Taken, leave, take
from marketplace.parallel_import.service.pilots import require_pilot

LEASE_S = 60
ATTEMPTS_MAX = 3
PROGRESS_ROWS = 500


@dataclass(slots=True)
class _Survey:
    """What the first reading found. ``known``: the source's cars by their numbers, as they were last taken in."""

    known: dict[str, tuple[UUID, str, bool]]
    named: set[str] = field(default_factory=set)
    total: int = 0
    bad: int = 0
    unknown: set[str] = field(default_factory=set)

    @property
    def missing(self) -> list[UUID]:
        """Cars that stood in the source and are not named any more."""
        return sorted(import_id for ref, (import_id, _hash, stands) in self.known.items() if stands and ref not in self.named)

    @property
    def standing(self) -> int:
        return sum(stands for _id, _hash, stands in self.known.values())


@dataclass(frozen=True, slots=True)
class _Job:
    """One run of this process."""

    database: Database
    files: FileStore
    run: FeedRun
    form: SourceForm
    principal: Principal
    settings: Settings

    def rows(self) -> Iterator[ReadRow]:
        """The feed's rows. Raises ``FeedUnreadable``."""
        with self.database.reading() as session:
            now = clock.now(session)
        assert self.run.file_key is not None
        try:
            pieces = self.files.open(self.run.file_key, now=now)
            for n, record in enumerate(records(pieces, self.form), start=1):
                if n > self.settings.feed_rows_max:
                    limit = self.settings.feed_rows_max
                    raise FeedUnreadable(reason=f"more than {limit} cars", reason_zh=f"超过 {limit} 辆")
                yield read_row(n, record)
        except (FileMissing, CannotDecrypt) as error:
            raise FeedUnreadable(reason="the kept file has expired", reason_zh="保存的数据已过期") from error


def run(database: Database, files: FileStore, *, run_id: UUID, settings: Settings) -> None:
    """Read a run that waits. Whoever else reads it already is left to it."""
    job = _begin(database, files, run_id, settings)
    if job is None:
        return
    try:
        survey = _survey(job)
        removed = survey.missing if job.run.scope is SourceScope.FULL else []
        if not job.run.confirm_removals and breaks_the_fleet(
            standing=survey.standing,
            removed=len(removed),
            share_percent=settings.feed_breaker_percent,
            free=settings.feed_breaker_free,
        ):
            zh = f"该全量数据将移除 {len(removed)} 辆(现有 {survey.standing} 辆),请确认"
            _end(job, RunState.STOPPED, code="feed_breaker", zh=zh, survey=survey, removals=len(removed))
            return
        counts = _apply(job, survey)
        counts[RowOutcome.REMOVED] = _leave_all(job, removed)
        _end(job, RunState.APPLIED, survey=survey, counts=counts)
    except Refusal as refusal:
        _end(job, RunState.REFUSED, code=refusal.code, zh=refusal.title("zh"))


def _begin(database: Database, files: FileStore, run_id: UUID, settings: Settings) -> _Job | None:
    with database.writing() as session:
        row = queries.lock_run(session, run_id)
        at = clock.now(session)
        if row is None or row.state not in UNDER_WAY or (row.leased_until is not None and row.leased_until > at):
            return None
        source = queries.find_source(session, row.source_id)
        assert source is not None
        row.attempts += 1
        row.state, row.rows_done, row.leased_until = RunState.RUNNING, 0, at + timedelta(seconds=LEASE_S)
        if row.attempts > ATTEMPTS_MAX:
            row.state, row.problem_code, row.problem, row.finished_at = RunState.FAILED, "gave_up", "多次处理未完成", at
            session.add(row)
            announce_end(session, row, settings=settings)
            return None
        queries.forget_rows(session, run_id)
        session.add(row)
        session.flush()
        return _Job(database, files, row, source.form, queries.acting_for(source), settings)


def _survey(job: _Job) -> _Survey:
    with job.database.reading() as session:
        require_pilot(session, principal=job.principal)
        survey = _Survey(queries.list_known(session, job.run.source_id))
    for row in job.rows():
        survey.total += 1
        survey.bad += row.car is None
        survey.unknown |= set(row.unknown) if len(survey.unknown) < 30 else set()
        if row.ref:
            survey.named.add(row.ref)
        if survey.total % (PROGRESS_ROWS * 4) == 0:
            _note(job, rows_total=survey.total)
    _note(job, rows_total=survey.total)
    return survey


def _note(job: _Job, **values: int) -> None:
    """Progress for whoever looks, and a longer lease."""
    with job.database.writing() as session:
        queries.note_progress(session, job.run.id, leased_until=clock.now(session) + timedelta(seconds=LEASE_S), **values)


def _apply(job: _Job, survey: _Survey) -> Counter[RowOutcome]:
    """Take the rows in, as many in one transaction as fit its time."""
    counts: Counter[RowOutcome] = Counter()
    seen: set[str] = set()
    done = 0
    waiting = _changed_rows(job, survey, seen, counts)
    row = next(waiting, None)
    while row is not None:
        with pace.writing(job.database) as session:
            ends_at = monotonic() + job.settings.feed_chunk_ms / 1_000
            answers = []
            while row is not None:
                taken = take(session, run=job.run, principal=job.principal, row=row)
                counts[taken.outcome] += 1
                answers.append(_answer(job.run.id, taken))
                done = row.n
                if monotonic() >= ends_at:
                    break
                row = next(waiting, None)
            session.add_all(answers)
            queries.note_progress(session, job.run.id, leased_until=clock.now(session) + timedelta(seconds=LEASE_S), rows_done=done)
        row = next(waiting, None) if row is not None else None
    return counts


def _changed_rows(job: _Job, survey: _Survey, seen: set[str], counts: Counter[RowOutcome]) -> Iterator[ReadRow]:
    """Rows that are not as they were last taken in; the others cost a look-up in memory."""
    for row in job.rows():
        if row.ref and row.ref in seen:
            yield ReadRow(row.n, row.ref, None, "", (find("ref", "duplicate"),), row.unknown)
            continue
        seen.add(row.ref)
        known = survey.known.get(row.ref)
        if row.car is not None and known is not None and known[1] == row.row_hash and known[2]:
            counts[RowOutcome.UNCHANGED] += 1
        else:
            yield row


def _answer(run_id: UUID, taken: Taken) -> FeedRow:
    return FeedRow(
        run_id=run_id,
        n=taken.row.n,
        ref=taken.row.ref,
        outcome=taken.outcome,
        import_id=taken.import_id,
        findings=[one.document() for one in taken.findings],
    )


def _leave_all(job: _Job, removed: list[UUID]) -> int:
    waiting = list(reversed(removed))
    while waiting:
        with pace.writing(job.database) as session:
            ends_at = monotonic() + job.settings.feed_chunk_ms / 1_000
            while waiting and monotonic() < ends_at:
                leave(session, principal=job.principal, import_id=waiting.pop(), source_id=job.run.source_id)
            queries.note_progress(session, job.run.id, leased_until=clock.now(session) + timedelta(seconds=LEASE_S))
    return len(removed)


def _end(
    job: _Job,
    state: RunState,
    *,
    code: str | None = None,
    zh: str = "",
    survey: _Survey | None = None,
    counts: Counter[RowOutcome] | None = None,
    removals: int = 0,
) -> None:
    with job.database.writing() as session:
        row = queries.lock_run(session, job.run.id)
        assert row is not None
        row.state, row.problem_code, row.problem, row.finished_at = state, code, zh[:400], clock.now(session)
        row.leased_until = None
        if survey is not None:
            row.rows_total, row.unknown_fields = survey.total, sorted(survey.unknown)[:30]
            row.rows_bad = survey.bad
        if counts is not None:
            _count(row, counts)
        row.rows_removed = removals or row.rows_removed
        session.add(row)
        session.flush()
        announce_end(session, row, settings=job.settings)


def _count(row: FeedRun, counts: Counter[RowOutcome]) -> None:
    row.rows_done = row.rows_total
    row.rows_added = counts[RowOutcome.ADDED]
    row.rows_changed = counts[RowOutcome.CHANGED]
    row.rows_unchanged = counts[RowOutcome.UNCHANGED]
    row.rows_held_back = counts[RowOutcome.HELD_BACK]
    row.rows_removed = counts[RowOutcome.REMOVED]
    row.rows_bad = counts[RowOutcome.BAD]


def confirm(session: Session, *, row: FeedRun) -> None:
    """The pilot has seen how many cars go: the run starts again."""
    row.confirm_removals, row.state, row.attempts = True, RunState.RECEIVED, 0
    row.problem_code, row.problem, row.finished_at, row.leased_until = None, "", None, None
    session.add(row)
    session.flush()
    append(session, FeedReceived(run_id=row.id, source_id=row.source_id), key=source_key(row.source_id))


def wake_stuck(session: Session, *, limit: int) -> int:
    """Runs whose reader died are read again; returns how many."""
    at = clock.now(session)
    found = queries.lock_stuck_runs(session, at=at, waiting_since=at - timedelta(seconds=LEASE_S), limit=limit)
    for row in found:
        row.leased_until = None
        row.received_again_at = at
        session.add(row)
        append(session, FeedReceived(run_id=row.id, source_id=row.source_id), key=source_key(row.source_id))
    return len(found)
