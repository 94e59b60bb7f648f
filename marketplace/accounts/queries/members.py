"""SELECTs of staff and invitations."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from marketplace.accounts.domain import MembershipState, Role
from marketplace.accounts.models import (
    Invitation,
    Membership,
    Organization,
)
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.pagination import PageQuery

MEMBERSHIPS_MAX = 50
"""Organizations of one person that a token, or the list of offers, names."""


def list_memberships_of_person(
    session: Session, person_id: UUID, state: MembershipState = MembershipState.ACTIVE
) -> list[tuple[Membership, Organization]]:
    """In the order of their beginning: tokens list them so."""
    statement = (
        select(Membership, Organization)
        .join(Organization, col(Organization.id) == col(Membership.organization_id))
        .where(Membership.person_id == person_id, Membership.state == state)
        .order_by(col(Membership.id))
        .limit(MEMBERSHIPS_MAX)
    )
    return [(membership, organization) for membership, organization in session.exec(statement)]


def find_membership(session: Session, organization_id: UUID, person_id: UUID) -> Membership | None:
    """The active one."""
    return session.exec(
        select(Membership)
        .where(
            Membership.organization_id == organization_id,
            Membership.person_id == person_id,
            Membership.state == MembershipState.ACTIVE,
        )
        .execution_options(populate_existing=True)
    ).first()


def find_open_membership(session: Session, organization_id: UUID, person_id: UUID) -> Membership | None:
    """Offered or active."""
    return session.exec(
        select(Membership)
        .where(
            Membership.organization_id == organization_id,
            Membership.person_id == person_id,
            col(Membership.state).in_([MembershipState.OFFERED, MembershipState.ACTIVE]),
        )
        .execution_options(populate_existing=True)
    ).first()


def list_members(session: Session, organization_id: UUID, page: PageQuery) -> list[Membership]:
    """Offered and active ones, oldest first."""
    return list(
        session.exec(
            select(Membership)
            .where(
                Membership.organization_id == organization_id,
                col(Membership.state).in_([MembershipState.OFFERED, MembershipState.ACTIVE]),
                page.where_after(col(Membership.id)),
            )
            .order_by(col(Membership.id))
            .limit(page.limit + 1)
        )
    )


def list_owner_ids(session: Session, organization_id: UUID) -> list[UUID]:
    """Active owners; read after the party's row is locked."""
    members = session.exec(
        select(Membership)
        .where(Membership.organization_id == organization_id, Membership.state == MembershipState.ACTIVE)
        .execution_options(populate_existing=True)
    )
    return [member.person_id for member in members if Role.OWNER in member.roles]


def list_staff_ids(session: Session, organization_ids: Collection[UUID]) -> list[UUID]:
    return list(
        session.exec(
            select(Membership.person_id).where(
                col(Membership.organization_id).in_(organization_ids), Membership.state == MembershipState.ACTIVE
            )
        )
    )


def list_employer_ids(session: Session, person_ids: Collection[UUID]) -> list[UUID]:
    return list(
        session.exec(
            select(Membership.organization_id).where(col(Membership.person_id).in_(person_ids), Membership.state == MembershipState.ACTIVE)
        )
    )


def lock_invitation_by_code(session: Session, code_digest: str) -> Invitation | None:
    return session.exec(
        select(Invitation).where(Invitation.code_digest == code_digest).with_for_update().execution_options(populate_existing=True)
    ).first()


def lock_invitation(session: Session, organization_id: UUID, invitation_id: UUID) -> Invitation:
    """Raises ``NotFound``, also for another organization's."""
    invitation = session.exec(
        select(Invitation)
        .where(Invitation.id == invitation_id, Invitation.organization_id == organization_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if invitation is None:
        raise NotFound
    return invitation


def list_open_invitations(session: Session, organization_id: UUID, page: PageQuery, now: datetime) -> list[Invitation]:
    return list(
        session.exec(
            select(Invitation)
            .where(
                Invitation.organization_id == organization_id,
                col(Invitation.used_at).is_(None),
                col(Invitation.withdrawn_at).is_(None),
                Invitation.expires_at > now,
                page.where_after(col(Invitation.id)),
            )
            .order_by(col(Invitation.id))
            .limit(page.limit + 1)
        )
    )


def forget_invitations(session: Session, person_id: UUID) -> int:
    """Take the contact out of invitations this person used; returns how many."""
    statement = sa.update(Invitation).where(col(Invitation.used_by) == person_id, col(Invitation.contact).is_not(None))
    return session.connection().execute(statement.values(contact=None, contact_hash=None)).rowcount
