"""The certificate authority behind organizations' seals: what is asked of one, and the sandbox that stands in for a licensed one.

The sandbox is another party that happens to keep its books in our database, in tables of its own: a root key, the certificates it issued,
their ends and revocations. It does what an authority does (issues after looking at the subject, lets certificates end, signs
revocation lists) and says in every certificate that it is none.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import NameOID
from sqlalchemy.exc import IntegrityError

from marketplace.accounts import queries
from marketplace.accounts.domain.seals import AuthorityCapabilities
from marketplace.accounts.models import SandboxAuthority, SealCertificate
from marketplace.core.db import Session

SANDBOX = "sandbox_seal_authority"
SANDBOX_TITLE = "沙箱印章机构 SANDBOX seal authority, not licensed"
ROOT_YEARS = 30
SKEW = timedelta(minutes=5)
CRL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names. The market has verified it: name and credit code are public by law."""

    organization_id: UUID
    legal_name: str
    credit_code: str


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """``key`` is PKCS#8 DER, for authorities that hand the seal's key to us; ``pem`` the certificate."""

    serial: str
    pem: str
    key: bytes
    valid_from: datetime
    valid_to: datetime


def issued_by(pem: str, root_pem: str) -> bool:
    """Whether the root signed this certificate. Needs no database."""
    try:
        _certificate(pem).verify_directly_issued_by(_certificate(root_pem))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


class CertificateAuthority(Protocol):
    """One authority. All calls are within the caller's transaction."""

    name: str
    capabilities: AuthorityCapabilities

    def issue(self, session: Session, *, subject: Subject, at: datetime, days: int) -> IssuedCertificate: ...
    def root_pem(self, session: Session, *, at: datetime) -> str: ...
    def revocations_pem(self, session: Session, *, at: datetime) -> str: ...


class SandboxSealAuthority:
    """A root of our own, made when first needed and the same ever after."""

    name = SANDBOX
    capabilities = AuthorityCapabilities(is_licensed=False, is_sandbox=True, issues_time_stamps=False, publishes_revocations=True)

    def issue(self, session: Session, *, subject: Subject, at: datetime, days: int) -> IssuedCertificate:
        """A certificate for a seal, ``days`` long. The caller has verified the subject."""
        root = self._root(session, at)
        key = generate_private_key(SECP256R1())
        valid_from, valid_to = (at - SKEW).replace(microsecond=0), (at + timedelta(days=days)).replace(microsecond=0)
        serial = x509.random_serial_number()
        certificate = (
            _builder(_subject_name(subject), _certificate(root.root_pem).subject, key, serial, valid_from, valid_to)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(seal=True), critical=True)
            .sign(_load_key(base64.b64decode(root.key)), hashes.SHA256())
        )
        return IssuedCertificate(f"{serial:x}", _pem(certificate), _key_bytes(key), valid_from, valid_to)

    def root_pem(self, session: Session, *, at: datetime) -> str:
        return self._root(session, at).root_pem

    def revocations_pem(self, session: Session, *, at: datetime) -> str:
        """The revocation list as of ``at``, signed by the root."""
        root = self._root(session, at)
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=_certificate(root.root_pem).subject,
            last_update=(at - SKEW).replace(microsecond=0),
            next_update=at.replace(microsecond=0) + timedelta(days=CRL_DAYS),
        )
        for revoked in _revoked(queries.list_revoked_seals(session)):
            builder = builder.add_revoked_certificate(revoked)
        builder = builder.add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
        signed = builder.sign(_load_key(base64.b64decode(root.key)), hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def _root(self, session: Session, at: datetime) -> SandboxAuthority:
        found = queries.find_sandbox_authority(session, self.name)
        if found is not None:
            return found
        try:
            with session.begin_nested():
                session.add(_new_root(self.name, at))
        except IntegrityError:  # another process was first
            session.expire_all()
        made = queries.find_sandbox_authority(session, self.name)
        assert made is not None
        return made


def _new_root(name: str, at: datetime) -> SandboxAuthority:
    key = generate_private_key(SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, SANDBOX_TITLE)])
    start = (at - SKEW).replace(microsecond=0)
    certificate = (
        _builder(title, title, key, x509.random_serial_number(), start, start + timedelta(days=366 * ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(seal=False), critical=True)
        .sign(key, hashes.SHA256())
    )
    return SandboxAuthority(name=name, root_pem=_pem(certificate), key=base64.b64encode(_key_bytes(key)).decode(), created_at=at)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, serial: int, valid_from: datetime, valid_to: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=serial,
        not_valid_before=valid_from,
        not_valid_after=valid_to,
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*, seal: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=seal,
        content_commitment=seal,
        key_cert_sign=not seal,
        crl_sign=not seal,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject_name(subject: Subject) -> x509.Name:
    """X.509 gives a common name 64 bytes, which is 21 characters of Chinese; the signature's own name field has the whole."""
    short = subject.legal_name.encode()[:64].decode(errors="ignore")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, short),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRCN-{subject.credit_code}"),
            x509.NameAttribute(NameOID.COMMON_NAME, short),
        ]
    )


def _revoked(seals: Iterable[SealCertificate]) -> list[x509.RevokedCertificate]:
    return [
        x509.RevokedCertificateBuilder(serial_number=int(seal.serial, 16), revocation_date=seal.revoked_at.replace(microsecond=0)).build()
        for seal in seals
        if seal.revoked_at is not None
    ]


def _certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_bytes(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _load_key(content: bytes) -> EllipticCurvePrivateKey:
    key = serialization.load_der_private_key(content, password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return key
