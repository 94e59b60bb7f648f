"""Request and response bodies of accounts. Personal data leaves masked."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from marketplace.accounts.domain import (
    PASSWORD_MAX,
    LicenceKind,
    LicenceState,
    MembershipState,
    OrganizationKind,
    PartyKind,
    PartyState,
    RevealField,
    Role,
    VerificationState,
)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[Text, Field(max_length=100)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=PASSWORD_MAX, examples=["a long sentence to remember"])]
Reason = Annotated[Text, Field(max_length=500, examples=["投诉 2026-0113 核查期间"])]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=6, max_length=40)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=10, examples=[["sales"]])]
RoleNames = Annotated[list[str], Field(examples=[["owner"]])]
ShownName = Annotated[str, Field(examples=["张**"])]
AccessToken = Annotated[str, Field(examples=["eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…"])]
LifeS = Annotated[int, Field(description="Seconds.", examples=[600])]
DeviceLabel = Annotated[str, Field(examples=["Chrome / Windows"])]


class Body(BaseModel):
    """Base of requests: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class SignUpBody(Body):
    phone: Annotated[str, Field(max_length=20, examples=["13800138000"])]
    password: Annotated[Secret, Field(examples=["a long sentence to remember"])]
    email: Annotated[str | None, Field(max_length=200, examples=["zhang@example.com"])] = None


class PersonBody(BaseModel):
    """The person himself; everything personal masked."""

    id: UUID
    display_name: ShownName
    phone_masked: str | None = Field(examples=["138****8000"])
    email_masked: str | None = Field(default=None, examples=["z***@example.com"])
    real_name_stated: bool
    second_factor_enrolled: bool
    state: PartyState
    created_at: datetime


class MembershipBody(BaseModel):
    """One organization a person works for."""

    organization_id: UUID
    organization_kind: str = Field(examples=["dealer"])
    roles: RoleNames


class MeBody(PersonBody):
    """What this sign-in is: the person, whom he acts for now, and what he may do."""

    party_id: UUID
    acting_for: UUID | None
    second_factor: bool
    capabilities: list[str] = Field(examples=[["orders.buy", "bids.place"]])
    memberships: list[MembershipBody]
    csrf_token: str | None = None


class TokenRequest(BaseModel):
    """OAuth2 (RFC 6749 §4.3, §6) as form or JSON, with what a browser or an app adds."""

    model_config = ConfigDict(extra="ignore")  # client_id, scope and the like may come along

    grant_type: Literal["password", "refresh_token"] = "password"
    username: str | None = Field(default=None, max_length=200, examples=["13800138000"], description="Phone number or e-mail address.")
    password: Secret | None = None
    otp: Code | None = Field(default=None, description="Code of the second factor, or a recovery code.")
    refresh_token: str | None = Field(default=None, max_length=200)
    device_token: str | None = Field(default=None, max_length=400, description="From an earlier sign-in on this device.")
    label: str = Field(default="", max_length=120, description="What the list of sign-ins calls this device.")


class TokenBody(BaseModel):
    """Access and refresh token. Keep ``device_token``: it spares this device the delays that strangers' failures cause."""

    access_token: AccessToken
    token_type: Literal["bearer"] = "bearer"
    expires_in: LifeS
    refresh_token: str = Field(examples=["q3Jm0d…"])
    device_token: str | None = None
    person_id: UUID
    sign_in_id: UUID
    second_factor: bool
    second_factor_enrolled: bool
    memberships: list[MembershipBody]


class PageSignInBody(BaseModel):
    """For pages: the tokens are in HttpOnly cookies, the form token is here."""

    person_id: UUID
    csrf_token: str = Field(examples=["9f2c41…"])
    expires_in: LifeS
    second_factor: bool
    memberships: list[MembershipBody]


class SignInBody(BaseModel):
    """One living sign-in."""

    id: UUID
    label: DeviceLabel
    current: bool
    device_id: UUID | None
    second_factor: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class DeviceBody(BaseModel):
    id: UUID
    label: DeviceLabel
    created_at: datetime
    last_seen_at: datetime


