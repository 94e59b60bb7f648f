"""Who acts, what roles give, and the refusals of those who may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from marketplace.core.errors import Forbidden, Unauthenticated

SELF = "self"


class PrincipalKind(StrEnum):
    PERSON = "person"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Membership:
    """One organization a person works for, with the roles held there."""

    organization_id: UUID
    kind: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. ``party_id`` is whom the act belongs to: the organization acted for, else the person.

    ``locked_capabilities`` are those the second factor would add.
    """

    id: UUID
    kind: PrincipalKind
    party_id: UUID
    organization_id: UUID | None = None
    capabilities: frozenset[str] = frozenset()
    second_factor: bool = False
    sign_in_id: UUID | None = None
    organization_kind: str | None = None
    locked_capabilities: frozenset[str] = frozenset()

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


class InvalidToken(Unauthenticated):
    zh = "登录凭证无效或已过期"
    en = "The access token is invalid or has expired."


class NotYourOrganization(Forbidden):
    zh = "您不是该机构的成员"
    en = "You are not a member of the organization named by Acting-For."


class CapabilityMissing(Forbidden):
    zh = "当前角色无权执行此操作(需要 {capability})"
    en = "Your role does not include {capability}."


class SecondFactorRequired(Forbidden):
    zh = "此操作需要二次验证"
    en = "This needs a sign-in with a second factor."


class CsrfTokenMissing(Forbidden):
    zh = "页面已过期,请刷新后重试"
    en = "The form's CSRF token is missing or wrong; reload the page."


class OriginNotAllowed(Forbidden):
    zh = "不允许的来源"
    en = "This origin may not open a socket."


@dataclass(frozen=True, slots=True)
class Grant:
    """What roles give: at once, and only after the second factor."""

    capabilities: frozenset[str]
    locked: frozenset[str]


class RolePolicy(Protocol):
    """The role table. ``kind`` is the organization's, None for a person acting for himself."""

    def __call__(self, kind: str | None, roles: Sequence[str], second_factor: bool) -> Grant: ...


class MachineAuthenticator(Protocol):
    """Looks an API key up in the database; runs in a worker thread."""

    def __call__(self, presented: str, *, address: str) -> Principal:
        """The key's principal; raises ``Unauthenticated`` or ``TooManyRequests``."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    person_id: UUID
    sign_in_id: UUID
    second_factor: bool
    memberships: tuple[Membership, ...]
    expires_at_s: int


def principal_of(claims: Claims, acting_for: str | None, policy: RolePolicy) -> Principal:
    """Select the organization: the one named, else the only one, else the person himself."""
    chosen = _membership(claims.memberships, acting_for)
    kind, roles = (chosen.kind, chosen.roles) if chosen else (None, ())
    grant = policy(kind, roles, claims.second_factor)
    return Principal(
        id=claims.person_id,
        kind=PrincipalKind.PERSON,
        party_id=chosen.organization_id if chosen else claims.person_id,
        organization_id=chosen.organization_id if chosen else None,
        organization_kind=kind,
        capabilities=grant.capabilities,
        locked_capabilities=grant.locked,
        second_factor=claims.second_factor,
        sign_in_id=claims.sign_in_id,
    )


def _membership(memberships: Sequence[Membership], acting_for: str | None) -> Membership | None:
    if acting_for == SELF:
        return None
    if acting_for is None:
        return memberships[0] if len(memberships) == 1 else None
    for membership in memberships:
        if str(membership.organization_id) == acting_for.lower():
            return membership
    raise NotYourOrganization
