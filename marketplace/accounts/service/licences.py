"""Licences: claimed by their holder, decided by an operator, asked for by every act that needs one."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from marketplace.accounts import queries
from marketplace.accounts.domain import (
    PERSONAL_LICENCES,
    AlreadyDecided,
    LicenceKind,
    LicenceNumberTaken,
    LicenceOfAnotherKind,
    LicenceState,
    PartyKind,
)
from marketplace.accounts.events import LicenceDecided
from marketplace.accounts.models import Licence
from marketplace.accounts.service.organizations import require_own
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session, violated_constraint
from marketplace.core.errors import NotFound
from marketplace.core.security import Principal


@dataclass(frozen=True, slots=True)
class LicenceFacts:
    """What the paper says. ``valid_to`` is its last day, None without end. ``evidence_hash`` is SHA-256 of the stored scan."""

    kind: LicenceKind
    number: str
    issuer: str
    valid_from: date
    valid_to: date | None
    scope: str = ""
    evidence_key: str | None = None
    evidence_hash: str | None = None


def claim_licence(session: Session, *, principal: Principal, facts: LicenceFacts) -> Licence:
    """Put a licence of ``principal.party_id`` on file, to be checked. Certificates that name a person are claimed by him for himself.

    Raises ``LicenceOfAnotherKind``.
    """
    require_own(session, principal=principal)
    return claim_for(session, principal=principal, party_id=principal.party_id, facts=facts)


def claim_for(session: Session, *, principal: Principal, party_id: UUID, facts: LicenceFacts) -> Licence:
    """The same without asking whether the caller is a member now: for founding."""
    party = queries.get_party(session, party_id)
    if (party.kind is PartyKind.PERSON) != (facts.kind in PERSONAL_LICENCES):
        raise LicenceOfAnotherKind(kind=facts.kind)
    licence = Licence(
        party_id=party_id,
        kind=facts.kind,
        number=facts.number,
        issuer=facts.issuer,
        valid_from=facts.valid_from,
        valid_to=facts.valid_to,
        scope=facts.scope,
        evidence_key=facts.evidence_key,
        evidence_hash=facts.evidence_hash,
        claimed_by=principal.id,
        claimed_at=clock.now(session),
    )
    session.add(licence)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="licence.claim",
        object_kind="licence",
        object_id=licence.id,
        facts={"party_id": str(party_id), "kind": facts.kind.value},
    )
    return licence


def decide_licence(session: Session, *, principal: Principal, licence_id: UUID, checked: bool, note: str) -> Licence:
    """An operator checked the paper, or rejected it; once. Raises ``NotFound``, ``AlreadyDecided``, ``LicenceNumberTaken``."""
    licence = queries.lock_licence(session, licence_id)
    if licence.state is not LicenceState.CLAIMED:
        raise AlreadyDecided(state=licence.state)
    _move(session, principal=principal, licence=licence, state=LicenceState.CHECKED if checked else LicenceState.REJECTED, note=note)
    return licence


def revoke_licence(session: Session, *, principal: Principal, licence_id: UUID, note: str) -> Licence:
    """End a checked licence early. Raises ``NotFound``, ``AlreadyDecided``."""
    licence = queries.lock_licence(session, licence_id)
    if licence.state is not LicenceState.CHECKED:
        raise AlreadyDecided(state=licence.state)
    _move(session, principal=principal, licence=licence, state=LicenceState.REVOKED, note=note)
    return licence


def _move(session: Session, *, principal: Principal, licence: Licence, state: LicenceState, note: str) -> None:
    before = licence.state
    licence.state = state
    licence.decided_by = principal.id
    licence.decided_at = clock.now(session)
    licence.decision_note = note
    try:
        session.flush()
    except IntegrityError as error:
        if violated_constraint(error) == "licence_number_taken":
            raise LicenceNumberTaken from error
        raise
    audit.record(
        session,
        principal=principal,
        act=f"licence.{state.value}",
        object_kind="licence",
        object_id=licence.id,
        facts={"party_id": str(licence.party_id), "kind": licence.kind.value, "from": before.value, "to": state.value},
        reason=note or None,
    )
    outbox.append(
        session,
        LicenceDecided(licence_id=licence.id, party_id=licence.party_id, kind=licence.kind.value, state=state.value),
        key=f"party:{licence.party_id}",
    )


def get_own_licence(session: Session, *, principal: Principal, licence_id: UUID) -> Licence:
    """One of ``principal.party_id``, or any for whoever checks them. Raises ``NotFound``."""
    licence = queries.get_licence(session, licence_id)
    if licence.party_id != principal.party_id and not principal.can("licences.check"):
        raise NotFound
    return licence
