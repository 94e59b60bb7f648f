"""Steps 8-9: two appraisers sign the frozen report, the institution's seal goes on, it is filed; anybody can check it by its hash."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock, crypto, outbox
from marketplace.core.db import Session
from marketplace.core.money import in_words
from marketplace.core.security import Principal
from valuation.appraisal import queries
from valuation.appraisal.domain import AlreadySigned, AppraisalState, ReportKind, decide_transition, report_number
from valuation.appraisal.events import AppraisalIssued
from valuation.appraisal.models import Appraisal, AppraisalSignature, IssuedReport
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
    to = decide_transition(appraisal.state, AppraisalState.ISSUED if is_second else AppraisalState.SIGNING)
    if not is_second:
        _freeze(session, appraisal)
    appraisal.state = to
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


def _freeze(session: Session, appraisal: Appraisal) -> None:
    """The report's text and its hash; nothing may change from here on."""
    assert appraisal.base_on is not None
    appraisal.report_kind = ReportKind.APPRAISAL_REPORT if appraisal.value_minor is not None else ReportKind.TECHNICAL_STATUS
    report = _report(session, appraisal)
    appraisal.report, appraisal.report_hash = report, crypto.sha256_hex(crypto.canonical_json(report))


def _report(session: Session, appraisal: Appraisal) -> dict[str, Any]:
    """The content in canonical form: strings and integers only, no name of a person in it."""
    assert appraisal.base_on is not None
    assert appraisal.grade is not None
    assert appraisal.report_kind is not None
    standard, _ = get_standard(appraisal.base_on)
    return {
        "kind": appraisal.report_kind.value,
        "number": report_number(appraisal.base_on, appraisal.id),
        "appraisal_id": str(appraisal.id),
        "vehicle_id": str(appraisal.vehicle_id),
        "institution_id": str(appraisal.institution_id),
        "institution": accounts.get_party(session, party_id=appraisal.institution_id).display_name,
        "client_id": str(appraisal.client_id),
        "purpose": appraisal.purpose.value,
        "base_on": appraisal.base_on.isoformat(),
        "valid_until": _valid_until(appraisal).isoformat(),
        "engagement_letter": appraisal.letter_hash,
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
        "records": [
            {"item": one.item, "code": one.code, "deduction_tenths": one.deduction_tenths, "note": one.note}
            for one in queries.list_records(session, appraisal_id=appraisal.id)
        ],
        "photos": [
            {"sha256": one.sha256, "slot": one.slot.value, "item": one.item, "caption": one.caption}
            for one in queries.list_photos(session, appraisal_id=appraisal.id)
        ],
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


def _valid_until(appraisal: Appraisal) -> date:
    """The first day the report no longer holds."""
    assert appraisal.base_on is not None
    _, table = get_standard(appraisal.base_on)
    until: date = appraisal.base_on + timedelta(days=table.values["validity_days"])
    return until


def _issue(session: Session, principal: Principal, appraisal: Appraisal) -> None:
    """The institution's seal goes on the hash, the text into the store that nobody can delete; earlier reports are superseded."""
    assert appraisal.base_on is not None
    assert appraisal.report_hash is not None
    number = report_number(appraisal.base_on, appraisal.id)
    sealed = accounts.seal_hash(
        session,
        principal=principal,
        organization_id=appraisal.institution_id,
        content_hash=appraisal.report_hash,
        reason=f"鉴定评估报告 {number}",
    )
    today = clock.shanghai_day(sealed.at)
    appraisal.issued_at = sealed.at
    appraisal.valid_until = _valid_until(appraisal)
    appraisal.keep_until = _years_after(today, accounts.retention_term(KEPT_AS, on=today).years)
    issued = IssuedReport(
        report_hash=appraisal.report_hash,
        appraisal_id=appraisal.id,
        number=number,
        report=appraisal.report,
        seal_id=sealed.seal_id,
        issued_at=sealed.at,
        valid_until=appraisal.valid_until,
        keep_until=appraisal.keep_until,
    )
    session.add(issued)
    earlier = queries.lock_issued_by(session, vehicle_id=appraisal.vehicle_id, institution_id=appraisal.institution_id, but=appraisal.id)
    for old in earlier:
        old.state = decide_transition(old.state, AppraisalState.SUPERSEDED)
        old.superseded_by = appraisal.id
        record_change(session, principal=principal, appraisal=old, act="appraisal.supersede")
    outbox.append(session, _issued_event(appraisal), key=f"vehicle:{appraisal.vehicle_id}")


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
