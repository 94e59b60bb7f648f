"""Steps 8-9: two appraisers sign the frozen report, the institution's seal goes on, it is filed; anybody can check it by its hash."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock, crypto, outbox
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.money import in_words
from marketplace.core.security import Principal
from valuation.appraisal import queries
from valuation.appraisal.domain import AlreadySigned, AppraisalState, ReportKind, SignerCheck, Verification, decide_transition
from valuation.appraisal.events import AppraisalIssued
from valuation.appraisal.models import Appraisal, AppraisalSignature
from valuation.appraisal.service.engagement import lock_own, record_change, require_appraiser
from valuation.appraisal.service.inspection import get_standard

DOCUMENT_KIND = "appraisal_report"
KEPT_AS = "appraisal_file"  # the retention table's name of such a record


def sign_report(session: Session, *, principal: Principal, appraisal_id: UUID, passphrase: str) -> Appraisal:
    """Sign as first or second appraiser. The first signature freezes the report, the second issues it.

    Raises ``WrongStep``, ``AlreadySigned`` (资产评估法 27 wants two different people), ``WrongPassphrase`` and what
    ``require_appraiser`` does.
    """
    appraisal = lock_own(session, principal=principal, appraisal_id=appraisal_id)
    certificate = require_appraiser(session, principal=principal, appraisal=appraisal)
    signed = queries.list_signatures(session, appraisal_id=appraisal.id)
    if any(one.person_id == principal.id for one in signed):
        raise AlreadySigned
    is_second = appraisal.state is AppraisalState.SIGNING
    appraisal.state = decide_transition(appraisal.state, AppraisalState.ISSUED if is_second else AppraisalState.SIGNING)
    if not is_second:
        _freeze(appraisal)
    assert appraisal.report_hash is not None
    signature = accounts.sign(
        session,
        principal=principal,
        passphrase=passphrase,
        document_kind=DOCUMENT_KIND,
        document_id=appraisal.id,
        content_hash=appraisal.report_hash,
    )
    session.add(
        AppraisalSignature(
            appraisal_id=appraisal.id,
            seq=2 if is_second else 1,
            person_id=principal.id,
            certificate_number=certificate,
            signature_id=signature.id,
            signed_at=signature.at,
        )
    )
    if is_second:
        _issue(session, principal, appraisal)
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.issue" if is_second else "appraisal.sign")
    return appraisal


def _freeze(appraisal: Appraisal) -> None:
    """The report's text and its hash; nothing may change from here on."""
    assert appraisal.base_on is not None
    appraisal.report_kind = ReportKind.APPRAISAL_REPORT if appraisal.value_minor is not None else ReportKind.TECHNICAL_STATUS
    appraisal.report = _report(appraisal)
    appraisal.report_hash = crypto.sha256_hex(crypto.canonical_json(appraisal.report))


def _report(appraisal: Appraisal) -> dict[str, Any]:
    """The content in canonical form: strings and integers only, no name of a person in it."""
    assert appraisal.base_on is not None
    assert appraisal.grade is not None
    assert appraisal.report_kind is not None
    standard, _ = get_standard(appraisal.base_on)
    return {
        "kind": appraisal.report_kind.value,
        "appraisal_id": str(appraisal.id),
        "vehicle_id": str(appraisal.vehicle_id),
        "institution_id": str(appraisal.institution_id),
        "client_id": str(appraisal.client_id),
        "purpose": appraisal.purpose.value,
        "base_on": appraisal.base_on.isoformat(),
        "standard": f"{standard.source}, table {appraisal.standard_number}",
        "vehicle": appraisal.facts,
        "tradability_findings": appraisal.findings,
        "score_tenths": appraisal.score_tenths,
        "grade": appraisal.grade.value,
        "areas_tenths": appraisal.areas,
        "is_collision_accident": appraisal.is_collision_accident,
        "is_flood": appraisal.is_flood,
        "is_fire": appraisal.is_fire,
        "description": appraisal.description,
        "value": _value(appraisal),
        "statement": "本报告仅反映评估基准日的车辆状况。 It states the car's condition on the base date only.",
    }


