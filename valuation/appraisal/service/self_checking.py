"""Quick self-appraisal: nothing is stored, nobody is asked who he is."""

from collections.abc import Mapping
from datetime import date

from marketplace.core import clock, rules
from marketplace.core.db import Session
from valuation.appraisal.domain import Provisional, SelfCheck, build_self_check, compute_provisional
from valuation.appraisal.service.inspection import TABLES, get_standard

_BUILT: dict[int, SelfCheck] = {}


def get_self_check(on: date) -> SelfCheck:
    """The questions valid on a legal day."""
    table = rules.load(TABLES / "self_appraisal.toml", on=on)
    if table.number not in _BUILT:
        _BUILT[table.number] = build_self_check(table.number, table.source, table.values)
    return _BUILT[table.number]


def appraise_oneself(session: Session, *, answers: Mapping[str, str]) -> Provisional:
    """A provisional grade with its range. Raises ``AnswersIncomplete`` for a question or an answer that there is not."""
    today = clock.shanghai_day(clock.now(session))
    standard, _ = get_standard(today)
    return compute_provisional(standard, get_self_check(today), answers)
