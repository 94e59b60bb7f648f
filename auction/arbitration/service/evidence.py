"""Files of the sides: sealed in the store, known by their hash."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from auction.arbitration import queries
from auction.arbitration.domain import EVIDENCE_LIMIT_BYTES, EvidenceFull, EvidenceUnknown, Terms, check_undecided, media_type_of
from auction.arbitration.models import ClaimEvidence
from auction.arbitration.service.records import part_of, reader_part, record
from auction.arbitration.service.terms import table
from marketplace.core import clock
from marketplace.core.crypto import sha256_hex
from marketplace.core.db import Session
from marketplace.core.files import FileStore, FileTooLarge
from marketplace.core.security import Principal

FOLDER = "claims"


def check(content: bytes) -> str:
    """The media type. Raises ``FileTooLarge``, ``EvidenceNotUsable``. Before the transaction."""
    if len(content) > EVIDENCE_LIMIT_BYTES:
        raise FileTooLarge(limit_bytes=EVIDENCE_LIMIT_BYTES)
    return media_type_of(content)


def add_evidence(
    session: Session, files: FileStore, *, principal: Principal, claim_id: UUID, content: bytes, media_type: str
) -> ClaimEvidence:
    """Any side's, while the claim is undecided; the same file twice is once. Raises ``ClaimUnknown``, ``ClaimOver``, ``EvidenceFull``."""
    claim = queries.lock_claim(session, claim_id)
    part = part_of(claim, principal.party_id)
    check_undecided(claim.state)
    digest = sha256_hex(content)
    known = queries.find_same_evidence(session, claim_id=claim_id, part=part, sha256=digest)
    if known is not None:
        return known
    at = clock.now(session)
    terms = Terms.from_values(table(claim.filed_at).values, is_statutory=claim.is_statutory)
    if queries.count_evidence(session, claim_id=claim_id, part=part) >= terms.evidence_a_party:
        raise EvidenceFull(limit=terms.evidence_a_party)
    keep_until = at + timedelta(days=366 * terms.evidence_keep_years)
    stored = files.put_sealed(FOLDER, content, expires_at=keep_until, limit_bytes=EVIDENCE_LIMIT_BYTES)
    found = ClaimEvidence(
        claim_id=claim_id,
        part=part,
        party_id=principal.party_id,
        person_id=principal.id,
        file_key=stored.key,
        media_type=media_type,
        sha256=stored.sha256,
        size_bytes=stored.size,
        keep_until=keep_until,
        at=at,
    )
    session.add(found)
    session.flush()
    record(session, claim=claim, act="claim.evidence", principal=principal, part=part.value, sha256=digest)
    return found


def open_evidence(
    session: Session, files: FileStore, *, principal: Principal, claim_id: UUID, evidence_id: UUID
) -> tuple[ClaimEvidence, Iterator[bytes]]:
    """For all sides and the market's people. Raises ``ClaimUnknown``, ``EvidenceUnknown``, ``FileMissing``."""
    reader_part(queries.get_claim(session, claim_id), principal)
    found = queries.find_evidence(session, claim_id=claim_id, evidence_id=evidence_id)
    if found is None:
        raise EvidenceUnknown
    return found, files.open(found.file_key, now=clock.now(session))
