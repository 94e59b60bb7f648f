"""Electronic seals of organizations: what an authority can do, what a sealed paper is, why one is refused."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace.core.errors import Refusal


@dataclass(frozen=True, slots=True)
class AuthorityCapabilities:
    """``is_licensed``: a provider licensed under 电子签名法 第十八条. ``is_sandbox``: a stand-in of ours, worth nothing outside."""

    is_licensed: bool
    is_sandbox: bool
    issues_time_stamps: bool
    publishes_revocations: bool


@dataclass(frozen=True, slots=True)
class SealCertificateView:
    """An organization's certificate. ``valid_to`` is exclusive."""

    id: UUID
    organization_id: UUID
    authority: str
    serial: str
    pem: str
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class SealedDocument:
    """A PDF with the organization's signature in it. Hashes are SHA-256, hexadecimal: of the paper before and after."""

    pdf: bytes
    content_hash: str
    sealed_hash: str
    seal_id: UUID
    certificate: SealCertificateView
    at: datetime


@dataclass(frozen=True, slots=True)
class SealedHash:
    """The organization's seal on a document's canonical hash: an ECDSA signature (hexadecimal DER) over its own statement."""

    seal_id: UUID
    signature: str
    certificate: SealCertificateView
    at: datetime


@dataclass(frozen=True, slots=True)
class SealCheck:
    """What anybody may know of a seal. ``is_valid``: right signature, certificate of the authority's root, valid and not revoked then."""

    seal_id: UUID
    organization_id: UUID
    authority: str
    is_sandbox: bool
    serial: str
    signature: str
    certificate_pem: str
    at: datetime
    is_valid: bool


@dataclass(frozen=True, slots=True)
class SealAuthorityView:
    """What anybody needs to check seals: the root and the newest revocation list, PEM."""

    name: str
    capabilities: AuthorityCapabilities
    root_pem: str
    revocations_pem: str


class NoSealForPeople(Refusal):
    zh = "只有机构有电子印章"
    en = "Only an organization has a seal."


class UnsealablePdf(Refusal):
    """Not a PDF, or one that may not be signed any more."""

    status = 422
    zh = "文件不是可以加盖电子印章的 PDF"
    en = "The file is no PDF that can be sealed."


def is_due_for_renewal(valid_to: datetime, now: datetime, *, renew_days: int) -> bool:
    """Renewed when fewer days are left, so no paper is sealed with a certificate about to end."""
    return (valid_to - now).days < renew_days
