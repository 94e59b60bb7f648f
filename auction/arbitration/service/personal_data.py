"""A person's claims: exported, and kept for the law's term when the account is erased."""

from typing import Any
from uuid import UUID

from auction.arbitration import queries
from auction.arbitration.domain import UNDECIDED
from marketplace.api import accounts
from marketplace.core.db import Session

KEPT = "拍卖争议资料自委托拍卖合同终止之日起保管五年(拍卖法 第五十四条)"
LIMIT = 10_000


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    """Every claim the party filed or had to answer, with what it said itself."""
    found = queries.list_of_party(session, party_id, limit=LIMIT)
    return {
        "defect_claims": [
            {
                "id": str(one.id),
                "order_id": str(one.order_id),
                "defect": one.defect.value,
                "state": one.state.value,
                "filed_at": one.filed_at.isoformat(),
                "text": one.text if one.buyer_id == party_id else None,
                "answers": [said.text for said in queries.list_answers(session, one.id) if said.party_id == party_id],
                "evidence": [
                    {"id": str(file.id), "sha256": file.sha256}
                    for file in queries.list_evidence(session, one.id)
                    if file.party_id == party_id
                ],
            }
            for one in found
        ]
    }


def erase(session: Session, party_id: UUID) -> accounts.ErasureReport:
    """Raises ``PrivacyHold`` while a claim is undecided or its money is not paid."""
    found = queries.list_of_party(session, party_id, limit=LIMIT)
    if any(one.state in UNDECIDED or (one.payment_id is not None and one.paid_at is None) for one in found):
        raise accounts.PrivacyHold(reasons="有未结束的瑕疵仲裁 open defect claims")
    return accounts.ErasureReport(erased=0, kept=[KEPT] if found else [])
