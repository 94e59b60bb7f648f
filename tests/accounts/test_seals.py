"""Electronic seals: what pyHanko says of a sealed paper, whose it is, and the sandbox authority's books."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from marketplace.accounts import api as accounts
from marketplace.accounts.api import NoSealForPeople, OrganizationUnverified, PartySuspended, SealedDocument, SealedHash, UnsealablePdf
from marketplace.accounts.models import SandboxAuthority, SealCertificate, SealUse
from marketplace.accounts.service.people import as_person
from marketplace.accounts.service.seals import _load_certificate
from marketplace.core import audit, clock
from marketplace.core.crypto import sha256_hex
from marketplace.core.db import Database
from marketplace.core.errors import NotFound
from marketplace.core.printing import print_pdf
from tests import people
from tests.market import Market
from tests.people import Person

TEMPLATE = '#import "house.typ": *\n#show: paper.with(title: "成交确认书", number: "1", issuer: "x", footer: "")\n成交'


@pytest.fixture
def pdf(tmp_path: Path, db: Database) -> bytes:
    path = tmp_path / "paper.typ"
    path.write_text(TEMPLATE, encoding="utf-8")
    with db.reading() as session:
        return print_pdf(path, {}, created_at=clock.now(session))


def _seal(api: Market, house: Person, pdf: bytes, reason: str = "成交确认书") -> SealedDocument:
    with api.database.writing() as session:
        return accounts.seal_pdf(session, principal=None, organization_id=house.party_id, pdf=pdf, reason=reason)


def _validate(api: Market, sealed: bytes) -> PdfSignatureStatus:
    """What an outsider's validator says who trusts the sandbox root and takes the newest revocation list."""
    with api.database.writing() as session:
        authority = accounts.seal_authority_view(session)
        moment = clock.now(session)
    revocations = x509.load_pem_x509_crl(authority.revocations_pem.encode()).public_bytes(serialization.Encoding.DER)
    context = ValidationContext(
        trust_roots=[_load_certificate(authority.root_pem)],
        crls=[revocations],
        moment=moment + timedelta(seconds=2),
        allow_fetching=False,
        revocation_mode="require",
    )
    return validate_pdf_signature(PdfFileReader(BytesIO(sealed)).embedded_signatures[0], context)


def _validate_alone(api: Market, sealed: SealedDocument) -> PdfSignatureStatus:
    """What a validator says who has only the file and the root, as of the moment it was sealed."""
    with api.database.reading() as session:
        root = accounts.seal_authority_view(session).root_pem
    reader = PdfFileReader(BytesIO(sealed.pdf))
    kept = {"trust_roots": [_load_certificate(root)], "moment": sealed.at, "allow_fetching": False, "revocation_mode": "require"}
    context = DocumentSecurityStore.read_dss(reader).as_validation_context(kept)
    return validate_pdf_signature(reader.embedded_signatures[0], context)


