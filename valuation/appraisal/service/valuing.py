"""Step 7: the value, always with the inputs it can be computed from again."""

from dataclasses import asdict
from datetime import date
from uuid import UUID

from marketplace.core import rules
from marketplace.core.db import Session
from marketplace.core.security import Principal
from valuation.appraisal.domain import (
    AccidentNeedsMarketMethod,
    AppraisalState,
    ReplacementCost,
    compute_replacement_value,
    decide_transition,
    months_between,
    service_life_months,
)
from valuation.appraisal.models import Appraisal
from valuation.appraisal.service.engagement import lock_own, record_change, require_appraiser
from valuation.appraisal.service.inspection import TABLES


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
    appraisal.value_method = "replacement_cost"
    appraisal.value_minor = found.value_minor
    appraisal.valuation = {
        "inputs": asdict(inputs),
        "result": asdict(found),
        "new_price_source": new_price_source,
        "table": f"{table.name} {table.number}",
    }
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.value")
    return appraisal


def record_stated_value(session: Session, *, principal: Principal, appraisal_id: UUID, value_minor: int, reason: str) -> Appraisal:
    """A value by another method, with its reason; the only way for an accident car. Fen. Raises ``WrongStep``."""
    appraisal = _open(session, principal, appraisal_id)
    appraisal.value_method = "stated"
    appraisal.value_minor = value_minor
    appraisal.valuation = {"reason": reason}
    record_change(session, principal=principal, appraisal=appraisal, act="appraisal.value")
    return appraisal


def _open(session: Session, principal: Principal, appraisal_id: UUID) -> Appraisal:
    appraisal = lock_own(session, principal=principal, appraisal_id=appraisal_id)
    require_appraiser(session, principal=principal, appraisal=appraisal)
    appraisal.state = decide_transition(appraisal.state, AppraisalState.VALUED)
    return appraisal
