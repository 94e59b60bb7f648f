"""For the market's operators: parties, their verification, their licences."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from marketplace.accounts import queries
from marketplace.accounts.domain import AlreadyDecided, LicenceNumberTaken, PartyKind
from marketplace.accounts.router.views import licence_body, organization_body, party_body
from marketplace.accounts.schemas import (
    DecisionBody,
    LicenceBody,
    NoteBody,
    OrganizationBody,
    PartyBody,
    ReasonBody,
    RevealBody,
    RevealRequest,
    SealAuthorityBody,
)
from marketplace.accounts.service import licences, organizations, personal_data, seals, sign_ins
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, Viewer, require

router = Router(prefix="/marketplace/v1", tags=["parties 主体"])
Reader = Annotated[Principal, Depends(require("parties.read"))]
Registrar = Annotated[Principal, Depends(require("parties.register"))]
Checker = Annotated[Principal, Depends(require("licences.check"))]
Revealer = Annotated[Principal, Depends(require("personal_data.reveal", second_factor=True))]
Suspender = Annotated[Principal, Depends(require("parties.suspend"))]


@router.get("/parties", summary="查找主体 Find parties")
def list_parties(
    _principal: Reader,
    session: ReadSession,
    page: Paging,
    kind: PartyKind | None = None,
    phone: Annotated[str | None, Query(max_length=20, description="Exact mobile number: answers the one person.")] = None,
) -> Page[PartyBody]:
    person = sign_ins.find_person(session, phone) if phone else None
    if phone and person is None:
        return Page(items=[])
    found = queries.list_parties(session, page, kind=kind, person_id=person.id if person else None)
    return page.page(found, lambda one: [one.id], lambda one: party_body(session, one))


@router.get("/parties/{party_id}", summary="主体 One party", responses=refusals(NotFound))
def get_party(party_id: UUID, _principal: Reader, session: ReadSession) -> PartyBody:
    return party_body(session, queries.get_party(session, party_id))


@router.get("/parties/{party_id}/organization", summary="机构登记 An organization's registration", responses=refusals(NotFound))
def get_organization_registration(party_id: UUID, _principal: Reader, session: ReadSession) -> OrganizationBody:
    return organization_body(session, queries.get_organization(session, party_id))


@router.get("/parties/{party_id}/licences", summary="主体证照 A party's licences", responses=refusals(NotFound))
def list_party_licences(party_id: UUID, _principal: Reader, session: ReadSession, page: Paging) -> Page[LicenceBody]:
    queries.get_party(session, party_id)
    return page.page(queries.list_licences(session, party_id, page), lambda one: [one.id], licence_body)


@router.post(
    "/parties/{party_id}/verification",
    summary="核验机构 Verify an organization",
    responses=refusals(AlreadyDecided, NotFound),
)
def decide_organization(
    party_id: UUID, body: DecisionBody, principal: Registrar, session: WriteSession, _key: Idempotency
) -> OrganizationBody:
    organization = organizations.decide_organization(
        session, principal=principal, organization_id=party_id, verified=body.approve, note=body.note
    )
    return organization_body(session, organization)


@router.post("/parties/{party_id}/suspension", summary="暂停主体 Suspend a party", responses=refusals(AlreadyDecided, NotFound))
def suspend_party(party_id: UUID, body: ReasonBody, principal: Suspender, session: WriteSession, _key: Idempotency) -> PartyBody:
    return party_body(session, organizations.suspend_party(session, principal=principal, party_id=party_id, reason=body.reason))


@router.post("/parties/{party_id}/reinstatement", summary="恢复主体 End a suspension", responses=refusals(AlreadyDecided, NotFound))
def reinstate_party(party_id: UUID, body: ReasonBody, principal: Suspender, session: WriteSession, _key: Idempotency) -> PartyBody:
    return party_body(session, organizations.reinstate_party(session, principal=principal, party_id=party_id, reason=body.reason))


@router.post(
    "/parties/{party_id}/reveals",
    status_code=201,
    summary="查看个人信息(留痕)Reveal personal data, on record",
    responses=refusals(NotFound),
)
def reveal(party_id: UUID, body: RevealRequest, principal: Revealer, response: Response, session: WriteSession) -> RevealBody:
    """Each reveal stands in the audit trail with its reason, and in the person's own export. A stored answer would be a
    copy nobody logs, so it takes no idempotency key: asked twice, logged twice."""
    values = personal_data.reveal(session, principal=principal, party_id=party_id, fields=body.fields, reason=body.reason)
    response.headers["Cache-Control"] = "no-store"
    return RevealBody(party_id=party_id, values=values)


@router.get("/licence-claims", summary="待核验证照 Licences to check")
def list_licence_claims(_principal: Checker, session: ReadSession, page: Paging) -> Page[LicenceBody]:
    return page.page(queries.list_claimed_licences(session, page), lambda one: [one.id], licence_body)


@router.post(
    "/licences/{licence_id}/decision",
    summary="核验证照 Decide a licence",
    responses=refusals(AlreadyDecided, LicenceNumberTaken, NotFound),
)
def decide_licence(licence_id: UUID, body: DecisionBody, principal: Checker, session: WriteSession, _key: Idempotency) -> LicenceBody:
    return licence_body(licences.decide_licence(session, principal=principal, licence_id=licence_id, checked=body.approve, note=body.note))


@router.post("/licences/{licence_id}/revocation", summary="吊销证照 Revoke a licence", responses=refusals(AlreadyDecided, NotFound))
def revoke_licence(licence_id: UUID, body: NoteBody, principal: Checker, session: WriteSession, _key: Idempotency) -> LicenceBody:
    return licence_body(licences.revoke_licence(session, principal=principal, licence_id=licence_id, note=body.note))


@router.get("/seal-authority", summary="电子印章机构 The authority behind the seals", responses=refusals(NotFound))
def get_seal_authority(_viewer: Viewer, session: ReadSession) -> SealAuthorityBody:
    """Root certificate and revocation list. 404 while nothing has been sealed yet."""
    found = seals.seal_authority_view(session)
    return SealAuthorityBody(
        name=found.name,
        is_sandbox=found.capabilities.is_sandbox,
        is_licensed=found.capabilities.is_licensed,
        root_pem=found.root_pem,
        revocations_pem=found.revocations_pem,
    )
