"""What accounts itself holds about a person, and what is left of it after he closed his account."""

from datetime import date
from typing import Any
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import LastOwner, MembershipState, PrivacyHold
from marketplace.accounts.domain.views import ErasureReport
from marketplace.accounts.models import Person
from marketplace.accounts.service.members import leave
from marketplace.accounts.service.people import as_person
from marketplace.accounts.service.personal_data import PersonalData, retention_term
from marketplace.accounts.service.sign_ins import end_other_sign_ins
from marketplace.core import audit, clock
from marketplace.core.db import Session


def export_own(session: Session, person_id: UUID) -> dict[str, Any]:
    """In clear: it is the person himself who asks."""
    person = queries.get_person(session, person_id)
    party = queries.get_party(session, person_id)
    trail = audit.list_entries(session, object_kind="party", object_id=person_id)
    return {
        "person": {
            "id": str(person_id),
            "phone": person.phone,
            "email": person.email,
            "name": person.name,
            "resident_id": person.resident_id,
            "public_key": person.public_key,
            "created_at": party.created_at.isoformat(),
        },
        "memberships": [
            {"organization": organization.legal_name, "roles": one.roles, "since": one.since.isoformat() if one.since else None}
            for one, organization in queries.list_memberships_of_person(session, person_id)
        ],
        "licences": [
            {"kind": one.kind.value, "number": one.number, "issuer": one.issuer, "state": one.state.value}
            for one in queries.list_all_licences(session, person_id)
        ],
        "payout_accounts": [{"bank": one.bank, "number": one.number} for one in queries.list_payout_accounts(session, person_id)],
        "sign_ins": [
            {"label": one.label, "created_at": one.created_at.isoformat(), "ended_at": one.ended_at.isoformat() if one.ended_at else None}
            for one in queries.list_all_sign_ins(session, person_id)
        ],
        "devices": [{"label": one.label, "last_seen_at": one.last_seen_at.isoformat()} for one in queries.list_devices(session, person_id)],
        "signatures": [
            {"document": f"{one.document_kind}:{one.document_id}", "content_hash": one.content_hash, "at": one.at.isoformat()}
            for one in queries.list_signatures_of_person(session, person_id)
        ],
        "reveals": [
            {"at": one.at.isoformat(), "fields": one.facts.get("fields", []), "reason": one.reason}
            for one in trail
            if one.act == "personal_data.reveal"
        ],
    }


def erase_own(session: Session, person_id: UUID) -> ErasureReport:
    """Contact, credentials, devices, bank data and offers go. Name and resident id stay with whoever signed something, for its term.

    Raises ``PrivacyHold`` for the only owner of an organization.
    """
    person = queries.lock_person(session, person_id)
    _leave_everything(session, person_id)
    erased = _erase_credentials(session, person)
    erased += _erase_contact(person)
    erased += queries.forget_invitations(session, person_id)
    for account in queries.list_payout_accounts(session, person_id):
        account.number = account.holder = None
        account.withdrawn_at = clock.now(session)
        erased += 1
    kept = _keep_identity(session, person)
    session.flush()
    return ErasureReport(erased=erased, kept=kept)


def _leave_everything(session: Session, person_id: UUID) -> None:
    reasons = []
    for membership, organization in queries.list_memberships_of_person(session, person_id):
        try:
            leave(session, principal=as_person(person_id), organization_id=membership.organization_id)
        except LastOwner:
            reasons.append(f"{organization.legal_name}: 唯一负责人 the only owner")
    for membership, _organization in queries.list_memberships_of_person(session, person_id, MembershipState.OFFERED):
        membership.state = MembershipState.DECLINED
        membership.ended_at = clock.now(session)
    if reasons:
        raise PrivacyHold(reasons=reasons)


def _erase_credentials(session: Session, person: Person) -> int:
    """The private key goes too: old signatures verify by the public one, and nothing can be signed any more."""
    end_other_sign_ins(session, person_id=person.id, keep=None, reason="closed")
    person.password_hash = person.totp_secret = person.totp_pending = person.signing_key = None
    person.totp_enrolled_at = None
    return queries.delete_credentials(session, person.id)


def _erase_contact(person: Person) -> int:
    had = sum(value is not None for value in (person.phone, person.email))
    person.phone = person.phone_hash = person.email = person.email_hash = None
    return had


def _keep_identity(session: Session, person: Person) -> list[str]:
    if person.real_name_at is None:
        return []
    if not queries.list_signatures_of_person(session, person.id):
        _erase_identity(person)
        return []
    today = clock.shanghai_day(clock.now(session))
    terms = [retention_term(record, on=today) for record in ("trade_file", "platform_seller_identity_after_exit")]
    person.identity_kept_to = _years_later(today, max(term.years for term in terms))
    return [term.sentence("姓名与身份证号 name and resident id") for term in terms]


def _erase_identity(person: Person) -> None:
    person.name = person.resident_id = person.resident_id_hash = person.real_name_at = person.identity_kept_to = None


def _years_later(day: date, years: int) -> date:
    """The same day years later; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def erase_due_identities(session: Session, *, limit: int = 200) -> int:
    """Erase names and resident ids whose term is over; returns how many."""
    today = clock.shanghai_day(clock.now(session))
    due = queries.lock_due_identities(session, today, limit)
    for person in due:
        _erase_identity(person)
    return len(due)


OWN = PersonalData(feature="accounts", export=export_own, erase=erase_own)
