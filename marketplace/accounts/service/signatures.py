"""Signatures: Ed25519 over a canonical statement, by the person's own key, only after re-entering the password."""

from datetime import datetime
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain.views import SignatureView
from marketplace.accounts.models import Signature
from marketplace.accounts.service.passphrases import check_passphrase
from marketplace.core import audit, clock, crypto
from marketplace.core.db import Session
from marketplace.core.security import Principal


def sign(
    session: Session, *, principal: Principal, passphrase: str, document_kind: str, document_id: UUID, content_hash: str
) -> SignatureView:
    """Sign a document's canonical hash (64 hexadecimal digits) for ``principal.party_id``.

    Raises ``WrongPassphrase``, ``SignInDelayed`` after several of them, ``PeopleOnly`` for a machine.
    """
    person = check_passphrase(session, principal=principal, passphrase=passphrase)
    assert person.signing_key is not None  # only a closed account has none, and nobody signs in to it
    at = clock.now(session)
    statement = compute_statement(
        document_kind=document_kind,
        document_id=document_id,
        content_hash=content_hash,
        person_id=person.id,
        party_id=principal.party_id,
        at=at,
    )
    signature = Signature(
        person_id=person.id,
        party_id=principal.party_id,
        document_kind=document_kind,
        document_id=document_id,
        content_hash=content_hash,
        public_key=person.public_key,
        signature=crypto.sign(bytes.fromhex(person.signing_key), statement).hex(),
        at=at,
    )
    session.add(signature)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="document.sign",
        object_kind=document_kind,
        object_id=document_id,
        facts={"signature_id": str(signature.id), "content_hash": content_hash},
    )
    return _view(signature)


def compute_statement(*, document_kind: str, document_id: UUID, content_hash: str, person_id: UUID, party_id: UUID, at: datetime) -> bytes:
    """What is signed: canonical JSON that names the document, its hash, the person, whom he signs for, and when."""
    return crypto.canonical_json(
        {
            "document": f"{document_kind}:{document_id}",
            "content_hash": content_hash,
            "person": str(person_id),
            "party": str(party_id),
            "at": at.isoformat(timespec="microseconds"),
        }
    )


def verify_signature(view: SignatureView) -> bool:
    """Whether the view's signature is by its public key over its own statement. Needs no database."""
    statement = compute_statement(
        document_kind=view.document_kind,
        document_id=view.document_id,
        content_hash=view.content_hash,
        person_id=view.person_id,
        party_id=view.party_id,
        at=view.at,
    )
    try:
        return crypto.verify(bytes.fromhex(view.public_key), statement, bytes.fromhex(view.signature))
    except ValueError:
        return False


def list_signatures(session: Session, *, document_kind: str, document_id: UUID) -> list[SignatureView]:
    """A document's signatures, oldest first."""
    return [_view(signature) for signature in queries.list_signatures(session, document_kind, document_id)]


def _view(signature: Signature) -> SignatureView:
    return SignatureView(
        id=signature.id,
        person_id=signature.person_id,
        party_id=signature.party_id,
        document_kind=signature.document_kind,
        document_id=signature.document_id,
        content_hash=signature.content_hash,
        public_key=signature.public_key,
        signature=signature.signature,
        at=signature.at,
    )
