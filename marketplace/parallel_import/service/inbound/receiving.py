"""A feed that came, pushed or pulled: its signature is checked before a byte of it is read, then it is kept, and waits to be read."""

import base64
import hashlib
import hmac
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import IO
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.core import audit, clock
from marketplace.core.crypto import verify
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.files import FileStore, FileTooLarge, StoredFile
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.feeds import api as feeds
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.inbound import (
    GOOD_ENDS,
    FeedOutdated,
    FeedTooLarge,
    RunState,
    RunUnderWay,
    SignatureWrong,
    Signing,
    SourceMode,
    SourcePaused,
    SourceState,
    rest_s,
)
from marketplace.parallel_import.events import FeedFinished, FeedReceived, source_key
from marketplace.parallel_import.gateway import Fetched, FetchFailed, decode_signature, fetch
from marketplace.parallel_import.models import FeedRun, ImportSource
from marketplace.parallel_import.service.inbound import sources
from marketplace.parallel_import.service.inbound.opening import unpacked
from marketplace.parallel_import.service.pilots import require_pilot

FOLDER = "imports"


def is_signed(source: ImportSource, *, digest: bytes, sequence: int, signature: bytes) -> bool:
    """Whether the source's key signed this digest and sequence."""
    content = feeds.signed_text(sequence, feeds.digest_text(digest))
    if source.signing is Signing.HMAC:
        return hmac.compare_digest(hmac.new((source.secret or "").encode(), content, hashlib.sha256).digest(), signature)
    return verify(base64.b64decode(source.public_key or ""), content, signature)


def keep(files: FileStore, body: IO[bytes], *, expires_at: object, settings: Settings) -> StoredFile:
    """The unpacked feed, encrypted, with an expiry. Raises ``FeedTooLarge``, ``FeedUnreadable``."""
    limit = settings.feed_file_limit_bytes
    try:
        return files.put_sealed(FOLDER, unpacked(body, limit_bytes=limit), expires_at=expires_at)  # type: ignore[arg-type]
    except FileTooLarge as error:
        raise FeedTooLarge(limit_bytes=limit) from error


# --- pushed ---------------------------------------------------------------------------------------------------------------


def push(
    session: Session,
    files: FileStore,
    *,
    principal: Principal,
    source_id: UUID,
    content: bytes,
    sequence: int,
    signature: str,
    settings: Settings,
) -> FeedRun:
    """A feed the pilot sent. The same content again is the same run.

    Raises ``SourceNotFound``, ``SourcePaused``, ``SignatureWrong``, ``FeedOutdated``, ``RunUnderWay``, ``FeedTooLarge``,
    ``FeedUnreadable`` and what ``require_pilot`` raises.
    """
    source = sources.lock_own(session, principal=principal, source_id=source_id)
    require_pilot(session, principal=principal)
    if source.state is not SourceState.ACTIVE or source.mode is not SourceMode.PUSH:
        raise SourcePaused
    digest = hashlib.sha256(content).digest()
    if sequence < 1 or not is_signed(source, digest=digest, sequence=sequence, signature=decode_signature(signature)):
        raise SignatureWrong
    repeated = queries.find_repeated_run(session, source_id, content_hash=digest.hex(), sequence=sequence)
    if repeated is not None:
        return repeated
    if sequence <= source.last_sequence:
        raise FeedOutdated(sequence=sequence, last=source.last_sequence)
    expires_at = clock.now(session) + timedelta(days=settings.feed_keep_days)
    stored = keep(files, io.BytesIO(content), expires_at=expires_at, settings=settings)
    return start(
        session, source=source, stored=stored, content_hash=digest.hex(), sequence=sequence, principal=principal, settings=settings
    )


