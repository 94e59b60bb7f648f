"""An organization's electronic seal: a certificate in its name, and PDF signatures (PAdES) made with it."""

import base64
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from pyhanko.keys.internal import translate_pyca_cryptography_cert_to_asn1, translate_pyca_cryptography_key_to_asn1
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from marketplace.accounts import queries
from marketplace.accounts.domain.parties import PartyKind
from marketplace.accounts.domain.seals import (
    NoSealForPeople,
    SealAuthorityView,
    SealCertificateView,
    SealCheck,
    SealedDocument,
    SealedHash,
    UnsealablePdf,
    is_due_for_renewal,
)
from marketplace.accounts.gateway import CertificateAuthority, SandboxSealAuthority, Subject, issued_by
from marketplace.accounts.models import SealCertificate, SealUse
from marketplace.accounts.service.parties import require_active
from marketplace.core import audit, clock
from marketplace.core.crypto import canonical_json, sha256_hex
from marketplace.core.db import Database, Session
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings

logging.getLogger("pyhanko.sign.signers.pdf_signer").setLevel(logging.ERROR)  # it warns that nothing is fetched: that is meant
FIELD = "Seal"
RESERVED = 16_384
"""Hexadecimal digits kept free for the signature: two certificates and an ECDSA signature need about a third."""


def seal_authority() -> CertificateAuthority:
    """The authority of this market. A licensed one is another class behind the same protocol."""
    return SandboxSealAuthority()


@dataclass(frozen=True, slots=True)
class SealingKit:
    """What signing needs, read in one short transaction; signing itself needs none. ``at`` is the market's time of the seal."""

    certificate: SealCertificateView
    key: bytes
    name: str
    root_pem: str
    revocations_pem: str
    at: datetime


def seal_paper(database: Database, *, principal: Principal | None, organization_id: UUID, pdf: bytes, reason: str) -> SealedDocument:
    """``pdf`` with the organization's signature added, valid by itself: certificate, root and revocation list are embedded.

    For jobs: signing takes up to half a second, so it runs between two short transactions. ``principal`` acts for the organization; None is
    a job of the market that carries out what its people signed. ``reason`` (up to 200 characters) stands in the file and in the audit
    trail. The organization's certificate is issued or renewed when it must be. Raises ``NotFound`` for somebody else's organization,
    ``OrganizationUnverified``, ``PartySuspended``, ``NoSealForPeople`` or ``UnsealablePdf``.
    """
    with database.writing() as session:
        kit = _prepare(session, principal, organization_id)
    sealed = _sign(kit, pdf, reason)
    with database.writing() as session:
        return _record(session, principal, kit, pdf, sealed, reason)


def seal_pdf(session: Session, *, principal: Principal | None, organization_id: UUID, pdf: bytes, reason: str) -> SealedDocument:
    """The same within the caller's transaction, where it may take that long; otherwise ``seal_paper``. Raises as that does."""
    kit = _prepare(session, principal, organization_id)
    return _record(session, principal, kit, pdf, _sign(kit, pdf, reason), reason)


def _prepare(session: Session, principal: Principal | None, organization_id: UUID) -> SealingKit:
    if principal is not None and principal.party_id != organization_id:
        raise NotFound
    certificate = _certificate_of(session, organization_id)
    authority, at = seal_authority(), clock.now(session)
    return SealingKit(
        certificate=_view(certificate),
        key=base64.b64decode(certificate.key),
        name=queries.get_organization(session, organization_id).legal_name,
        root_pem=authority.root_pem(session, at=at),
        revocations_pem=authority.revocations_pem(session, at=at),
        at=at,
    )


def _record(session: Session, principal: Principal | None, kit: SealingKit, pdf: bytes, sealed: bytes, reason: str) -> SealedDocument:
    use = _use(kit.certificate, principal, reason, kit.at, content_hash=sha256_hex(pdf), sealed_hash=sha256_hex(sealed))
    _keep(session, principal, use, kit.certificate)
    return SealedDocument(sealed, use.content_hash, use.sealed_hash, use.id, kit.certificate, kit.at)


