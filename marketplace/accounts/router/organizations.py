"""Organizations, their staff and their machines' keys."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    AlreadyMember,
    CreditCodeInvalid,
    EmailInvalid,
    InvitationInvalid,
    KindNotOpen,
    LastOwner,
    OrganizationExists,
    PeopleOnly,
    PhoneInvalid,
    RoleUnknown,
    ScopeUnknown,
)
from marketplace.accounts.router.views import api_key_body, invitation_body, member_bodies, member_body, organization_body
from marketplace.accounts.schemas import (
    ApiKeyBody,
    ApiKeyRequest,
    InvitationBody,
    InvitationRequest,
    IssuedKeyBody,
    MemberBody,
    MemberRequest,
    OrganizationBody,
    OrganizationRequest,
    RolesBody,
)
from marketplace.accounts.service import api_keys, members, organizations
from marketplace.accounts.service.organizations import OrganizationFacts
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require

router = Router(prefix="/marketplace/v1", tags=["organizations 机构"])
Manager = Annotated[Principal, Depends(require("members.manage"))]
KeyManager = Annotated[Principal, Depends(require("keys.manage"))]


@router.post(
    "/organizations",
    status_code=201,
    summary="登记机构 Register an organization",
    responses=refusals(CreditCodeInvalid, OrganizationExists, KindNotOpen, PeopleOnly),
)
def register_organization(body: OrganizationRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> OrganizationBody:
    """The caller becomes its owner; refresh the token to act for it. An operator verifies it before it may trade."""
    facts = OrganizationFacts(**body.model_dump())
    return organization_body(session, organizations.register_organization(session, principal=principal, facts=facts))


@router.get("/organizations/{organization_id}", summary="本机构 My organization", responses=refusals(NotFound))
def get_organization(
    organization_id: UUID, principal: Annotated[Principal, Depends(require("organization.read"))], session: ReadSession
) -> OrganizationBody:
    organization = organizations.require_own(session, principal=principal, organization_id=organization_id)
    if organization is None:
        raise NotFound
    return organization_body(session, organization)


@router.get("/organizations/{organization_id}/members", summary="成员 Staff", responses=refusals(NotFound))
def list_members(
    organization_id: UUID,
    principal: Annotated[Principal, Depends(require("members.read"))],
    session: ReadSession,
    page: Paging,
) -> Page[MemberBody]:
    organizations.require_own(session, principal=principal, organization_id=organization_id)
    found = queries.list_members(session, organization_id, page)
    bodies = member_bodies(session, found)
    return page.page(found, lambda one: [one.id], lambda one: bodies[one.id])


@router.post(
    "/organizations/{organization_id}/members",
    status_code=201,
    summary="添加成员(待本人接受)Offer a person a place",
    responses=refusals(RoleUnknown, AlreadyMember, NotFound),
)
def offer_membership(
    organization_id: UUID, body: MemberRequest, principal: Manager, session: WriteSession, _key: Idempotency
) -> MemberBody:
    membership = members.offer_membership(
        session, principal=principal, organization_id=organization_id, person_id=body.person_id, roles=list(body.roles)
    )
    return member_body(session, membership)


@router.put(
    "/organizations/{organization_id}/members/{person_id}/roles",
    summary="调整岗位 Change roles",
    responses=refusals(RoleUnknown, LastOwner, NotFound),
)
def change_roles(
    organization_id: UUID, person_id: UUID, body: RolesBody, principal: Manager, session: WriteSession, _key: Idempotency
) -> MemberBody:
    membership = members.change_roles(
        session, principal=principal, organization_id=organization_id, person_id=person_id, roles=list(body.roles)
    )
    return member_body(session, membership)


@router.delete(
    "/organizations/{organization_id}/members/{person_id}",
    status_code=204,
    summary="移除成员 Remove a member",
    responses=refusals(LastOwner, NotFound),
)
def remove_member(organization_id: UUID, person_id: UUID, principal: Manager, session: WriteSession, _key: Idempotency) -> None:
    members.remove_member(session, principal=principal, organization_id=organization_id, person_id=person_id)


@router.post(
    "/organizations/{organization_id}/invitations",
    status_code=201,
    summary="邀请加入 Invite by phone or e-mail",
    responses=refusals(RoleUnknown, PhoneInvalid, EmailInvalid, NotFound),
)
def invite(organization_id: UUID, body: InvitationRequest, principal: Manager, response: Response, session: WriteSession) -> InvitationBody:
    invitation, code = members.invite(
        session, principal=principal, organization_id=organization_id, contact=body.contact, roles=list(body.roles)
    )
    response.headers["Cache-Control"] = "no-store"
    return invitation_body(invitation, code)


@router.get("/organizations/{organization_id}/invitations", summary="未用邀请 Open invitations", responses=refusals(NotFound))
def list_invitations(organization_id: UUID, principal: Manager, session: ReadSession, page: Paging) -> Page[InvitationBody]:
    organizations.require_own(session, principal=principal, organization_id=organization_id)
    found = queries.list_open_invitations(session, organization_id, page, clock.now(session))
    return page.page(found, lambda one: [one.id], invitation_body)


@router.delete(
    "/organizations/{organization_id}/invitations/{invitation_id}",
    status_code=204,
    summary="撤回邀请 Withdraw an invitation",
    responses=refusals(InvitationInvalid, NotFound),
)
def withdraw_invitation(organization_id: UUID, invitation_id: UUID, principal: Manager, session: WriteSession, _key: Idempotency) -> None:
    members.withdraw_invitation(session, principal=principal, organization_id=organization_id, invitation_id=invitation_id)


# --- keys of machines ---------------------------------------------------------------------------------------------------


@router.post("/api-keys", status_code=201, summary="签发接口密钥 Issue an API key", responses=refusals(ScopeUnknown, PeopleOnly, NotFound))
def issue_key(body: ApiKeyRequest, principal: KeyManager, response: Response, session: WriteSession) -> IssuedKeyBody:
    """The key is in this answer and nowhere else. Takes no idempotency key, for a stored answer would keep it readable."""
    key, presented = api_keys.issue_key(
        session,
        principal=principal,
        name=body.name,
        scopes=body.scopes,
        days=body.days,
        rate_per_minute=body.rate_per_minute,
    )
    response.headers["Cache-Control"] = "no-store"
    return IssuedKeyBody(**api_key_body(key).model_dump(), key=presented)


@router.get("/api-keys", summary="接口密钥 API keys", responses=refusals(NotFound))
def list_keys(principal: KeyManager, session: ReadSession, page: Paging) -> Page[ApiKeyBody]:
    organizations.require_own(session, principal=principal)
    return page.page(queries.list_api_keys(session, principal.party_id, page), lambda one: [one.id], api_key_body)


@router.delete("/api-keys/{key_id}", status_code=204, summary="吊销接口密钥 Revoke an API key", responses=refusals(NotFound))
def revoke_key(key_id: UUID, principal: KeyManager, session: WriteSession, _key: Idempotency) -> None:
    api_keys.revoke_key(session, principal=principal, key_id=key_id)