class TestSealPdf:
    def test_a_validator_finds_the_signature_whole_and_trusted(self, api: Market, pdf: bytes) -> None:
        house = people.organization(api, "auction_house", name="天津某某拍卖有限公司")
        sealed = _seal(api, house, pdf)
        status = _validate(api, sealed.pdf)
        assert (status.intact, status.valid, status.trusted, status.bottom_line) == (True, True, True, True)
        assert sealed.content_hash == sha256_hex(pdf)
        assert sealed.sealed_hash == sha256_hex(sealed.pdf)
        assert sealed.pdf.startswith(pdf)

    def test_the_signature_names_organization_reason_and_the_markets_time(self, api: Market, pdf: bytes) -> None:
        house = people.organization(api, "auction_house", name="天津某某拍卖有限公司")
        api.advance(timedelta(days=40))
        sealed = _seal(api, house, pdf, "成交确认书 No. 7")
        found = PdfFileReader(BytesIO(sealed.pdf)).embedded_signatures[0]
        assert found.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
        assert (found.sig_object["/Reason"], found.sig_object["/Name"]) == ("成交确认书 No. 7", "天津某某拍卖有限公司")
        assert found.self_reported_timestamp is not None
        assert abs(found.self_reported_timestamp - sealed.at) < timedelta(seconds=1)
        subject = x509.load_pem_x509_certificate(sealed.certificate.pem.encode()).subject
        assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "天津某某拍卖有限公司"
        assert str(subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)[0].value).startswith("NTRCN-")

    def test_a_changed_byte_breaks_it(self, api: Market, pdf: bytes) -> None:
        sealed = _seal(api, people.organization(api, "auction_house"), pdf)
        at = sealed.pdf.index(b"%%EOF")
        changed = sealed.pdf[: at + 1] + b"#" + sealed.pdf[at + 2 :]
        assert not _validate(api, changed).intact

    def test_is_kept_and_audited(self, api: Market, pdf: bytes) -> None:
        house = people.organization(api, "auction_house")
        sealed = _seal(api, house, pdf)
        with api.database.reading() as session:
            use = session.exec(select(SealUse)).one()
            acts = [entry.act for entry in audit.list_entries(session, object_kind="party", object_id=house.party_id)]
        assert (use.id, use.content_hash, use.sealed_hash, use.reason) == (
            sealed.seal_id,
            sealed.content_hash,
            sealed.sealed_hash,
            "成交确认书",
        )
        assert acts[-2:] == ["seal.issue", "seal.use"]
        with pytest.raises(DBAPIError), api.database.writing() as session:
            session.delete(session.exec(select(SealUse)).one())

    @pytest.mark.parametrize("content", [b"", b"no pdf", b"%PDF-1.7\n%%EOF\n"])
    def test_what_is_no_pdf_is_refused(self, api: Market, content: bytes) -> None:
        house = people.organization(api, "auction_house")
        with pytest.raises(UnsealablePdf):
            _seal(api, house, content)
        with api.database.reading() as session:
            assert session.exec(select(SealUse)).all() == []

    def test_nobody_seals_for_another(self, api: Market, pdf: bytes) -> None:
        house, stranger = people.organization(api, "auction_house"), people.sign_up(api)
        for organization_id in (house.party_id, uuid4()):
            with pytest.raises(NotFound), api.database.writing() as session:
                accounts.seal_pdf(session, principal=as_person(stranger.id), organization_id=organization_id, pdf=pdf, reason="x")
        with pytest.raises(NoSealForPeople), api.database.writing() as session:
            accounts.seal_pdf(session, principal=as_person(stranger.id), organization_id=stranger.id, pdf=pdf, reason="x")

    def test_only_a_verified_organization_that_may_act_has_a_seal(self, api: Market, pdf: bytes) -> None:
        with pytest.raises(OrganizationUnverified):
            _seal(api, people.organization(api, "dealer", verified=False), pdf)
        clerk, house = people.operator(api), people.organization(api, "auction_house")
        path = f"{people.BASE}/parties/{house.party_id}/suspension"
        assert api.post(path, json={"reason": "投诉核查中"}, headers=clerk.headers).status_code in {200, 201}
        with pytest.raises(PartySuspended):
            _seal(api, house, pdf)