def seal_hash(session: Session, *, principal: Principal | None, organization_id: UUID, content_hash: str, reason: str) -> SealedHash:
    """The organization's seal on a document's canonical hash (64 hexadecimal digits), before any file of it is printed.

    Raises as ``seal_pdf`` does.
    """
    if principal is not None and principal.party_id != organization_id:
        raise NotFound
    certificate = _certificate_of(session, organization_id)
    at = clock.now(session)
    view = _view(certificate)
    use = _use(view, principal, reason, at, content_hash=content_hash, sealed_hash=content_hash)
    use.signature = _load_key(base64.b64decode(certificate.key)).sign(_statement(use), ECDSA(hashes.SHA256())).hex()
    _keep(session, principal, use, view)
    return SealedHash(use.id, use.signature, view, at)


def check_seal(session: Session, *, seal_id: UUID, content_hash: str) -> SealCheck:
    """Check the seal on a hash. Raises ``NotFound`` for a seal that is not on a hash."""
    found = queries.find_seal_use(session, seal_id)
    if found is None or found[0].signature is None:
        raise NotFound
    use, certificate = found
    authority = seal_authority()
    lived = certificate.valid_from <= use.at < certificate.valid_to and (certificate.revoked_at is None or use.at < certificate.revoked_at)
    issued = issued_by(certificate.pem, authority.root_pem(session, at=use.at))
    return SealCheck(
        seal_id=use.id,
        organization_id=use.organization_id,
        authority=certificate.authority,
        is_sandbox=authority.capabilities.is_sandbox,
        serial=certificate.serial,
        signature=use.signature or "",
        certificate_pem=certificate.pem,
        at=use.at,
        is_valid=use.content_hash == content_hash and lived and issued and _verifies(use, certificate),
    )


def _statement(use: SealUse) -> bytes:
    """What is signed when only a hash is sealed."""
    return canonical_json(
        {"content_hash": use.content_hash, "organization": str(use.organization_id), "at": use.at.isoformat(timespec="milliseconds")}
    )


