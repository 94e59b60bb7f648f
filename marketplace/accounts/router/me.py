"""A person about himself: who he is, his second factor, offers to him, his licences and payout account."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    AlreadyMember,
    CardInvalid,
    InvitationInvalid,
    LastOwner,
    LicenceOfAnotherKind,
    MembershipState,
    NotOfAge,
    PasswordTooWeak,
    PayoutNameMismatch,
    PeopleOnly,
    PrivacyHold,
    RealNameMissing,
    RealNameStated,
    ResidentIdInvalid,
    SecondFactorMissing,
    SecondFactorWrong,
    SignInDelayed,
    WrongPassphrase,
)
from marketplace.accounts.doors import Reentered
from marketplace.accounts.router.views import (
    licence_body,
    member_body,
    membership_bodies,
    payout_account_body,
    person_body,
)
from marketplace.accounts.schemas import (
    AnswerBody,
    ClosureBody,
    CodeBody,
    EnrolmentBody,
    InvitationCodeBody,
    LicenceBody,
    LicenceRequest,
    MeBody,
    MemberBody,
    OfferBody,
    PassphraseBody,
    PasswordChangeBody,
    PayoutAccountBody,
    PayoutAccountRequest,
    PayoutAccountsBody,
    PersonalDataBody,
    PersonBody,
    RealNameBody,
    RecoveryBody,
)
from marketplace.accounts.service import licences, members, payouts, people, personal_data, second_factor, sign_ins
from marketplace.accounts.service.licences import LicenceFacts
from marketplace.accounts.service.passphrases import require_person
from marketplace.core import clock
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import PasswordQueueFull, Principal, SecondFactorRequired, SignedIn, require

router = Router(prefix="/marketplace/v1", tags=["me 本人"])


@router.get("/me", summary="我是谁 Who I am here", responses=refusals(PeopleOnly))
def get_me(principal: SignedIn, request: Request, session: ReadSession) -> MeBody:
    person = queries.get_person(session, require_person(principal))
    return MeBody(
        **person_body(session, person).model_dump(),
        party_id=principal.party_id,
        acting_for=principal.organization_id,
        second_factor=principal.second_factor,
        capabilities=sorted(principal.capabilities),
        memberships=membership_bodies(sign_ins.memberships_of(session, person.id)),
        csrf_token=request.app.state.gate.csrf_token(principal.sign_in_id) if principal.sign_in_id else None,
    )


@router.post(
    "/me/real-name",
    status_code=201,
    summary="实名登记 State my real name",
    responses=refusals(ResidentIdInvalid, NotOfAge, RealNameStated, PeopleOnly),
)
def state_real_name(body: RealNameBody, principal: SignedIn, session: WriteSession, _key: Idempotency) -> PersonBody:
    person = people.state_real_name(
        session,
        principal=principal,
        name=body.name,
        resident_id=body.resident_id,
        on=clock.shanghai_day(clock.now(session)),
    )
    return person_body(session, person)


def _new_hash(body: PasswordChangeBody) -> str:
    return people.hash_new_password(body.password.get_secret_value())


@router.post(
    "/me/password",
    status_code=204,
    summary="修改密码 Change my password",
    responses=refusals(WrongPassphrase, SignInDelayed, PasswordTooWeak, PeopleOnly, PasswordQueueFull),
)
def change_password(
    body: PasswordChangeBody,
    principal: SignedIn,
    _proof: Reentered,
    hashed: Annotated[str, Depends(_new_hash)],
    session: WriteSession,
    _key: Idempotency,
) -> None:
    people.change_password(session, principal=principal, passphrase=body.passphrase.get_secret_value(), password_hash=hashed)
    if body.end_other_sign_ins:
        sign_ins.end_other_sign_ins(session, person_id=principal.id, keep=principal.sign_in_id, reason="password_changed")


# --- personal data ------------------------------------------------------------------------------------------------------


@router.get(
    "/me/personal-data",
    summary="导出个人信息 Take my personal data along",
    responses=refusals(PeopleOnly, SecondFactorRequired),
)
def export_personal_data(principal: SignedIn, response: Response, session: ReadSession) -> PersonalDataBody:
    response.headers["Cache-Control"] = "no-store"
    features = personal_data.export_person(session, principal=principal, parts=personal_data.registered())
    return PersonalDataBody(exported_at=clock.now(session), features=features)


@router.post(
    "/me/closure",
    summary="注销账户 Close my account",
    responses=refusals(WrongPassphrase, SignInDelayed, PrivacyHold, PeopleOnly),
)
def close_account(body: PassphraseBody, principal: SignedIn, _proof: Reentered, session: WriteSession, _key: Idempotency) -> ClosureBody:
    """Erases what no law keeps, in every feature at once; refused while something is unfinished, with the reasons."""
    reports = personal_data.close_account(
        session,
        principal=principal,
        passphrase=body.passphrase.get_secret_value(),
        parts=personal_data.registered(),
    )
    return ClosureBody(
        erased={feature: report.erased for feature, report in reports.items()},
        kept={feature: report.kept for feature, report in reports.items() if report.kept},
    )


# --- second factor ------------------------------------------------------------------------------------------------------


@router.post(
    "/me/second-factor",
    status_code=201,
    summary="启用二次验证 Enrol a second factor",
    responses=refusals(WrongPassphrase, SignInDelayed, SecondFactorRequired, PeopleOnly),
)
def begin_second_factor(body: PassphraseBody, principal: SignedIn, _proof: Reentered, session: WriteSession) -> EnrolmentBody:
    enrolment = second_factor.begin_enrolment(session, principal=principal, passphrase=body.passphrase.get_secret_value())
    return EnrolmentBody(secret=enrolment.secret, uri=enrolment.uri)


@router.post(
    "/me/second-factor/confirmation",
    status_code=201,
    summary="确认二次验证 Confirm it with its first code",
    responses=refusals(SecondFactorWrong, SecondFactorMissing, PeopleOnly),
)
def confirm_second_factor(body: CodeBody, principal: SignedIn, request: Request, response: Response, session: WriteSession) -> RecoveryBody:
    codes = second_factor.confirm_enrolment(session, principal=principal, code=body.code)
    tokens = request.app.state.gate.tokens
    assert principal.sign_in_id is not None
    token = tokens.issue(
        person_id=principal.id,
        sign_in_id=principal.sign_in_id,
        second_factor=True,
        memberships=sign_ins.memberships_of(session, principal.id),
    )
    response.headers["Cache-Control"] = "no-store"
    return RecoveryBody(recovery_codes=codes, access_token=token, expires_in=tokens.life_s)


# --- offers and memberships ---------------------------------------------------------------------------------------------


@router.get("/me/offers", summary="邀请我的机构 Organizations that want me", responses=refusals(PeopleOnly))
def list_offers(principal: SignedIn, session: ReadSession) -> list[OfferBody]:
    found = queries.list_memberships_of_person(session, require_person(principal), MembershipState.OFFERED)
    return [
        OfferBody(
            id=one.id,
            organization_id=organization.id,
            organization_name=organization.legal_name,
            roles=one.roles,
            created_at=one.created_at,
        )
        for one, organization in found
    ]


@router.post("/me/offers/{membership_id}/answer", summary="答复邀请 Answer an offer", responses=refusals(NotFound, PeopleOnly))
def answer_offer(membership_id: UUID, body: AnswerBody, principal: SignedIn, session: WriteSession, _key: Idempotency) -> MemberBody:
    return member_body(session, members.answer_offer(session, principal=principal, membership_id=membership_id, accept=body.accept))


@router.post(
    "/me/invitations",
    status_code=201,
    summary="凭邀请码加入 Join by an invitation code",
    responses=refusals(InvitationInvalid, AlreadyMember, PeopleOnly),
)
def accept_invitation(body: InvitationCodeBody, principal: SignedIn, session: WriteSession, _key: Idempotency) -> MemberBody:
    return member_body(session, members.accept_invitation(session, principal=principal, code=body.code))


@router.delete(
    "/me/memberships/{organization_id}",
    status_code=204,
    summary="离开机构 Leave an organization",
    responses=refusals(NotFound, LastOwner, PeopleOnly),
)
def leave(organization_id: UUID, principal: SignedIn, session: WriteSession, _key: Idempotency) -> None:
    members.leave(session, principal=principal, organization_id=organization_id)


# --- licences of whom I act for, and where he is paid --------------------------------------------------------------------


@router.get("/licences", summary="我方证照 Licences of whom I act for")
def list_licences(principal: SignedIn, session: ReadSession, page: Paging) -> Page[LicenceBody]:
    return page.page(queries.list_licences(session, principal.party_id, page), lambda one: [one.id], licence_body)


@router.post("/licences", status_code=201, summary="提交证照 Put a licence on file", responses=refusals(LicenceOfAnotherKind, NotFound))
def claim_licence(
    body: LicenceRequest,
    principal: Annotated[Principal, Depends(require("licences.claim"))],
    session: WriteSession,
    _key: Idempotency,
) -> LicenceBody:
    return licence_body(licences.claim_licence(session, principal=principal, facts=LicenceFacts(**body.model_dump())))


@router.get("/licences/{licence_id}", summary="证照 One licence", responses=refusals(NotFound))
def get_licence(licence_id: UUID, principal: SignedIn, session: ReadSession) -> LicenceBody:
    return licence_body(licences.get_own_licence(session, principal=principal, licence_id=licence_id))


PayoutManager = Annotated[Principal, Depends(require("payouts.manage", second_factor=True))]


@router.get("/payout-accounts", summary="收款账户 Payout accounts")
def list_payout_accounts(principal: PayoutManager, session: ReadSession) -> PayoutAccountsBody:
    now = clock.now(session)
    found = queries.list_payout_accounts(session, principal.party_id)
    in_use = next((one.id for one in found if one.usable_from <= now), None)
    return PayoutAccountsBody(items=[payout_account_body(one, one.id == in_use) for one in found])


@router.post(
    "/payout-accounts",
    status_code=201,
    summary="登记或更换收款账户 Register or change the payout account",
    responses=refusals(WrongPassphrase, SignInDelayed, PayoutNameMismatch, CardInvalid, RealNameMissing, SecondFactorRequired),
)
def change_payout_account(
    body: PayoutAccountRequest, principal: PayoutManager, _proof: Reentered, session: WriteSession, _key: Idempotency
) -> PayoutAccountBody:
    account = payouts.change_payout_account(
        session,
        principal=principal,
        passphrase=body.passphrase.get_secret_value(),
        bank=body.bank,
        holder=body.holder,
        number=body.number,
    )
    return payout_account_body(account, account.usable_from <= clock.now(session))


@router.delete(
    "/payout-accounts/{payout_account_id}",
    status_code=204,
    summary="停用收款账户 Take a payout account out of use",
    responses=refusals(NotFound, SecondFactorRequired),
)
def withdraw_payout_account(payout_account_id: UUID, principal: PayoutManager, session: WriteSession, _key: Idempotency) -> None:
    payouts.withdraw_payout_account(session, principal=principal, payout_account_id=payout_account_id)
