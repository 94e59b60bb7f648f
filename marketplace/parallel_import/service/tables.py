"""The rule tables of parallel import."""

from datetime import date
from functools import lru_cache
from pathlib import Path

from marketplace.core import rules
from marketplace.parallel_import.domain import EmissionCutOff, ImportRules, ImportState, PaperKind, PaperRule

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


def _paper(found: dict[str, str]) -> PaperRule:
    needed_for = found.get("needed_for")
    return PaperRule(found["zh"], found["en"], found["issuer"], found["article"], ImportState(needed_for) if needed_for else None)
