"""Step 7: the value, always with the inputs it can be computed from again."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from marketplace.core import rules
from marketplace.core.db import Session
from marketplace.core.security import Principal
from valuation.appraisal.domain import (
    AccidentNeedsMarketMethod,
    AppraisalState,
    Coefficients,
    Reference,
    ReplacementCost,
    Subject,
    compute_market_value,
    compute_replacement_value,
    decide_factors,
    decide_transition,
    months_between,
    service_life_months,
)
from valuation.appraisal.models import Appraisal
from valuation.appraisal.service.engagement import lock_own, record_change, require_appraiser
from valuation.appraisal.service.inspection import TABLES

REPLACEMENT_COST, MARKET, STATED = "replacement_cost", "market_comparison", "stated"


def record_replacement_value(
    session: Session,
    *,
    principal: Principal,
    appraisal_id: UUID,
    new_price_minor: int,
    new_price_source: str,
    alpha_bps: int,
    plate_fee_minor: int | None = None,
) -> Appraisal:
    """重置成本法. ``alpha_bps`` weighs the age ratio, its rest the technical one. Amounts in fen.

    Raises ``AccidentNeedsMarketMethod``, ``WrongStep`` and what ``require_appraiser`` does.
    """
    appraisal = _open(session, principal, appraisal_id)
    assert appraisal.score_tenths is not None
    assert appraisal.base_on is not None
    if appraisal.is_collision_accident:
        raise AccidentNeedsMarketMethod
    table = rules.load(TABLES / "replacement_cost.toml", on=appraisal.base_on)
    values = table.values
    registered = appraisal.facts["first_registration_on"]
    age_months = months_between(date.fromisoformat(registered), appraisal.base_on) if registered else 0
    life_years = values["life_years"].get(appraisal.facts["use_type"])
    inputs = ReplacementCost(
        new_price_minor=new_price_minor,
        plate_fee_minor=values["plate_fee_minor"] if plate_fee_minor is None else plate_fee_minor,
        age_months=age_months,
        life_months=service_life_months(life_years, age_months, private_years=values["private_years"]),
        score_tenths=appraisal.score_tenths,
        alpha_bps=alpha_bps,
        vat_bps=values["vat_bps"],
        purchase_tax_bps=values["purchase_tax_bps"],
    )
    found = compute_replacement_value(inputs)
    basis = {
        "inputs": asdict(inputs),
        "result": asdict(found),
        "new_price_source": new_price_source,
        "table": f"{table.name} {table.number}",
    }
    return _conclude(session, principal, appraisal, REPLACEMENT_COST, found.value_minor, basis)


def record_market_value(session: Session, *, principal: Principal, appraisal_id: UUID, references: Sequence[Reference]) -> Appraisal:
    """现行市价法: the mean of three comparables or more, each adjusted by its four factors. What is stored computes it again.

    Raises ``TooFewComparables``, ``FactorMissing`` (an accident car's score factor must be stated), ``WrongStep`` and what
    ``require_appraiser`` does.
    """
    appraisal = _open(session, principal, appraisal_id)
    assert appraisal.base_on is not None
    table = rules.load(TABLES / "market_comparison.toml", on=appraisal.base_on)
    coefficients = Coefficients(**table.values)
    registered = appraisal.facts["first_registration_on"]
    subject = Subject(
        age_months=months_between(date.fromisoformat(registered), appraisal.base_on) if registered else 0,
        odometer_km=appraisal.facts["odometer_km"],
        score_tenths=None if appraisal.is_collision_accident else appraisal.score_tenths,
    )
    comparables = [decide_factors(subject, one, coefficients) for one in references]
    found = compute_market_value(comparables)
    basis = {
        "subject": asdict(subject),
        "references": [asdict(one) for one in references],
        "inputs": [asdict(one) for one in comparables],
        "result": {"adjusted_minor": list(found.adjusted_minor), "value_minor": found.value_minor},
        "table": f"{table.name} {table.number}",
    }
    return _conclude(session, principal, appraisal, MARKET, found.value_minor, basis)


def _conclude(
    session: Session, principal: Principal, appraisal: Appraisal, method: str, value_minor: int, basis: dict[str, Any]
) -> Appraisal:
    """The method stated last concludes; another one stated before stands beside it (资产评估法 26 asks for two where two can be used)."""
    before = appraisal.valuation
    others = [one for one in before.get("others", []) if one["method"] != method]
    if appraisal.value_method not in {None, method}:
        kept = {name: part for name, part in before.items() if name != "others"}
        others = [one for one in others if one["method"] != appraisal.value_method]
        others.append({"method": appraisal.value_method, "value_minor": appraisal.value_minor, "basis": kept})
    appraisal.value_method = method
    appraisal.value_minor = value_minor
    appraisal.valuation = {**basis, "others": others}
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.value")
    return appraisal


def record_stated_value(session: Session, *, principal: Principal, appraisal_id: UUID, value_minor: int, reason: str) -> Appraisal:
    """A value by another method, with its reason. Fen. Raises ``WrongStep`` and what ``require_appraiser`` does."""
    appraisal = _open(session, principal, appraisal_id)
    return _conclude(session, principal, appraisal, STATED, value_minor, {"reason": reason})


def _open(session: Session, principal: Principal, appraisal_id: UUID) -> Appraisal:
    appraisal = lock_own(session, principal=principal, appraisal_id=appraisal_id)
    require_appraiser(session, principal=principal, appraisal=appraisal)
    appraisal.state = decide_transition(appraisal.state, AppraisalState.VALUED)
    return appraisal
