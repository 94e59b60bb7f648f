"""Anybody checks a report by its hash: the stored text, two signatures, the seal, whether it is current."""

from marketplace.accounts import api as accounts
from marketplace.core import clock, crypto
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from valuation.appraisal import queries
from valuation.appraisal.domain import AppraisalState, SignerCheck, Verification
from valuation.appraisal.models import Appraisal
from valuation.appraisal.service.reporting import DOCUMENT_KIND

HIDDEN = frozenset({"client_id", "photos"})
"""What the public text leaves out: who asked, and the fingerprints of photos nobody else sees."""


def verify_report(session: Session, *, report_hash: str) -> Verification:
    """Check an issued report as anybody may. Raises ``NotFound`` for a hash that is not of an issued report."""
    issued = queries.find_issued(session, report_hash=report_hash)
    if issued is None:
        raise NotFound
    appraisal = queries.get_appraisal(session, appraisal_id=issued.appraisal_id)
    signers = _check_signers(session, appraisal)
    seal = accounts.check_seal(session, seal_id=issued.seal_id, content_hash=report_hash)
    sealed = seal.is_valid and seal.organization_id == appraisal.institution_id
    text_hash = crypto.sha256_hex(crypto.canonical_json(issued.report))
    today = clock.shanghai_day(clock.now(session))
    return Verification(
        report_hash=report_hash,
        number=issued.number,
        institution=str(issued.report["institution"]),
        report={name: value for name, value in issued.report.items() if name not in HIDDEN},
        signers=signers,
        seal_authority=seal.authority,
        seal_is_sandbox=seal.is_sandbox,
        seal_serial=seal.serial,
        seal_signature=seal.signature,
        seal_certificate=seal.certificate_pem,
        is_sealed=sealed,
        is_intact=text_hash == report_hash and sealed and _signed_by_two(signers),
        is_current=appraisal.state is AppraisalState.ISSUED and today < issued.valid_until,
        superseded_by=appraisal.superseded_by,
        issued_at=issued.issued_at,
        valid_until=issued.valid_until,
        kept_until=issued.keep_until,
    )


def _signed_by_two(signers: tuple[SignerCheck, ...]) -> bool:
    return len(signers) == 2 and all(one.is_valid for one in signers) and signers[0].public_key != signers[1].public_key


def _check_signers(session: Session, appraisal: Appraisal) -> tuple[SignerCheck, ...]:
    kept = accounts.list_signatures(session, document_kind=DOCUMENT_KIND, document_id=appraisal.id)
    views = {view.id: view for view in kept}
    found = [(one, views[one.signature_id]) for one in queries.list_signatures(session, appraisal_id=appraisal.id)]
    return tuple(
        SignerCheck(
            seq=one.seq,
            certificate_number=one.certificate_number,
            public_key=view.public_key,
            signature=view.signature,
            signed_at=one.signed_at,
            is_valid=view.content_hash == appraisal.report_hash and accounts.verify_signature(view),
        )
        for one, view in found
    )
