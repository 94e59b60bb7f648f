"""May this car be traded here, in this mode, now, by this seller, to this buyer? One pure evaluator over rule tables.

Every question appends its findings; none looks at another's, so one more bar on a car can only add a finding.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """``bars``: no trade. ``needs_document``: traded on, not transferred before the paper is there. ``warns``: to be told."""

    BARS = "bars"
    NEEDS_DOCUMENT = "needs_document"
    WARNS = "warns"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. ``article`` is the Chinese name of the rule, ``clears`` what would clear it (a code)."""

    code: str
    severity: Severity
    article: str
    zh: str
    en: str
    clears: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """``tradable``: nothing bars. ``is_complete``: no paper is missing either, so that registration can be transferred."""

    findings: tuple[Finding, ...]

    @property
    def tradable(self) -> bool:
        return all(finding.severity is not Severity.BARS for finding in self.findings)

    @property
    def is_complete(self) -> bool:
        return all(finding.severity is Severity.WARNS for finding in self.findings)
