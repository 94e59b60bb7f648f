"""SELECTs of sign-ins, devices, codes, keys and signatures; and the few statements that write many rows at once."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from marketplace.accounts.domain import SubjectKind
from marketplace.accounts.models import (
    ApiKey,
    Device,
    FailureCount,
    RecoveryCode,
    RefreshToken,
    Signature,
    SignIn,
)
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery


def find_refresh_token(session: Session, digest: str) -> RefreshToken | None:
    return session.get(RefreshToken, digest, populate_existing=True)


def lock_sign_in(session: Session, sign_in_id: UUID) -> SignIn | None:
    return session.exec(select(SignIn).where(SignIn.id == sign_in_id).with_for_update().execution_options(populate_existing=True)).first()


def find_sign_in(session: Session, sign_in_id: UUID) -> SignIn | None:
    return session.get(SignIn, sign_in_id)


def list_sign_ins(session: Session, person_id: UUID, page: PageQuery, now: datetime) -> list[SignIn]:
    """Living ones, newest first."""
    return list(
        session.exec(
            select(SignIn)
            .where(
                SignIn.person_id == person_id,
                col(SignIn.ended_at).is_(None),
                SignIn.expires_at > now,
                page.where_after(col(SignIn.id), descending=True),
            )
            .order_by(col(SignIn.id).desc())
            .limit(page.limit + 1)
        )
    )


def list_all_sign_ins(session: Session, person_id: UUID, limit: int = 1_000) -> list[SignIn]:
    """For an export: the newest thousand, ended ones too."""
    return list(session.exec(select(SignIn).where(SignIn.person_id == person_id).order_by(col(SignIn.id).desc()).limit(limit)))


def delete_credentials(session: Session, person_id: UUID) -> int:
    """Everything that let a person in, after his sign-ins are ended; returns how many rows."""
    own = sa.select(col(SignIn.id)).where(col(SignIn.person_id) == person_id)
    session.flush()
    connection = session.connection()
    deleted = 0
    for statement in (
        sa.delete(RefreshToken).where(col(RefreshToken.sign_in_id).in_(own)),
        sa.delete(SignIn).where(col(SignIn.person_id) == person_id),
        sa.delete(Device).where(col(Device.person_id) == person_id),
        sa.delete(RecoveryCode).where(col(RecoveryCode.person_id) == person_id),
    ):
        deleted += connection.execute(statement).rowcount
    return deleted


def delete_ended_sign_ins(session: Session, before: datetime, limit: int) -> int:
    """Sign-ins that ended or expired before; returns how many."""
    over = sa.or_(col(SignIn.ended_at) < before, col(SignIn.expires_at) < before)
    ids = list(session.exec(select(SignIn.id).where(over).order_by(col(SignIn.id)).limit(limit)))
    if ids:
        session.connection().execute(sa.delete(RefreshToken).where(col(RefreshToken.sign_in_id).in_(ids)))
        session.connection().execute(sa.delete(SignIn).where(col(SignIn.id).in_(ids)))
    return len(ids)


def find_device(session: Session, token_digest: str) -> Device | None:
    return session.exec(select(Device).where(Device.token_digest == token_digest, col(Device.forgotten_at).is_(None))).first()


def list_devices(session: Session, person_id: UUID) -> list[Device]:
    return list(
        session.exec(
            select(Device)
            .where(Device.person_id == person_id, col(Device.forgotten_at).is_(None))
            .order_by(col(Device.id).desc())
            .limit(100)
        )
    )


def lock_failure_count(session: Session, kind: SubjectKind, subject: str) -> FailureCount | None:
    return session.get(FailureCount, (kind, subject), with_for_update=True, populate_existing=True)


def insert_failure_count(session: Session, kind: SubjectKind, subject: str, now: datetime) -> None:
    """An empty row when there is none, so that there is something to lock."""
    insert = postgresql.insert if session.connection().dialect.name == "postgresql" else sqlite.insert
    session.connection().execute(insert(FailureCount).values(kind=kind, subject=subject, failures=0, last_at=now).on_conflict_do_nothing())


def delete_failures_before(session: Session, before: datetime) -> int:
    return session.connection().execute(sa.delete(FailureCount).where(col(FailureCount.last_at) < before)).rowcount


def lock_living_sign_ins(session: Session, person_id: UUID) -> list[SignIn]:
    return list(
        session.exec(
            select(SignIn)
            .where(SignIn.person_id == person_id, col(SignIn.ended_at).is_(None))
            .order_by(col(SignIn.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def list_unused_recovery_codes(session: Session, person_id: UUID) -> list[RecoveryCode]:
    return list(
        session.exec(
            select(RecoveryCode)
            .where(RecoveryCode.person_id == person_id, col(RecoveryCode.used_at).is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def find_api_key(session: Session, key_id: UUID) -> ApiKey | None:
    return session.get(ApiKey, key_id)


def list_api_keys(session: Session, organization_id: UUID, page: PageQuery) -> list[ApiKey]:
    return list(
        session.exec(
            select(ApiKey)
            .where(ApiKey.organization_id == organization_id, page.where_after(col(ApiKey.id), descending=True))
            .order_by(col(ApiKey.id).desc())
            .limit(page.limit + 1)
        )
    )


def list_signatures(session: Session, document_kind: str, document_id: UUID) -> list[Signature]:
    """A document's signatures, oldest first."""
    return list(
        session.exec(
            select(Signature)
            .where(Signature.document_kind == document_kind, Signature.document_id == document_id)
            .order_by(col(Signature.id))
        )
    )


def list_signatures_of_person(session: Session, person_id: UUID) -> list[Signature]:
    return list(session.exec(select(Signature).where(Signature.person_id == person_id).order_by(col(Signature.id))))
