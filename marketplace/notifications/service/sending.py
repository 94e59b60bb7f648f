"""Events become messages and letters in the relay's transaction; letters go out with no transaction held."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import orjson

from marketplace.core import clock, http
from marketplace.core.db import Database, Session
from marketplace.core.outbox import Delivered
from marketplace.core.settings import Settings, get_settings
from marketplace.notifications import queries
from marketplace.notifications.domain import GONE, NEWEST_ONLY, EndpointState, Filter, LetterState, next_try, sign, thin
from marketplace.notifications.events import KINDS, subjects
from marketplace.notifications.models import WebhookEndpoint, WebhookLetter, WebhookMessage

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)


# --- an event becomes letters ----------------------------------------------------------------------------------------------


def tell(session: Session, event: Delivered) -> None:
    """One message an event, one letter an endpoint that wants it. Twice is once."""
    if queries.find_message(session, event.published_no) is not None:
        return
    about = subjects(event.payload)
    if not about:
        return
    at = clock.now(session)
    body = thin(
        event.name,
        occurred_at=event.occurred_at.isoformat(),
        number=event.published_no,
        payload=event.payload,
        fields=KINDS[event.name],
    )
    message = WebhookMessage(number=event.published_no, event_id=event.id, kind=event.name, subject_id=about[0], body=body, at=at)
    session.add(message)
    session.flush()
    for endpoint in queries.list_active_endpoints(session):
        if Filter(frozenset(endpoint.kinds), frozenset(endpoint.subjects)).takes(event.name, about):
            _write(session, endpoint, message, at)
    session.flush()


def _write(session: Session, endpoint: WebhookEndpoint, message: WebhookMessage, at: datetime) -> None:
    if message.kind in NEWEST_ONLY:
        for former in queries.lock_unsent(session, endpoint_id=endpoint.id, kind=message.kind, subject_id=message.subject_id):
            former.state, former.done_at = LetterState.SUPERSEDED, at
            session.add(former)
    session.add(
        WebhookLetter(
            endpoint_id=endpoint.id,
            number=message.number,
            kind=message.kind,
            subject_id=message.subject_id,
            next_try_at=at,
            created_at=at,
        )
    )


# --- letters go out --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letter:
    """What is needed to send one, read before the connection opens."""

    id: UUID
    url: str
    message_id: str
    body: bytes
    secrets: tuple[str, ...]
    at_s: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status`` None: no answer. ``failure`` None: it was taken (2xx)."""

    status: int | None
    failure: str | None
    retry_after_s: int = 0


def send_due(database: Database, *, settings: Settings | None = None, limit: int = 20) -> int:
    """Send what is due; returns how many. Slow endpoints cost their own letters' time, bounded, and nobody's lock."""
    settings = settings or get_settings()
    with database.writing() as session:
        letters = _lease(session, limit=limit)
    for letter in letters:
        outcome = deliver(letter, settings)
        with database.writing() as session:
            _record(session, letter.id, outcome)
    return len(letters)


def _lease(session: Session, *, limit: int) -> list[Letter]:
    now = clock.now(session)
    found = []
    for row in queries.lock_due(session, now=now, limit=limit):
        endpoint = session.get_one(WebhookEndpoint, row.endpoint_id)
        if endpoint.state is not EndpointState.ACTIVE:
            row.state, row.last_failure = LetterState.DEAD, "endpoint_disabled"
            session.add(row)
            continue
        message = session.get_one(WebhookMessage, row.number)
        row.leased_until = now + LEASE
        session.add(row)
        former = endpoint.former_secret if endpoint.former_until is not None and endpoint.former_until > now else None
        secrets = (endpoint.secret,) if former is None else (endpoint.secret, former)
        found.append(Letter(row.id, endpoint.url, f"msg_{message.event_id.hex}", orjson.dumps(message.body), secrets, int(now.timestamp())))
    session.flush()
    return found


def deliver(letter: Letter, settings: Settings) -> Outcome:
    """One attempt. Redirects are not followed, and nothing private is ever called."""
    signatures = " ".join(
        sign(secret, message_id=letter.message_id, timestamp_s=letter.at_s, body=letter.body) for secret in letter.secrets
    )
    headers = {
        "content-type": "application/json",
        "webhook-id": letter.message_id,
        "webhook-timestamp": str(letter.at_s),
        "webhook-signature": signatures,
        "user-agent": "HenanRoad-Webhooks/1",
    }
    bounded = settings.model_copy(update={"http_retries": 0, "http_redirects": 0, "http_total_timeout_s": settings.webhook_timeout_s})
    try:
        with http.outbound(bounded) as client:
            response = client.post(letter.url, content=letter.body, headers=headers)
    except http.UrlRefused:
        return Outcome(None, "url_refused")
    except httpx.HTTPError as error:
        return Outcome(None, type(error).__name__[:80])
    if response.is_success:
        return Outcome(response.status_code, None)
    wait = response.headers.get("retry-after", "")
    return Outcome(response.status_code, f"http_{response.status_code}", int(wait[:9]) if wait.isdigit() else 0)


def _record(session: Session, letter_id: UUID, outcome: Outcome) -> None:
    row = queries.lock_letter(session, letter_id)
    if row is None or row.state is not LetterState.OPEN:
        return
    at = clock.now(session)
    row.attempts += 1
    row.leased_until, row.last_status, row.last_failure = None, outcome.status, outcome.failure
    if outcome.failure is None:
        row.state, row.done_at = LetterState.DONE, at
    else:
        _failed(session, row, outcome, at)
    session.add(row)
    session.flush()


def _failed(session: Session, row: WebhookLetter, outcome: Outcome, at: datetime) -> None:
    again = next_try(row.attempts, at=at, retry_after_s=outcome.retry_after_s)
    if outcome.status == GONE:
        endpoint = queries.lock_endpoint(session, row.endpoint_id)
        if endpoint is not None:
            endpoint.state, endpoint.reason = EndpointState.DISABLED, "gone"
            session.add(endpoint)
        again = None
    if again is None:
        row.state = LetterState.DEAD
        logger.warning("webhook letter is dead", extra={"letter_id": str(row.id), "failure": outcome.failure})
    else:
        row.next_try_at = again


def forget(session: Session, *, days: int, limit: int = 500) -> int:
    """Delete messages past their term, a batch at a time."""
    return queries.delete_messages(session, before=clock.now(session) - timedelta(days=days), limit=limit)
