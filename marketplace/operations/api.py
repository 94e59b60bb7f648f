"""What other features may ask of operations: put a question to the market's people. The answer comes as ``operations.case_decided``."""

from marketplace.operations.domain import CaseKind, CaseState, CaseTakenByAnother, CaseView, Outcome, OwnCase
from marketplace.operations.service.cases import conclude as conclude_case
from marketplace.operations.service.cases import open_case
from marketplace.operations.service.personal_data import PERSONAL_DATA

__all__ = [
    "PERSONAL_DATA",
    "CaseKind",
    "CaseState",
    "CaseTakenByAnother",
    "CaseView",
    "Outcome",
    "OwnCase",
    "conclude_case",
    "open_case",
]
