"""SELECTs of electronic seals."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from marketplace.accounts.models import SandboxAuthority, SealCertificate, SealUse
from marketplace.core.db import Session


def find_sandbox_authority(session: Session, name: str) -> SandboxAuthority | None:
    return session.exec(select(SandboxAuthority).where(SandboxAuthority.name == name).execution_options(populate_existing=True)).first()


def find_seal_in_use(session: Session, organization_id: UUID) -> SealCertificate | None:
    """The one certificate neither replaced nor revoked."""
    return session.exec(
        select(SealCertificate)
        .where(
            SealCertificate.organization_id == organization_id,
            col(SealCertificate.replaced_at).is_(None),
            col(SealCertificate.revoked_at).is_(None),
        )
        .execution_options(populate_existing=True)
    ).first()


def list_unrevoked_seals(session: Session, organization_id: UUID) -> Sequence[SealCertificate]:
    """Replaced ones too: papers sealed by them still verify."""
    return session.exec(
        select(SealCertificate)
        .where(SealCertificate.organization_id == organization_id, col(SealCertificate.revoked_at).is_(None))
        .order_by(col(SealCertificate.id))
    ).all()


def list_revoked_seals(session: Session) -> Sequence[SealCertificate]:
    return session.exec(select(SealCertificate).where(col(SealCertificate.revoked_at).is_not(None)).order_by(col(SealCertificate.id))).all()


def find_seal_use(session: Session, seal_id: UUID) -> tuple[SealUse, SealCertificate] | None:
    joined = col(SealCertificate.id) == SealUse.certificate_id
    return session.exec(select(SealUse, SealCertificate).join(SealCertificate, joined).where(SealUse.id == seal_id)).first()
