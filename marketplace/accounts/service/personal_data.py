"""Personal data of every feature: export, erasure, and an operator's look at it. The retention table decides what stays.

PIPL 45 (copy and take along), 47 (delete; what the law keeps is stored and nothing else), 51 (reveal only to whom it concerns).
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from marketplace.accounts import queries
from marketplace.accounts.domain import PartyState, PrivacyHold, RevealField
from marketplace.accounts.domain.views import ErasureReport
from marketplace.accounts.events import PartyClosed, PersonalDataRevealed
from marketplace.accounts.service.passphrases import check_passphrase, require_person
from marketplace.core import audit, clock, outbox, rules
from marketplace.core.db import Session
from marketplace.core.security import Principal, SecondFactorRequired

RETENTION = Path(__file__).parent.parent / "tables" / "retention.toml"
ERASED_NAME = "已注销用户"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One feature's part. ``erase`` raises ``PrivacyHold(reasons=[…])`` while something unfinished needs the person."""

    feature: str
    export: Callable[[Session, UUID], dict[str, Any]]
    erase: Callable[[Session, UUID], ErasureReport]


@dataclass(frozen=True, slots=True)
class RetentionTerm:
    """How long a kind of record must be kept, and the article that says so."""

    record: str
    years: int
    article: str

    def sentence(self, what: str) -> str:
        """For an erasure report: what is kept, how long, by which rule."""
        return f"{what}: {self.years} 年 ({self.article})"


def retention_term(record: str, *, on: date) -> RetentionTerm:
    """The term of a kind of record on a legal day. Raises ``KeyError`` for a kind the table does not know: a mistake of ours."""
    values = rules.load(RETENTION, on=on).values
    return RetentionTerm(record, values["years"][record], values["articles"][record])


def registered() -> Sequence[PersonalData]:
    """Every feature's part, accounts last. They are listed by the composition, which no feature imports; found by name, as models are."""
    listed: Sequence[PersonalData] = importlib.import_module("marketplace.subscriptions").PERSONAL_DATA
    return sorted(listed, key=lambda part: part.feature == "accounts")


def export_person(session: Session, *, principal: Principal, parts: Sequence[PersonalData]) -> dict[str, Any]:
    """Everything the market holds about the caller, by feature, unmasked: he may take it along (PIPL 45).

    Raises ``SecondFactorRequired`` when he has one and this sign-in has not: a stolen token must not copy a life.
    """
    person = queries.get_person(session, require_person(principal))
    if person.totp_enrolled_at is not None and not principal.second_factor:
        raise SecondFactorRequired
    return {part.feature: part.export(session, person.id) for part in parts}


def close_account(session: Session, *, principal: Principal, passphrase: str, parts: Sequence[PersonalData]) -> dict[str, ErasureReport]:
    """Erase the caller's personal data in every feature, in this transaction; all of it or, with ``PrivacyHold``, nothing.

    Raises ``WrongPassphrase``, ``PrivacyHold`` with every feature's reasons.
    """
    person_id = check_passphrase(session, principal=principal, passphrase=passphrase).id
    party = queries.lock_party(session, person_id)
    reports: dict[str, ErasureReport] = {}
    reasons: list[str] = []
    for part in parts:
        try:
            reports[part.feature] = part.erase(session, person_id)
        except PrivacyHold as hold:
            found = hold.fields.get("reasons")
            reasons += [str(reason) for reason in found] if isinstance(found, list) else [str(found)]
    if reasons:
        raise PrivacyHold(reasons=reasons)
    party.state = PartyState.CLOSED
    party.state_changed_at = clock.now(session)
    party.display_name = ERASED_NAME
    facts = {feature: report.erased for feature, report in reports.items()}
    audit.record(session, principal=principal, act="person.close", object_kind="party", object_id=person_id, facts=facts)
    outbox.append(session, PartyClosed(party_id=person_id), key=f"party:{person_id}")
    return reports


def reveal(session: Session, *, principal: Principal, party_id: UUID, fields: Sequence[RevealField], reason: str) -> dict[str, str | None]:
    """Personal data in clear, for an operator, after the reason stands in the trail; what a party does not have is None.

    Raises ``NotFound``. The person finds each reveal in his own export.
    """
    party = queries.get_party(session, party_id)
    wanted = sorted(set(fields))
    audit.record(
        session,
        principal=principal,
        act="personal_data.reveal",
        object_kind="party",
        object_id=party.id,
        facts={"fields": [field.value for field in wanted]},
        reason=reason,
    )
    outbox.append(
        session,
        PersonalDataRevealed(party_id=party.id, revealed_by=principal.id, fields=[field.value for field in wanted]),
        key=f"party:{party.id}",
    )
    values = _values(session, party.id)
    return {field.value: values.get(field) for field in wanted}


def _values(session: Session, party_id: UUID) -> dict[RevealField, str | None]:
    accounts = queries.list_payout_accounts(session, party_id)
    values: dict[RevealField, str | None] = {RevealField.PAYOUT_ACCOUNT: accounts[0].number if accounts else None}
    person = queries.find_person(session, party_id)
    if person is not None:
        values |= {
            RevealField.PHONE: person.phone,
            RevealField.EMAIL: person.email,
            RevealField.NAME: person.name,
            RevealField.RESIDENT_ID: person.resident_id,
        }
    organization = queries.find_organization(session, party_id)
    if organization is not None:
        values |= {RevealField.NAME: organization.legal_name, RevealField.CONTACT_PHONE: organization.contact_phone}
    return values
