"""Estimates for those who call: who may, how often a day, one or many."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock, crypto
from marketplace.core.db import Session
from marketplace.core.errors import NotFound, Refusal
from marketplace.core.security import CapabilityMissing, Principal, PrincipalKind
from marketplace.core.settings import get_settings
from valuation.appraisal import api as appraisals
from valuation.partners import queries
from valuation.partners.domain import decide_quota
from valuation.partners.models import Estimate, EstimateUsage
from valuation.pricing import api as pricing
from valuation.pricing.api import CarFacts, OutsideModel, PricePurpose, RefusalReason

QUOTE = "prices.quote"
REQUEST = "estimates.request"


@dataclass(frozen=True, slots=True)
class Question:
    """One car to price: a registered one by id, or bare facts."""

    purpose: PricePurpose
    vehicle_id: UUID | None = None
    facts: CarFacts | None = None


def require_caller(principal: Principal) -> None:
    """A machine needs the scope ``prices.quote``; a person that or ``estimates.request``. Raises ``CapabilityMissing``."""
    is_person = principal.kind is PrincipalKind.PERSON
    if not (principal.can(QUOTE) or (is_person and principal.can(REQUEST))):
        raise CapabilityMissing(capability=QUOTE)


def request_estimate(session: Session, *, principal: Principal, question: Question) -> Estimate:
    """Price one car and keep the answer. A refusal costs nothing of the quota.

    Raises ``CapabilityMissing``, ``QuotaUsedUp``, ``NotFound``, ``FactsIncomplete``, ``OutsideModel``.
    """
    require_caller(principal)
    accounts.require_active(session, party_id=principal.party_id)
    _count(session, principal, 1)
    return _answer(session, principal, question)


def request_estimates(session: Session, *, principal: Principal, questions: Sequence[Question]) -> list[Estimate | Refusal]:
    """Price many; each is answered or refused by itself, only the answered ones are counted."""
    require_caller(principal)
    accounts.require_active(session, party_id=principal.party_id)
    usage = _count(session, principal, len(questions))
    answers: list[Estimate | Refusal] = []
    for question in questions:
        try:
            answers.append(_answer(session, principal, question))
        except Refusal as refusal:
            answers.append(refusal)
            usage.used -= 1
    session.add(usage)
    return answers


def _answer(session: Session, principal: Principal, question: Question) -> Estimate:
    facts = question.facts
    if question.vehicle_id is not None:
        facts = pricing.facts_of_vehicle(session, principal=principal, vehicle_id=question.vehicle_id)
        _refuse_damaged(session, question.vehicle_id)
    assert facts is not None
    return _store(session, principal, question, facts)


def _refuse_damaged(session: Session, vehicle_id: UUID) -> None:
    """The data are ordinary cars: one whose latest report tells of a collision, flood or fire is not priced by them."""
    report = appraisals.find_latest_appraisal(session, vehicle_id=vehicle_id)
    if report is not None and (report.is_collision_accident or report.is_flood or report.is_fire):
        raise OutsideModel(reason=RefusalReason.DAMAGE_ON_RECORD.value)


def _store(session: Session, principal: Principal, question: Question, facts: CarFacts) -> Estimate:
    """Compute an estimate and keep it with its inputs and their hash. Raises ``OutsideModel``."""
    view = pricing.estimate(session, facts=facts, purpose=question.purpose)
    purpose = question.purpose
    inputs = asdict(facts) | {"first_registration_on": facts.first_registration_on.isoformat()}
    estimate = Estimate(
        party_id=principal.party_id,
        caller_id=principal.id,
        vehicle_id=question.vehicle_id,
        purpose=purpose,
        inputs=inputs,
        inputs_hash=crypto.sha256_hex(crypto.canonical_json(inputs | {"purpose": purpose.value, "model": view.model_version})),
        model_version=view.model_version,
        as_of=view.as_of,
        price_minor=view.price_minor,
        low_minor=view.low_minor,
        high_minor=view.high_minor,
        coverage_bps=view.coverage_bps,
        confidence=view.confidence,
        answer={
            "level": view.level.value,
            "measured_coverage_bps": view.measured_coverage_bps,
            "new_price_minor": view.new_price_minor,
            "new_price_known": view.new_price_known,
            "factors": [[name, bps] for name, bps in view.factors],
            "basis": view.basis,
            "index_bps": view.index_bps,
            "index_measured": view.index_measured,
        },
        estimated_at=clock.now(session),
    )
    session.add(estimate)
    session.flush()
    return estimate


def get_own_estimate(session: Session, *, principal: Principal, estimate_id: UUID) -> Estimate:
    """Raises ``NotFound`` also for another's."""
    found = queries.get_estimate(session, estimate_id=estimate_id)
    if found.party_id != principal.party_id:
        raise NotFound
    return found


def _count(session: Session, principal: Principal, calls: int) -> EstimateUsage:
    """Add calls to the day's row; a machine has the partners' quota, a person his own."""
    settings = get_settings()
    is_partner = principal.can(QUOTE)
    quota = settings.estimates_a_day_partner if is_partner else settings.estimates_a_day_person
    now = clock.now(session)
    today = clock.shanghai_day(now)
    usage = queries.lock_usage(session, caller_id=principal.id, party_id=principal.party_id, used_on=today)
    left_s = int((clock.end_of_day(today) - now) / timedelta(seconds=1)) + 1
    usage.used = decide_quota(usage.used, calls, quota, retry_after_s=left_s)
    session.add(usage)
    return usage


def list_usage(session: Session, *, principal: Principal, days: int) -> Sequence[EstimateUsage]:
    """One's own party's counters of the last days."""
    since = clock.shanghai_day(clock.now(session)) - timedelta(days=days)
    return queries.list_usage(session, party_id=principal.party_id, since=since)
