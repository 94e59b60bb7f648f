"""The rule tables of parallel import."""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from marketplace.core import rules
from marketplace.parallel_import.domain import EmissionCutOff, ImportRules, ImportState, PaperKind, PaperRule
from marketplace.parallel_import.domain.pilots import Criterion, PilotKind, PilotRules

FOLDER = Path(__file__).parent.parent / "tables"


@lru_cache(maxsize=16)
def import_rules(on: date) -> ImportRules:
    """As valid on a legal day."""
    papers = rules.load(FOLDER / "papers.toml", on=on).values
    emission = rules.load(FOLDER / "emission.toml", on=on).values
    return ImportRules(
        papers={PaperKind(kind): _paper(found) for kind, found in papers["papers"].items()},
        cut_offs=tuple(EmissionCutOff(**one) for one in emission["cut_offs"]),
        disclosures={name: (zh, en, article) for name, (zh, en, article) in papers["disclosures"].items()},
    )


@lru_cache(maxsize=16)
def pilot_rules(on: date) -> PilotRules:
    """As valid on a legal day."""
    values = rules.load(FOLDER / "pilots.toml", on=on).values
    terms = values["assessment"]
    return PilotRules(
        application={kind: _criteria(values[kind.value]) for kind in PilotKind},
        assessed=_criteria(values["assessed"]),
        interval_months=terms["interval_months"],
        notice_days=terms["notice_days"],
        grace_days=terms["grace_days"],
        pass_percent=terms["pass_percent"],
        bonded_months=values["bonded_months"],
    )


def _criteria(values: dict[str, Any]) -> tuple[Criterion, ...]:
    return tuple(Criterion.from_values(code, one) for code, one in values.items())


def _paper(found: dict[str, str]) -> PaperRule:
    needed_for = found.get("needed_for")
    return PaperRule(found["zh"], found["en"], found["issuer"], found["article"], ImportState(needed_for) if needed_for else None)
