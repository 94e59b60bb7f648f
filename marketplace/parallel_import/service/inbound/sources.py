"""A pilot's feed sources: how they come, how often, and by whose key they are signed."""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.exceptions import UnsupportedAlgorithm

from marketplace.core import audit, clock, http
from marketplace.core.crypto import verify
from marketplace.core.db import Session
from marketplace.core.outbox import append
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain.inbound import (
    CircuitOpen,
    NotPulled,
    Signing,
    SourceIncomplete,
    SourceLimit,
    SourceMode,
    SourceNotFound,
    SourcePaused,
    SourceState,
)
from marketplace.parallel_import.events import FeedPullDue, source_key
from marketplace.parallel_import.models import ImportSource
from marketplace.parallel_import.service.pilots import require_pilot

SECRET_BYTES_MIN = 16
SIGNIFICANT = frozenset({"url", "secret", "public_key"})


def create(session: Session, *, principal: Principal, settings: Settings, **facts: Any) -> ImportSource:
    """A source of the caller's. Raises ``SourceIncomplete``, ``SourceLimit``, ``UrlRefused`` and what ``require_pilot`` raises."""
    require_pilot(session, principal=principal)
    if queries.count_sources(session, principal.party_id) >= settings.feed_sources_max:
        raise SourceLimit(limit=settings.feed_sources_max)
    at = clock.now(session)
    row = ImportSource(pilot_id=principal.party_id, created_by=principal.id, created_at=at, **facts)
    _check(row)
    row.next_pull_at = at if row.mode is SourceMode.PULL else None
    session.add(row)
    session.flush()
    _audit(session, principal, row, "import_source.create", {"mode": row.mode.value, "form": row.form.value})
    return row


def change(session: Session, *, principal: Principal, source_id: UUID, changes: dict[str, Any]) -> ImportSource:
    """Change settings; another address or key starts anew. Raises ``SourceNotFound``, ``SourceIncomplete``, ``UrlRefused``."""
    row = lock_own(session, principal=principal, source_id=source_id)
    for name, value in changes.items():
        setattr(row, name, value)
    _check(row)
    if {"url", "form", "secret", "public_key", "state"} & set(changes):
        row.failures, row.problem_code, row.problem, row.etag = 0, None, "", ""
    if row.mode is SourceMode.PULL and (set(changes) - {"name"}):
        row.next_pull_at = clock.now(session)
    session.add(row)
    session.flush()
    _audit(session, principal, row, "import_source.change", {"fields": sorted(changes)})
    return row


def _check(row: ImportSource) -> None:
    if (row.mode is SourceMode.PULL) != (row.url is not None):
        raise SourceIncomplete(field="url")
    if row.url is not None:
        http.check_url(row.url)
    if row.signing is Signing.HMAC and len((row.secret or "").encode()) < SECRET_BYTES_MIN:
        raise SourceIncomplete(field="secret")
    if row.signing is Signing.ED25519 and not _is_public_key(row.public_key or ""):
        raise SourceIncomplete(field="public_key")


def _is_public_key(text: str) -> bool:
    try:
        key = base64.b64decode(text, validate=True)
        verify(key, b"", b"")
    except (ValueError, UnsupportedAlgorithm):
        return False
    return len(key) == 32


def get_own(session: Session, *, principal: Principal, source_id: UUID) -> ImportSource:
    """Raises ``SourceNotFound``."""
    row = queries.find_source(session, source_id)
    if row is None or row.pilot_id != principal.party_id:
        raise SourceNotFound
    return row


def lock_own(session: Session, *, principal: Principal, source_id: UUID) -> ImportSource:
    row = queries.lock_source(session, source_id)
    if row is None or row.pilot_id != principal.party_id:
        raise SourceNotFound
    return row


def pull_now(session: Session, *, principal: Principal, source_id: UUID, settings: Settings) -> ImportSource:
    """Ask at once instead of at the next turn. Raises ``SourceNotFound``, ``NotPulled``, ``SourcePaused``, ``CircuitOpen``."""
    row = lock_own(session, principal=principal, source_id=source_id)
    if row.mode is not SourceMode.PULL:
        raise NotPulled
    if row.state is not SourceState.ACTIVE:
        raise SourcePaused
    at = clock.now(session)
    if row.failures >= settings.feed_circuit_after and row.next_pull_at is not None and row.next_pull_at > at:
        raise CircuitOpen(retry_after_s=max(1, round((row.next_pull_at - at).total_seconds())))
    if row.leased_until is None or row.leased_until <= at:
        _claim(session, row, at, settings)
    return row


def claim_due(session: Session, *, limit: int, settings: Settings) -> int:
    """Give out the sources whose time has come; returns how many. A lease keeps each to one puller."""
    at = clock.now(session)
    found = queries.lock_due_sources(session, at=at, limit=limit)
    for row in found:
        _claim(session, row, at, settings)
    return len(found)


def _claim(session: Session, row: ImportSource, at: datetime, settings: Settings) -> None:
    row.leased_until = at + timedelta(seconds=settings.feed_pull_total_s * 2 + 30)
    session.add(row)
    session.flush()
    append(session, FeedPullDue(source_id=row.id), key=source_key(row.id))


def _audit(session: Session, principal: Principal, row: ImportSource, act: str, facts: dict[str, Any]) -> None:
    audit.record(
        session,
        principal=principal,
        act=act,
        object_kind="import_source",
        object_id=row.id,
        facts={"pilot_id": str(row.pilot_id), **facts},
    )
