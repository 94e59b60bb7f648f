"""API keys: a machine's credential of one organization. ``hr_live_<id>_<43 characters>``, kept as SHA-256, shown once."""

import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import OrganizationKind, PartyState, ScopeUnknown, VerificationState, scopes_of
from marketplace.accounts.models import ApiKey
from marketplace.accounts.service.organizations import require_own
from marketplace.accounts.service.passphrases import require_person
from marketplace.core import audit
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.security import MACHINE_PREFIX, InvalidToken, Principal, PrincipalKind, process_now, token_digest
from marketplace.core.settings import get_settings

TOUCH_EVERY = timedelta(minutes=1)


def issue_key(
    session: Session, *, principal: Principal, name: str, scopes: list[str], days: int, rate_per_minute: int
) -> tuple[ApiKey, str]:
    """A new key and its secret. Raises ``ScopeUnknown`` for what such an organization's machines may not do, ``NotFound``."""
    require_person(principal)
    organization = require_own(session, principal=principal)
    if organization is None:
        raise NotFound
    allowed = scopes_of(organization.kind)
    for scope in scopes:
        if scope not in allowed:
            raise ScopeUnknown(scope=scope, scopes=sorted(allowed))
    settings = get_settings()
    now = process_now()
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        organization_id=organization.id,
        name=name,
        secret_digest=token_digest(secret),
        scopes=sorted(set(scopes)),
        rate_per_minute=min(rate_per_minute, settings.api_key_rate_max),
        created_by=principal.id,
        created_at=now,
        expires_at=now + timedelta(days=min(days, settings.api_key_days_max)),
    )
    session.add(key)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="api_key.issue",
        object_kind="api_key",
        object_id=key.id,
        facts={"organization_id": str(organization.id), "scopes": key.scopes},
    )
    return key, f"{MACHINE_PREFIX}{key.id.hex}_{secret}"


def revoke_key(session: Session, *, principal: Principal, key_id: UUID) -> ApiKey:
    """The key is refused from now on; a second revocation changes nothing. Raises ``NotFound`` for another's."""
    organization = require_own(session, principal=principal)
    key = queries.find_api_key(session, key_id)
    if key is None or organization is None or key.organization_id != organization.id:
        raise NotFound
    if key.revoked_at is None:
        key.revoked_at = process_now()
        audit.record(session, principal=principal, act="api_key.revoke", object_kind="api_key", object_id=key.id)
    return key


def authenticate_key(session: Session, *, presented: str) -> tuple[ApiKey, Principal]:
    """The key and its principal: its scopes, as far as its organization's kind still has them. Raises ``InvalidToken``."""
    key_id, _, secret = presented.removeprefix(MACHINE_PREFIX).partition("_")
    key = queries.find_api_key(session, _parse(key_id))
    if key is None or not hmac.compare_digest(key.secret_digest, token_digest(secret)):
        raise InvalidToken
    if key.revoked_at is not None or key.expires_at <= process_now():
        raise InvalidToken
    organization = queries.get_organization(session, key.organization_id)
    trading = organization.verification is VerificationState.VERIFIED
    if not trading or queries.get_party(session, organization.id).state is not PartyState.ACTIVE:
        raise InvalidToken
    return key, Principal(
        id=key.id,
        kind=PrincipalKind.MACHINE,
        party_id=organization.id,
        organization_id=organization.id,
        organization_kind=organization.kind.value,
        capabilities=frozenset(key.scopes) & scopes_of(OrganizationKind(organization.kind)),
    )


def _parse(key_id: str) -> UUID:
    try:
        return UUID(hex=key_id)
    except ValueError as error:
        raise InvalidToken from error


def is_touch_due(key: ApiKey, now: datetime) -> bool:
    """``last_used_at`` is written at most once a minute: a busy key must not be a hot row."""
    return key.last_used_at is None or now - key.last_used_at >= TOUCH_EVERY


def touch_key(session: Session, *, key_id: UUID) -> None:
    """Remember that the key was used. Two processes may both do so; the later one stands."""
    key = queries.find_api_key(session, key_id)
    if key is not None:
        key.last_used_at = process_now()
