"""Tables of electronic seals: the sandbox authority's own books, and the uses of seals."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from marketplace.core.crypto import encrypted
from marketplace.core.db import append_only, primary_id


class SandboxAuthority(SQLModel, table=True):
    """The sandbox authority's root: one key for the life of the market."""

    __tablename__ = "sandbox_authority"

    name: str = Field(primary_key=True, max_length=60)
    root_pem: str = Field(max_length=4_000)
    key: str = Field(sa_type=encrypted("authority_key"))
    created_at: datetime


class SealCertificate(SQLModel, table=True):
    """A certificate the sandbox issued, with the seal's key. The newest that is not revoked is in use."""

    __tablename__ = "seal_certificate"
    __table_args__ = (
        sa.UniqueConstraint("serial", name="seal_serial"),
        sa.CheckConstraint("valid_from < valid_to", name="validity"),
        sa.CheckConstraint("(revoked_at IS NULL) = (revocation_reason IS NULL)", name="revocation"),
        sa.Index("one_seal_in_use", "organization_id", unique=True,
                 sqlite_where=sa.text("replaced_at IS NULL AND revoked_at IS NULL"),
                 postgresql_where=sa.text("replaced_at IS NULL AND revoked_at IS NULL")),
    )  # fmt: skip

    id: UUID = primary_id()
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    authority: str = Field(max_length=60)
    serial: str = Field(max_length=40)
    pem: str = Field(max_length=4_000)
    key: str = Field(sa_type=encrypted("seal_key"))
    issued_at: datetime
    valid_from: datetime
    valid_to: datetime
    replaced_at: datetime | None = Field(default=None)
    revoked_at: datetime | None = Field(default=None)
    revocation_reason: str | None = Field(default=None, max_length=500)


class SealUse(SQLModel, table=True):
    """One paper sealed: by which certificate, why, and its hash before and after (the same where only the hash was sealed: then the
    signature stands here and not in a file). ``asked_by`` is None for a job of the market."""

    __tablename__ = "seal_use"

    id: UUID = primary_id()
    organization_id: UUID = Field(foreign_key="organization.id", index=True)
    certificate_id: UUID = Field(foreign_key="seal_certificate.id")
    asked_by: UUID | None = Field(default=None)
    reason: str = Field(max_length=200)
    content_hash: str = Field(max_length=64)
    sealed_hash: str = Field(max_length=64, index=True)
    signature: str | None = Field(default=None, max_length=200)
    at: datetime


append_only(SealUse.__table__)  # type: ignore[attr-defined]  # SQLModel does not type it
