"""Parties and what is kept about them. Personal data stands encrypted, with a keyed hash where it must be found again."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.accounts.domain import (
    LicenceKind,
    LicenceState,
    MembershipState,
    OrganizationKind,
    PartyKind,
    PartyState,
    VerificationState,
)
from marketplace.core.crypto import encrypted
from marketplace.core.db import Json, enum_type, primary_id


class Party(SQLModel, table=True):
    """A person or an organization: one id space. ``display_name`` is masked for people."""

    __tablename__ = "party"

    id: UUID = primary_id()
    kind: PartyKind = Field(sa_type=enum_type(PartyKind, "kind"))
    state: PartyState = Field(default=PartyState.ACTIVE, sa_type=enum_type(PartyState, "state"))
    display_name: str = Field(max_length=200)
    created_at: datetime
    state_changed_at: datetime | None = Field(default=None)


class Person(SQLModel, table=True):
    """A natural person. Everything that names him is encrypted; after closure it is NULL."""

    __tablename__ = "person"
    __table_args__ = (
        sa.UniqueConstraint("phone_hash", name="phone_taken"),
        sa.UniqueConstraint("email_hash", name="email_taken"),
    )

    id: UUID = Field(primary_key=True, foreign_key="party.id")
    phone: str | None = Field(default=None, sa_type=encrypted("phone", lookup="phone_hash"))
    phone_hash: str | None = Field(default=None, max_length=80)
    email: str | None = Field(default=None, sa_type=encrypted("email", lookup="email_hash"))
    email_hash: str | None = Field(default=None, max_length=80)
    name: str | None = Field(default=None, sa_type=encrypted("name"))
    resident_id: str | None = Field(default=None, sa_type=encrypted("resident_id", lookup="resident_id_hash"))
    resident_id_hash: str | None = Field(default=None, max_length=80, index=True)
    real_name_at: datetime | None = Field(default=None)
    identity_kept_to: date | None = Field(default=None, index=True)
    password_hash: str | None = Field(default=None, max_length=200)
    password_changed_at: datetime
    totp_secret: str | None = Field(default=None, sa_type=encrypted("totp"))
    totp_pending: str | None = Field(default=None, sa_type=encrypted("totp"))
    totp_enrolled_at: datetime | None = Field(default=None)
    totp_last_step: int | None = Field(default=None, sa_type=sa.BigInteger)
    signing_key: str | None = Field(default=None, sa_type=encrypted("signing_key"))
    public_key: str = Field(max_length=64)


class Organization(SQLModel, table=True):
    """A company or institution. Its name and credit code are public by law (公示)."""

    __tablename__ = "organization"
    __table_args__ = (
        sa.UniqueConstraint("credit_code", name="organization_exists"),
        sa.Index("one_market_operator", "kind", unique=True, sqlite_where=sa.text("kind = 'market_operator'"),
                 postgresql_where=sa.text("kind = 'market_operator'")),
    )  # fmt: skip

    id: UUID = Field(primary_key=True, foreign_key="party.id")
    kind: OrganizationKind = Field(sa_type=enum_type(OrganizationKind, "kind"))
    legal_name: str = Field(max_length=200)
    name_en: str | None = Field(default=None, max_length=200)
    credit_code: str = Field(max_length=18)
    city: str = Field(max_length=40)
    address: str = Field(max_length=300)
    contact_phone: str | None = Field(default=None, sa_type=encrypted("contact_phone"))
    verification: VerificationState = Field(default=VerificationState.PENDING, sa_type=enum_type(VerificationState, "verification"))
    verified_by: UUID | None = Field(default=None)
    verified_at: datetime | None = Field(default=None)
    verification_note: str | None = Field(default=None, max_length=500)


class Membership(SQLModel, table=True):
    """A person's place in an organization. At most one that is offered or active."""

    __tablename__ = "membership"
    __table_args__ = (
        sa.Index("already_member", "organization_id", "person_id", unique=True,
                 sqlite_where=sa.text("state IN ('offered', 'active')"), postgresql_where=sa.text("state IN ('offered', 'active')")),
    )  # fmt: skip

    id: UUID = primary_id()
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    person_id: UUID = Field(foreign_key="person.id", index=True)
    roles: list[str] = Field(sa_type=Json)
    state: MembershipState = Field(sa_type=enum_type(MembershipState, "state"))
    offered_by: UUID | None = Field(default=None)
    created_at: datetime
    since: datetime | None = Field(default=None)
    ended_at: datetime | None = Field(default=None)


class Invitation(SQLModel, table=True):
    """For somebody with no account yet: his contact, and the digest of a code the owner hands him."""

    __tablename__ = "invitation"
    __table_args__ = (sa.UniqueConstraint("code_digest", name="invitation_code"),)

    id: UUID = primary_id()
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    contact: str | None = Field(default=None, sa_type=encrypted("contact", lookup="contact_hash"))
    contact_hash: str | None = Field(default=None, max_length=80)
    roles: list[str] = Field(sa_type=Json)
    code_digest: str = Field(max_length=64)
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = Field(default=None)
    used_by: UUID | None = Field(default=None)
    withdrawn_at: datetime | None = Field(default=None)


class Licence(SQLModel, table=True):
    """A paper, claimed by its holder and looked at by an operator. ``valid_to`` is its last day as printed, None without end."""

    __tablename__ = "licence"
    __table_args__ = (
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="validity"),
        sa.CheckConstraint("(state = 'claimed') = (decided_at IS NULL)", name="decision"),
        sa.Index("licence_number_taken", "kind", "number", unique=True,
                 sqlite_where=sa.text("state = 'checked'"), postgresql_where=sa.text("state = 'checked'")),
    )  # fmt: skip

    id: UUID = primary_id()
    party_id: UUID = Field(foreign_key="party.id", index=True)
    kind: LicenceKind = Field(sa_type=enum_type(LicenceKind, "kind"))
    number: str = Field(max_length=60)
    issuer: str = Field(max_length=200)
    valid_from: date
    valid_to: date | None = Field(default=None)
    scope: str = Field(default="", max_length=500)
    evidence_key: str | None = Field(default=None, max_length=300)
    evidence_hash: str | None = Field(default=None, max_length=64)
    state: LicenceState = Field(default=LicenceState.CLAIMED, sa_type=enum_type(LicenceState, "state"))
    claimed_by: UUID
    claimed_at: datetime
    decided_by: UUID | None = Field(default=None)
    decided_at: datetime | None = Field(default=None)
    decision_note: str | None = Field(default=None, max_length=500)


class PayoutAccount(SQLModel, table=True):
    """Where a party is paid. Rows are added, never rewritten; the newest usable one counts."""

    __tablename__ = "payout_account"

    id: UUID = primary_id()
    party_id: UUID = Field(foreign_key="party.id", index=True)
    bank: str = Field(max_length=100)
    holder: str | None = Field(default=None, sa_type=encrypted("payout_holder"))
    number: str | None = Field(default=None, sa_type=encrypted("payout_number"))
    number_masked: str = Field(max_length=40)
    created_by: UUID
    created_at: datetime
    usable_from: datetime
    withdrawn_at: datetime | None = Field(default=None)