def _verifies(use: SealUse, certificate: SealCertificate) -> bool:
    key = x509.load_pem_x509_certificate(certificate.pem.encode()).public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    try:
        key.verify(bytes.fromhex(use.signature or ""), _statement(use), ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _load_key(content: bytes) -> EllipticCurvePrivateKey:
    key = serialization.load_der_private_key(content, password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return key


def _use(
    certificate: SealCertificateView, principal: Principal | None, reason: str, at: datetime, *, content_hash: str, sealed_hash: str
) -> SealUse:
    return SealUse(
        organization_id=certificate.organization_id,
        certificate_id=certificate.id,
        asked_by=principal.id if principal else None,
        reason=reason,
        content_hash=content_hash,
        sealed_hash=sealed_hash,
        at=at,
    )


def _keep(session: Session, principal: Principal | None, use: SealUse, certificate: SealCertificateView) -> None:
    session.add(use)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="seal.use",
        object_kind="party",
        object_id=use.organization_id,
        facts={"seal_use_id": str(use.id), "serial": certificate.serial, "sealed_hash": use.sealed_hash},
        reason=use.reason,
    )


def seal_authority_view(session: Session) -> SealAuthorityView:
    """Root and revocation list, for whoever checks a seal. Raises ``NotFound`` while nothing has ever been sealed."""
    authority, at = seal_authority(), clock.now(session)
    if queries.find_sandbox_authority(session, authority.name) is None:
        raise NotFound
    return SealAuthorityView(
        name=authority.name,
        capabilities=authority.capabilities,
        root_pem=authority.root_pem(session, at=at),
        revocations_pem=authority.revocations_pem(session, at=at),
    )


def revoke_seals(session: Session, *, principal: Principal | None, organization_id: UUID, reason: str) -> int:
    """Revoke every certificate of the organization; the next paper it may seal brings a new one. Returns how many were revoked."""
    queries.lock_party(session, organization_id)
    at = clock.now(session)
    found = queries.list_unrevoked_seals(session, organization_id)
    for certificate in found:
        certificate.revoked_at, certificate.revocation_reason = at, reason
        audit.record(
            session,
            principal=principal,
            act="seal.revoke",
            object_kind="party",
            object_id=organization_id,
            facts={"serial": certificate.serial},
            reason=reason,
        )
    session.flush()
    return len(found)


def _certificate_of(session: Session, organization_id: UUID) -> SealCertificate:
    """The certificate in use; issued anew when there is none or its end is near. The party's lock orders two that ask."""
    party = queries.lock_party(session, organization_id)
    if party.kind is not PartyKind.ORGANIZATION:
        raise NoSealForPeople
    require_active(session, party_id=organization_id)
    at, settings = clock.now(session), get_settings()
    found = queries.find_seal_in_use(session, organization_id)
    if found is not None and not is_due_for_renewal(found.valid_to, at, renew_days=settings.seal_renew_days):
        return found
    if found is not None:
        found.replaced_at = at
        session.flush()
    return _issue(session, organization_id, at, settings.seal_certificate_days)


def _issue(session: Session, organization_id: UUID, at: datetime, days: int) -> SealCertificate:
    authority = seal_authority()
    organization = queries.get_organization(session, organization_id)
    subject = Subject(organization_id, organization.legal_name, organization.credit_code)
    issued = authority.issue(session, subject=subject, at=at, days=days)
    certificate = SealCertificate(
        organization_id=organization_id,
        authority=authority.name,
        serial=issued.serial,
        pem=issued.pem,
        key=base64.b64encode(issued.key).decode(),
        issued_at=at,
        valid_from=issued.valid_from,
        valid_to=issued.valid_to,
    )
    session.add(certificate)
    session.flush()
    audit.record(
        session,
        principal=None,
        act="seal.issue",
        object_kind="party",
        object_id=organization_id,
        facts={"serial": issued.serial, "authority": authority.name, "valid_to": issued.valid_to.isoformat()},
    )
    return certificate


# --- the signature in the file ----------------------------------------------------------------------------------------


class _DatedSigner(PdfSigner):
    """Signs at the market's time, not the machine's."""

    at: datetime

    def init_signing_session(self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False) -> PdfSigningSession:
        made = super().init_signing_session(pdf_out, existing_fields_only=existing_fields_only)
        made.system_time = self.at
        return made


def _sign(kit: SealingKit, pdf: bytes, reason: str) -> bytes:
    root, own = _load_certificate(kit.root_pem), _load_certificate(kit.certificate.pem)
    revocations = x509.load_pem_x509_crl(kit.revocations_pem.encode())
    trust = ValidationContext(
        trust_roots=[root],
        crls=[revocations.public_bytes(serialization.Encoding.DER)],
        moment=kit.at + timedelta(seconds=1),
        revocation_mode="require",
        allow_fetching=False,
    )
    signer = _DatedSigner(
        _metadata(kit.name, reason, trust),
        signer=SimpleSigner(own, translate_pyca_cryptography_key_to_asn1(_load_key(kit.key)), _store([own, root])),
        new_field_spec=SigFieldSpec(FIELD),
    )
    signer.at = kit.at
    try:
        out = signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), bytes_reserved=RESERVED)
    except PdfError as error:
        raise UnsealablePdf from error
    return bytes(out.getbuffer())


def _metadata(name: str, reason: str, trust: ValidationContext) -> PdfSignatureMetadata:
    return PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        name=name,
        reason=reason,
        location=get_settings().market_city,
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=True,
        validation_context=trust,
    )


def _load_certificate(pem: str) -> Any:  # Any: asn1crypto has no types
    return translate_pyca_cryptography_cert_to_asn1(x509.load_pem_x509_certificate(pem.encode()))


def _store(certificates: Iterable[Any]) -> SimpleCertificateStore:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(certificates)
    return store


def _view(certificate: SealCertificate) -> SealCertificateView:
    return SealCertificateView(
        id=certificate.id,
        organization_id=certificate.organization_id,
        authority=certificate.authority,
        serial=certificate.serial,
        pem=certificate.pem,
        valid_from=certificate.valid_from,
        valid_to=certificate.valid_to,
    )
