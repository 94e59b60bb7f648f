"""A person's transfers: exported with state and papers, kept as part of the trade file."""

from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PrivacyHold
from marketplace.aftercare import queries
from marketplace.aftercare.domain import CaseState
from marketplace.core.db import Session

KEPT = "交易档案保存三年(二手车交易规范 第十一条);发票存根保存(会计档案管理办法)"


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    """Cases of a party with the papers it handed in."""
    found = queries.list_cases_of_party(session, party_id)
    return {
        "transfers": [
            {
                "id": str(case.id),
                "state": case.state.value,
                "papers": [
                    {"kind": row.kind.value, "number": row.number}
                    for row in queries.list_papers(session, case.id)
                    if row.provided_by == party_id
                ],
            }
            for case in found
        ]
    }


def erase(session: Session, party_id: UUID) -> ErasureReport:
    """The numbers of papers a party handed in for an ended case go. Raises ``PrivacyHold`` while one is open."""
    found = queries.list_cases_of_party(session, party_id)
    if any(case.state not in {CaseState.COMPLETED, CaseState.CANCELLED} for case in found):
        raise PrivacyHold(reasons="有未完结的过户业务 open transfers")
    rows = [row for case in found for row in queries.list_papers(session, case.id) if row.provided_by == party_id and row.number]
    for row in rows:
        row.number = None
        session.add(row)
    return ErasureReport(erased=len(rows), kept=[KEPT] if found else [])
