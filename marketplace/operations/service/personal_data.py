"""A person's data in cases: what he asked and said."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData
from marketplace.core.db import Session
from marketplace.operations import queries
from marketplace.operations.domain import UNDECIDED


def export_person(session: Session, party_id: UUID) -> dict[str, Any]:
    """The cases he opened and every statement of his."""
    return {
        "cases": [
            {
                "id": str(one.id),
                "kind": one.kind.value,
                "subject_kind": one.subject_kind,
                "subject_id": str(one.subject_id),
                "state": one.state.value,
                "outcome": one.outcome.value if one.outcome else None,
                "opened_at": one.opened_at.isoformat(),
            }
            for one in queries.list_opened_by(session, party_id)
        ],
        "case_statements": [
            {"case_id": str(said.case_id), "text": said.text, "at": said.at.isoformat()}
            for said, _ in queries.list_statements_of(session, party_id)
        ],
    }


def erase_person(session: Session, party_id: UUID) -> ErasureReport:
    """Statements go, but those of a case still undecided: the market may have to answer for it."""
    erased, kept = 0, 0
    for said, case in queries.list_statements_of(session, party_id):
        if case.state in UNDECIDED:
            kept += 1
        elif said.text is not None:
            said.text = None
            session.add(said)
            erased += 1
    reasons = ["未决案件的陈述:待案件办结后删除(个人信息保护法 第四十七条)"] if kept else []
    return ErasureReport(erased=erased, kept=reasons)


PERSONAL_DATA = PersonalData(feature="operations", export=export_person, erase=erase_person)