class PassphraseBody(Body):
    """The password once more."""

    passphrase: Secret


class CodeBody(Body):
    code: Annotated[Code, Field(examples=["492039"])]


class EnrolmentBody(BaseModel):
    """Shown once: put it into the authenticator app, then confirm with its first code."""

    secret: str = Field(examples=["JBSWY3DPEHPK3PXP"])
    uri: str = Field(examples=["otpauth://totp/Henan%20Road:018f…?secret=…"])


class RecoveryBody(BaseModel):
    """Shown once. Each works once in place of a code."""

    recovery_codes: list[str] = Field(examples=[["mfrg-gzdf-mztw-q2lk"]])
    access_token: AccessToken
    expires_in: LifeS


class StepUpBody(BaseModel):
    access_token: AccessToken
    token_type: Literal["bearer"] = "bearer"
    expires_in: LifeS


class PasswordChangeBody(Body):
    passphrase: Secret
    password: Secret
    end_other_sign_ins: bool = True


class RealNameBody(Body):
    name: Annotated[Name, Field(examples=["张三"])]
    resident_id: Annotated[str, Field(min_length=18, max_length=18, examples=["11010519491231002X"])]


class OrganizationRequest(Body):
    kind: OrganizationKind
    legal_name: Annotated[Text, Field(max_length=200, examples=["天津津滨二手车有限公司"])]
    name_en: Annotated[str | None, Field(max_length=200)] = None
    credit_code: Annotated[str, Field(min_length=18, max_length=18, examples=["91330100799655058B"])]
    city: Annotated[Text, Field(max_length=40, examples=["天津"])]
    address: Annotated[Text, Field(max_length=300, examples=["滨海新区河南路 1 号"])]
    contact_phone: Annotated[str | None, Field(max_length=30)] = None


class OrganizationBody(BaseModel):
    id: UUID
    kind: OrganizationKind
    legal_name: str = Field(examples=["天津津滨二手车有限公司"])
    name_en: str | None = Field(examples=["Jinbin Used Cars"])
    credit_code: str = Field(examples=["91330100799655058B"])
    city: str = Field(examples=["天津"])
    address: str = Field(examples=["滨海新区河南路 1 号"])
    state: PartyState
    verification: VerificationState
    verification_note: str | None = Field(examples=["原件已核对"])


class DecisionBody(Body):
    """An operator's yes or no; a no says why."""

    approve: bool
    note: Annotated[str, Field(max_length=500, examples=["原件已核对"])] = ""


class MemberRequest(Body):
    person_id: UUID
    roles: Roles


class RolesBody(Body):
    roles: Roles


class MemberBody(BaseModel):
    id: UUID
    organization_id: UUID
    person_id: UUID
    display_name: ShownName
    roles: RoleNames
    state: MembershipState
    since: datetime | None


class OfferBody(BaseModel):
    """A place in an organization that waits for the person's answer."""

    id: UUID
    organization_id: UUID
    organization_name: str = Field(examples=["天津津滨二手车有限公司"])
    roles: RoleNames
    created_at: datetime


class AnswerBody(Body):
    accept: bool


class InvitationRequest(Body):
    contact: Annotated[str, Field(max_length=200, examples=["13800138001"], description="Phone number or e-mail address.")]
    roles: Roles


class InvitationBody(BaseModel):
    """``code`` is shown once, to whoever invites; he hands it over."""

    id: UUID
    contact_masked: str = Field(examples=["138****8001"])
    roles: RoleNames
    expires_at: datetime
    code: str | None = None


class InvitationCodeBody(Body):
    code: Annotated[str, Field(min_length=10, max_length=60, examples=["b7Xk2v9QpL0sTn4w"])]


class LicenceRequest(Body):
    kind: LicenceKind
    number: Annotated[Text, Field(max_length=60, examples=["津商备2026001"])]
    issuer: Annotated[Text, Field(max_length=200, examples=["天津市商务局"])]
    valid_from: date
    valid_to: Annotated[date | None, Field(description="Last day of validity as printed; absent without end.")] = None
    scope: Annotated[str, Field(max_length=500)] = ""
    evidence_key: Annotated[str | None, Field(max_length=300, description="Key of the stored scan.")] = None
    evidence_hash: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the scan.")] = None


