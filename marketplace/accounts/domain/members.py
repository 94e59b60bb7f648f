"""Staff: who may join, with which roles, and that an organization is never without an owner. Pure."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from marketplace.accounts.domain.parties import OrganizationKind
from marketplace.accounts.domain.roles import roles_of
from marketplace.core.errors import Malformed, Refusal


class MembershipState(StrEnum):
    """``offered`` counts for nothing until the person accepts: nobody is made a member behind his back."""

    OFFERED = "offered"
    ACTIVE = "active"
    DECLINED = "declined"
    LEFT = "left"
    REMOVED = "removed"


class RoleUnknown(Malformed):
    zh = "该类机构没有此岗位:{role}"
    en = "An organization of this kind has no role {role}; it has {roles}."


class LastOwner(Refusal):
    zh = "机构必须至少有一名负责人"
    en = "An organization keeps at least one owner; make another one first."


class AlreadyMember(Refusal):
    zh = "该人员已是成员或已被邀请"
    en = "This person is a member already, or has an open offer."


class InvitationInvalid(Refusal):
    """The same for wrong code, other contact, used and expired: an invitation cannot be probed."""

    zh = "邀请无效或已过期"
    en = "There is no open invitation with this code for you."


def check_roles(kind: OrganizationKind, roles: Iterable[str]) -> list[str]:
    """The roles, sorted, each once. Raises ``RoleUnknown``; none at all is refused too."""
    known = roles_of(kind)
    wanted = sorted(set(roles))
    for role in wanted:
        if role not in known:
            raise RoleUnknown(role=role, roles=[role.value for role in sorted(known)])
    if not wanted:
        raise RoleUnknown(role="", roles=[role.value for role in sorted(known)])
    return wanted


def check_owner_remains(owners: Collection[object], *, leaving: object) -> None:
    """Raises ``LastOwner`` when ``leaving`` is the only one."""
    if set(owners) == {leaving}:
        raise LastOwner