def start(
    session: Session,
    *,
    source: ImportSource,
    stored: StoredFile,
    content_hash: str,
    sequence: int,
    principal: Principal | None,
    settings: Settings,
) -> FeedRun:
    """A run that waits to be read. Raises ``RunUnderWay``."""
    at = clock.now(session)
    row = FeedRun(
        source_id=source.id,
        pilot_id=source.pilot_id,
        is_pulled=principal is None,
        scope=source.scope,
        content_hash=content_hash,
        sequence=sequence,
        size_bytes=stored.size,
        file_key=stored.key,
        file_expires_at=at + timedelta(days=settings.feed_keep_days),
        received_at=at,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise RunUnderWay(retry_after_s=5) from error
    source.last_run_id, source.last_checked_at = row.id, at
    source.last_sequence = max(source.last_sequence, sequence)
    session.add(source)
    session.flush()
    facts = {"source_id": str(source.id), "bytes": stored.size, "sequence": sequence}
    audit.record(session, principal=principal, act="import_run.receive", object_kind="import_run", object_id=row.id, facts=facts)
    append(session, FeedReceived(run_id=row.id, source_id=source.id), key=source_key(source.id))
    return row


# --- pulled ---------------------------------------------------------------------------------------------------------------


def pull(database: Database, files: FileStore, *, source_id: UUID, settings: Settings) -> None:
    """Ask a source once. No transaction is held while it answers; whatever it does, its next turn is set."""
    with database.reading() as session:
        source = queries.find_source(session, source_id)
        last = queries.find_run(session, source.last_run_id) if source is not None and source.last_run_id else None
    if source is None or source.mode is not SourceMode.PULL or source.state is not SourceState.ACTIVE or source.url is None:
        return
    try:
        etag = "" if last is not None and last.rows_held_back else source.etag  # what was held back is worth another look
        with _pilot_may(database, source), fetch(source.url, etag=etag, settings=settings) as fetched:
            _take(database, files, source, fetched, settings)
    except FetchFailed as failure:
        _failed(database, source_id, code=failure.code, zh=failure.zh, settings=settings)
    except Refusal as refusal:
        _failed(database, source_id, code=refusal.code, zh=refusal.title("zh"), settings=settings)


@contextmanager
def _pilot_may(database: Database, source: ImportSource) -> Iterator[None]:
    with database.reading() as session:
        require_pilot(session, principal=queries.acting_for(source))
    yield


def _take(database: Database, files: FileStore, source: ImportSource, fetched: Fetched, settings: Settings) -> None:
    if fetched.body is None:
        _came(database, source.id, etag=source.etag, settings=settings)
        return
    sequence = int(fetched.sequence) if fetched.sequence.isdecimal() and fetched.sequence.isascii() and len(fetched.sequence) < 19 else 0
    if not is_signed(source, digest=fetched.digest, sequence=sequence, signature=decode_signature(fetched.signature)):
        raise SignatureWrong
    if 0 < sequence < source.last_sequence:
        raise FeedOutdated(sequence=sequence, last=source.last_sequence)
    with database.reading() as session:
        at = clock.now(session)
        is_same = queries.is_last_taken(session, source, content_hash=fetched.digest.hex())
    if is_same:
        _came(database, source.id, etag=fetched.etag, settings=settings)
        return
    stored = keep(files, fetched.body, expires_at=at + timedelta(days=settings.feed_keep_days), settings=settings)
    with database.writing() as session:
        row = queries.lock_source(session, source.id)
        assert row is not None
        start(session, source=row, stored=stored, content_hash=fetched.digest.hex(), sequence=sequence, principal=None, settings=settings)
        _rest(session, row, failures=row.failures, etag=fetched.etag, settings=settings)


def _came(database: Database, source_id: UUID, *, etag: str, settings: Settings) -> None:
    with database.writing() as session:
        row = queries.lock_source(session, source_id)
        assert row is not None
        _rest(session, row, failures=0, etag=etag, settings=settings)


def _failed(database: Database, source_id: UUID, *, code: str, zh: str, settings: Settings) -> None:
    with database.writing() as session:
        row = queries.lock_source(session, source_id)
        assert row is not None
        _rest(session, row, failures=row.failures + 1, etag=row.etag, settings=settings)
        row.problem_code, row.problem = code, zh[:400]
        if row.failures == settings.feed_circuit_after:
            audit.record(
                session,
                principal=None,
                act="import_source.circuit_open",
                object_kind="import_source",
                object_id=row.id,
                facts={"failures": row.failures, "code": code},
            )


def _rest(session: Session, row: ImportSource, *, failures: int, etag: str, settings: Settings) -> None:
    at = clock.now(session)
    row.failures, row.etag, row.leased_until, row.last_checked_at = failures, etag, None, at
    if failures == 0:
        row.problem_code, row.problem = None, ""
    wait_s = rest_s(every_s=row.every_s, failures=failures, circuit_after=settings.feed_circuit_after)
    row.next_pull_at = at + timedelta(seconds=wait_s)
    session.add(row)
    session.flush()


def announce_end(session: Session, run: FeedRun, *, settings: Settings) -> None:
    """A run came to its end: on record, and told. A refused feed is a failure of its source, and is asked for anew."""
    source = queries.lock_source(session, run.source_id)
    assert source is not None
    if run.state not in GOOD_ENDS and run.state is not RunState.STOPPED:
        if run.is_pulled:
            _rest(session, source, failures=source.failures + 1, etag="", settings=settings)
        source.problem_code, source.problem = run.problem_code, run.problem
    else:
        if run.is_pulled:
            _rest(session, source, failures=0, etag=source.etag, settings=settings)
        source.problem_code, source.problem = run.problem_code, run.problem
    session.add(source)
    session.flush()
    facts = {
        "added": run.rows_added,
        "changed": run.rows_changed,
        "held_back": run.rows_held_back,
        "removed": run.rows_removed,
        "bad": run.rows_bad,
    }
    act = f"import_run.{run.state.value}"
    audit.record(session, principal=None, act=act, object_kind="import_run", object_id=run.id, facts=facts)
    event = FeedFinished(run_id=run.id, source_id=run.source_id, pilot_id=run.pilot_id, state=run.state.value, failures=source.failures)
    append(session, event, key=source_key(run.source_id))