class LicenceBody(BaseModel):
    id: UUID
    party_id: UUID
    kind: LicenceKind
    number: str = Field(examples=["津商备2026001"])
    issuer: str = Field(examples=["天津市商务局"])
    valid_from: date
    valid_to: date | None
    scope: str = Field(examples=["二手车经销"])
    evidence_key: str | None = Field(examples=["licences/018f.pdf"])
    evidence_hash: str | None = Field(examples=["9f2c41…"])
    state: LicenceState
    claimed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision_note: str | None = Field(examples=["原件已核对"])


class NoteBody(Body):
    note: Reason


class ApiKeyRequest(Body):
    name: Annotated[Name, Field(examples=["pricing feed"])]
    scopes: Annotated[list[Annotated[str, Field(max_length=60)]], Field(min_length=1, max_length=50, examples=[["prices.quote"]])]
    days: Annotated[int, Field(ge=1, le=1_096, description="Life of the key.")] = 90
    rate_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 600


class ApiKeyBody(BaseModel):
    id: UUID
    name: str = Field(examples=["pricing feed"])
    scopes: list[str] = Field(examples=[["prices.quote"]])
    rate_per_minute: int = Field(examples=[600])
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


class IssuedKeyBody(ApiKeyBody):
    """``key`` is shown this once."""

    key: str = Field(examples=["hr_live_018f3c…_kq1…"])


class PayoutAccountRequest(Body):
    passphrase: Secret
    bank: Annotated[Text, Field(max_length=100, examples=["中国建设银行天津河南路支行"])]
    holder: Annotated[Text, Field(max_length=200, examples=["张三"])]
    number: Annotated[str, Field(min_length=8, max_length=40, examples=["6217000010001234567"])]


class PayoutAccountBody(BaseModel):
    id: UUID
    bank: str = Field(examples=["中国建设银行天津河南路支行"])
    number_masked: str = Field(examples=["****4567"])
    created_at: datetime
    usable_from: datetime
    in_use: bool


class PayoutAccountsBody(BaseModel):
    """Newest first; the one ``in_use`` is paid to now."""

    items: list[PayoutAccountBody]


class PartyBody(BaseModel):
    id: UUID
    kind: PartyKind
    organization_kind: OrganizationKind | None
    display_name: ShownName
    state: PartyState
    created_at: datetime


class ReasonBody(Body):
    reason: Reason


class RevealRequest(Body):
    """Which personal data, and why; both stand in the audit trail before the answer is sent."""

    reason: Annotated[Reason, Field(min_length=4, examples=["买卖纠纷 2026-0113 联系卖方"])]
    fields: Annotated[list[RevealField], Field(min_length=1, max_length=6)]


class RevealBody(BaseModel):
    party_id: UUID
    values: dict[str, str | None] = Field(examples=[{"phone": "13800138000"}])


class ClosureBody(BaseModel):
    """What was erased and what the law keeps, by feature."""

    erased: dict[str, int] = Field(examples=[{"accounts": 7}])
    kept: dict[str, list[str]] = Field(examples=[{"orders": ["交易档案 3 年 (二手车交易规范 第十一条)"]}])


class PersonalDataBody(BaseModel):
    """Everything the market holds about the caller, by feature."""

    exported_at: datetime
    features: dict[str, dict[str, Any]]


class SealAuthorityBody(BaseModel):
    """What a PDF reader needs to trust the market's electronic seals. A sandbox is no licensed provider under 电子签名法 第十八条."""

    name: str = Field(examples=["sandbox_seal_authority"])
    is_sandbox: bool = Field(examples=[True])
    is_licensed: bool = Field(examples=[False])
    root_pem: str = Field(examples=["-----BEGIN CERTIFICATE-----"])
    revocations_pem: str = Field(examples=["-----BEGIN X509 CRL-----"], description="The revocation list as of now.")
