"""What lets somebody in, and what he signed. Secrets are kept as digests; only what must be read again is encrypted instead."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.accounts.domain import SubjectKind
from marketplace.core.db import Json, append_only, enum_type, primary_id


class Device(SQLModel, table=True):
    """A browser or app that signed in to this account once; its token exempts it from what strangers did.

    ``browser``: the first device of the same browser, whoever's it is; None: this one.
    """

    __tablename__ = "known_device"
    __table_args__ = (sa.UniqueConstraint("token_digest", name="known_device_token"),)

    id: UUID = primary_id()
    person_id: UUID = Field(foreign_key="person.id", index=True)
    token_digest: str = Field(max_length=64)
    label: str = Field(default="", max_length=120)
    created_at: datetime
    last_seen_at: datetime
    forgotten_at: datetime | None = Field(default=None)
    browser: UUID | None = Field(default=None)


class SignIn(SQLModel, table=True):
    """One sign-in and its family of refresh tokens. The row's lock orders their use. ``address_hash`` is keyed, never the address."""

    __tablename__ = "sign_in"

    id: UUID = primary_id()
    person_id: UUID = Field(foreign_key="person.id", index=True)
    device_id: UUID | None = Field(default=None, foreign_key="known_device.id")
    label: str = Field(default="", max_length=120)
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    second_factor_at: datetime | None = Field(default=None)
    ended_at: datetime | None = Field(default=None)
    end_reason: str | None = Field(default=None, max_length=40)
    address_hash: str | None = Field(default=None, max_length=80)


class RefreshToken(SQLModel, table=True):
    """``successor`` is derived from the token itself and ``nonce`` under the deployment's key: a lost answer can be given again."""

    __tablename__ = "refresh_token"

    digest: str = Field(primary_key=True, max_length=64)
    sign_in_id: UUID = Field(foreign_key="sign_in.id", index=True)
    issued_at: datetime
    used_at: datetime | None = Field(default=None)
    nonce: str | None = Field(default=None, max_length=64)
    successor_digest: str | None = Field(default=None, max_length=64)


class FailureCount(SQLModel, table=True):
    """Failed tries of one subject since its last success. ``subject`` is an id or a keyed hash, never a number or an address."""

    __tablename__ = "failure_count"

    kind: SubjectKind = Field(primary_key=True, sa_type=enum_type(SubjectKind, "kind"))
    subject: str = Field(primary_key=True, max_length=80)
    failures: int
    last_at: datetime = Field(index=True)


class RecoveryCode(SQLModel, table=True):
    """Stands in once for the second factor."""

    __tablename__ = "recovery_code"
    __table_args__ = (sa.UniqueConstraint("person_id", "digest", name="recovery_code_once"),)

    id: UUID = primary_id()
    person_id: UUID = Field(foreign_key="person.id", index=True)
    digest: str = Field(max_length=64)
    created_at: datetime
    used_at: datetime | None = Field(default=None)


class ApiKey(SQLModel, table=True):
    """A machine's credential of one organization; the secret itself is shown once and kept as SHA-256."""

    __tablename__ = "api_key"
    __table_args__ = (sa.CheckConstraint("rate_per_minute > 0", name="rate"),)

    id: UUID = primary_id()
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    name: str = Field(max_length=100)
    secret_digest: str = Field(max_length=64)
    scopes: list[str] = Field(sa_type=Json)
    rate_per_minute: int
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = Field(default=None)
    last_used_at: datetime | None = Field(default=None)


class Signature(SQLModel, table=True):
    """A person's Ed25519 signature over the statement that names document, hash, person, party and moment."""

    __tablename__ = "signature"

    id: UUID = primary_id()
    person_id: UUID = Field(foreign_key="person.id", index=True)
    party_id: UUID = Field(foreign_key="party.id")
    document_kind: str = Field(max_length=40)
    document_id: UUID = Field(index=True)
    content_hash: str = Field(max_length=64)
    public_key: str = Field(max_length=64)
    signature: str = Field(max_length=128)
    at: datetime


append_only(Signature.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
