"""A party's endpoints: registered, rotated, disabled; their letters read and sent again."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx

from marketplace.core import audit, clock, http
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings
from marketplace.notifications import queries
from marketplace.notifications.domain import (
    EndpointState,
    EndpointUnknown,
    KindUnknown,
    LetterNotDead,
    LetterState,
    LetterUnknown,
    TooManyEndpoints,
    new_secret,
)
from marketplace.notifications.events import KINDS
from marketplace.notifications.models import WebhookEndpoint, WebhookLetter, WebhookMessage

SECRET_BYTES = 32
FORMER_FOR = timedelta(hours=24)
"""How long a rotated secret still signs beside the new one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint asks for; empty means everything of that sort."""

    url: str
    kinds: Sequence[str] = ()
    subjects: Sequence[UUID] = ()


def register(session: Session, *, principal: Principal, wanted: Wanted) -> WebhookEndpoint:
    """A new endpoint; its secret is shown once. Raises ``UrlRefused``, ``KindUnknown``, ``TooManyEndpoints``."""
    http.check_url(wanted.url)
    unknown = sorted(set(wanted.kinds) - KINDS.keys())
    if unknown:
        raise KindUnknown(kinds=unknown)
    most = get_settings().webhook_endpoints_max
    if len(queries.list_endpoints(session, party_id=principal.party_id)) >= most:
        raise TooManyEndpoints(most=most)
    found = WebhookEndpoint(
        party_id=principal.party_id,
        url=wanted.url,
        host=httpx.URL(wanted.url).host[:253],
        secret=new_secret(os.urandom(SECRET_BYTES)),
        kinds=sorted(set(wanted.kinds)),
        subjects=sorted({str(one) for one in wanted.subjects}),
        created_at=clock.now(session),
    )
    session.add(found)
    session.flush()
    _audit(session, principal, found, "webhook.register")
    return found


def list_own(session: Session, *, principal: Principal) -> list[WebhookEndpoint]:
    return [*queries.list_endpoints(session, party_id=principal.party_id)]


def rotate(session: Session, *, principal: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    """A new secret, shown once; the former signs beside it for a day. Raises ``EndpointUnknown``."""
    found = _lock_own(session, principal, endpoint_id)
    found.former_secret, found.former_until = found.secret, clock.now(session) + FORMER_FOR
    found.secret = new_secret(os.urandom(SECRET_BYTES))
    session.add(found)
    session.flush()
    _audit(session, principal, found, "webhook.rotate")
    return found


def set_state(session: Session, *, principal: Principal, endpoint_id: UUID, state: EndpointState) -> WebhookEndpoint:
    """Switch an endpoint off or on; what was told meanwhile is read by its numbers. Raises ``EndpointUnknown``."""
    found = _lock_own(session, principal, endpoint_id)
    if found.state is not state:
        found.state = state
        found.reason = None if state is EndpointState.ACTIVE else "owner"
        session.add(found)
        session.flush()
        _audit(session, principal, found, f"webhook.{state.value}")
    return found


def list_letters(
    session: Session, *, principal: Principal, endpoint_id: UUID, state: LetterState | None, page: PageQuery
) -> list[WebhookLetter]:
    """Raises ``EndpointUnknown``."""
    found = session.get(WebhookEndpoint, endpoint_id)
    if found is None or found.party_id != principal.party_id:
        raise EndpointUnknown
    return [*queries.list_letters(session, endpoint_id=endpoint_id, state=state, page=page)]


def send_again(session: Session, *, principal: Principal, letter_id: UUID) -> WebhookLetter:
    """A dead letter gets its attempts anew. Raises ``LetterUnknown``, ``LetterNotDead``."""
    found = queries.lock_letter(session, letter_id)
    endpoint = session.get(WebhookEndpoint, found.endpoint_id) if found is not None else None
    if found is None or endpoint is None or endpoint.party_id != principal.party_id:
        raise LetterUnknown
    if found.state is not LetterState.DEAD:
        raise LetterNotDead
    found.state, found.attempts, found.next_try_at = LetterState.OPEN, 0, clock.now(session)
    session.add(found)
    session.flush()
    facts = {"number": found.number, "endpoint_id": str(endpoint.id)}
    audit.record(session, principal=principal, act="webhook.send_again", object_kind="webhook", object_id=endpoint.id, facts=facts)
    return found


def list_messages(session: Session, *, after: int, kinds: Sequence[str], subject_id: UUID | None, limit: int) -> list[WebhookMessage]:
    """Everything told so far behind a number: what a machine missed, it reads here. Raises ``KindUnknown``."""
    unknown = sorted(set(kinds) - KINDS.keys())
    if unknown:
        raise KindUnknown(kinds=unknown)
    subject = str(subject_id) if subject_id is not None else None
    return [*queries.list_messages(session, after=after, kinds=kinds, subject_id=subject, limit=limit)]


def _lock_own(session: Session, principal: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    found = queries.lock_endpoint(session, endpoint_id)
    if found is None or found.party_id != principal.party_id:
        raise EndpointUnknown
    return found


def _audit(session: Session, principal: Principal, found: WebhookEndpoint, act: str) -> None:
    facts = {"host": found.host, "kinds": found.kinds, "state": found.state.value}
    audit.record(session, principal=principal, act=act, object_kind="webhook", object_id=found.id, facts=facts)