def _value(appraisal: Appraisal) -> dict[str, Any] | None:
    if appraisal.value_minor is None:
        return None
    return {
        "method": appraisal.value_method,
        "value_minor": appraisal.value_minor,
        "in_words": in_words(appraisal.value_minor),
        "basis": appraisal.valuation,
    }


def _issue(session: Session, principal: Principal, appraisal: Appraisal) -> None:
    assert appraisal.base_on is not None
    assert appraisal.report_hash is not None
    _, table = get_standard(appraisal.base_on)
    now = clock.now(session)
    appraisal.issued_at = now
    appraisal.valid_until = appraisal.base_on + timedelta(days=table.values["validity_days"])
    today = clock.shanghai_day(now)
    appraisal.keep_until = _years_after(today, accounts.retention_term(KEPT_AS, on=today).years)
    appraisal.seal = crypto.sign(_seal_key(appraisal), appraisal.report_hash.encode()).hex()
    earlier = queries.lock_issued_by(session, vehicle_id=appraisal.vehicle_id, institution_id=appraisal.institution_id, but=appraisal.id)
    for old in earlier:
        old.state = decide_transition(old.state, AppraisalState.SUPERSEDED)
        old.superseded_by = appraisal.id
        record_change(session, principal=principal, appraisal=old, act="appraisal.supersede")
    outbox.append(session, _issued_event(appraisal), key=f"vehicle:{appraisal.vehicle_id}")


def _seal_key(appraisal: Appraisal) -> bytes:
    """The institution's seal, kept by the market in its sandbox until a certificate authority issues it."""
    return crypto.market_signing_key(f"appraisal-seal:{appraisal.institution_id}")


def _years_after(on: date, years: int) -> date:
    try:
        return on.replace(year=on.year + years)
    except ValueError:  # 29 February
        return on.replace(year=on.year + years, day=28)


def _issued_event(appraisal: Appraisal) -> AppraisalIssued:
    assert appraisal.report_hash is not None
    assert appraisal.report_kind is not None
    assert appraisal.score_tenths is not None
    assert appraisal.grade is not None
    assert appraisal.valid_until is not None
    return AppraisalIssued(
        appraisal_id=appraisal.id,
        vehicle_id=appraisal.vehicle_id,
        institution_id=appraisal.institution_id,
        client_id=appraisal.client_id,
        report_hash=appraisal.report_hash,
        report_kind=appraisal.report_kind.value,
        score_tenths=appraisal.score_tenths,
        grade=appraisal.grade.value,
        is_collision_accident=bool(appraisal.is_collision_accident),
        is_flood=bool(appraisal.is_flood),
        is_fire=bool(appraisal.is_fire),
        value_minor=appraisal.value_minor,
        valid_until=appraisal.valid_until.isoformat(),
    )


def verify_report(session: Session, *, report_hash: str) -> Verification:
    """Check an issued report as anybody may. Raises ``NotFound`` for a hash that is not of an issued report."""
    appraisal = queries.find_by_hash(session, report_hash=report_hash)
    if appraisal is None or appraisal.issued_at is None or appraisal.valid_until is None:
        raise NotFound
    signers = _check_signers(session, appraisal)
    text_hash = crypto.sha256_hex(crypto.canonical_json(appraisal.report))
    sealed = crypto.verify(crypto.public_key_of(_seal_key(appraisal)), report_hash.encode(), bytes.fromhex(appraisal.seal or ""))
    today = clock.shanghai_day(clock.now(session))
    return Verification(
        report_hash=report_hash,
        institution=accounts.get_party(session, party_id=appraisal.institution_id).display_name,
        report={name: value for name, value in appraisal.report.items() if name != "client_id"},
        signers=signers,
        is_intact=text_hash == report_hash and sealed and len(signers) == 2 and all(one.is_valid for one in signers),
        is_current=appraisal.state is AppraisalState.ISSUED and today < appraisal.valid_until,
        superseded_by=appraisal.superseded_by,
        issued_at=appraisal.issued_at,
        valid_until=appraisal.valid_until,
    )


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