class TestSandboxAuthority:
    def test_says_in_every_certificate_that_it_is_none(self, api: Market, pdf: bytes) -> None:
        sealed = _seal(api, people.organization(api, "auction_house"), pdf)
        issuer = x509.load_pem_x509_certificate(sealed.certificate.pem.encode()).issuer
        assert "SANDBOX" in str(issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        with api.database.writing() as session:
            view = accounts.seal_authority_view(session)
        assert (view.name, view.capabilities.is_sandbox, view.capabilities.is_licensed) == ("sandbox_seal_authority", True, False)

    def test_one_root_and_one_certificate_serve_until_it_is_due(self, api: Market, pdf: bytes) -> None:
        house, other = people.organization(api, "auction_house"), people.organization(api, "appraiser")
        first, second, foreign = _seal(api, house, pdf), _seal(api, house, pdf), _seal(api, other, pdf)
        assert first.certificate == second.certificate
        assert foreign.certificate.serial != first.certificate.serial
        with api.database.reading() as session:
            assert len(session.exec(select(SandboxAuthority)).all()) == 1
        api.advance(timedelta(days=340))
        renewed = _seal(api, house, pdf)
        assert renewed.certificate.serial != first.certificate.serial
        assert _validate(api, renewed.pdf).bottom_line
        assert _validate_alone(api, first).bottom_line

    def test_a_revoked_seal_is_on_the_list_and_no_longer_trusted(self, api: Market, pdf: bytes) -> None:
        house = people.organization(api, "auction_house")
        sealed = _seal(api, house, pdf)
        api.advance(timedelta(hours=1))
        with api.database.writing() as session:
            assert accounts.revoke_seals(session, principal=None, organization_id=house.party_id, reason="私钥泄露") == 1
        api.advance(timedelta(hours=1))
        assert not _validate(api, sealed.pdf).bottom_line
        again = _seal(api, house, pdf)
        assert again.certificate.serial != sealed.certificate.serial
        assert _validate(api, again.pdf).bottom_line

    def test_keys_are_never_stored_in_clear(self, api: Market, pdf: bytes) -> None:
        _seal(api, people.organization(api, "auction_house"), pdf)
        with api.database.reading() as session:
            for table in (SandboxAuthority, SealCertificate):
                raw = session.connection().exec_driver_sql(f"SELECT key FROM {table.__tablename__}").scalar_one()
                assert "." in raw
                assert not raw.startswith("MIG")


class TestSealHash:
    HASH = sha256_hex(b"report")

    def _sealed(self, api: Market, house: Person) -> SealedHash:
        with api.database.writing() as session:
            return accounts.seal_hash(session, principal=None, organization_id=house.party_id, content_hash=self.HASH, reason="报告")

    def test_verifies_for_its_hash_alone(self, api: Market) -> None:
        house = people.organization(api, "appraiser")
        sealed = self._sealed(api, house)
        with api.database.reading() as session:
            good = accounts.check_seal(session, seal_id=sealed.seal_id, content_hash=self.HASH)
            other = accounts.check_seal(session, seal_id=sealed.seal_id, content_hash="0" * 64)
        assert (good.is_valid, good.organization_id, good.is_sandbox, good.serial) == (
            True,
            house.party_id,
            True,
            sealed.certificate.serial,
        )
        assert not other.is_valid

    def test_stays_valid_when_the_certificate_is_renewed_and_falls_with_an_earlier_revocation_only(self, api: Market) -> None:
        house = people.organization(api, "appraiser")
        sealed = self._sealed(api, house)
        api.advance(timedelta(days=400))
        assert self._sealed(api, house).certificate.serial != sealed.certificate.serial
        with api.database.writing() as session:
            accounts.revoke_seals(session, principal=None, organization_id=house.party_id, reason="停业")
        with api.database.reading() as session:
            assert accounts.check_seal(session, seal_id=sealed.seal_id, content_hash=self.HASH).is_valid

    def test_a_seal_in_a_file_is_no_seal_on_a_hash(self, api: Market, pdf: bytes) -> None:
        sealed = _seal(api, people.organization(api, "appraiser"), pdf)
        with pytest.raises(NotFound), api.database.reading() as session:
            accounts.check_seal(session, seal_id=sealed.seal_id, content_hash=sealed.content_hash)


class TestOverHttp:
    def test_anybody_gets_root_and_revocations(self, api: Market, pdf: bytes) -> None:
        path = f"{people.BASE}/seal-authority"
        assert api.get(path).status_code == 404
        house = people.organization(api, "appraiser")
        sealed = _seal(api, house, pdf)
        body = api.get(path).json()
        assert (body["is_sandbox"], body["is_licensed"]) == (True, False)
        own = x509.load_pem_x509_certificate(sealed.certificate.pem.encode())
        own.verify_directly_issued_by(x509.load_pem_x509_certificate(body["root_pem"].encode()))
        assert len(x509.load_pem_x509_crl(body["revocations_pem"].encode())) == 0
        with api.database.writing() as session:
            accounts.revoke_seals(session, principal=None, organization_id=house.party_id, reason="停业")
        assert len(x509.load_pem_x509_crl(api.get(path).json()["revocations_pem"].encode())) == 1
