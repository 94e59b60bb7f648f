"""A person's biddings: exported, and kept for the law's term when the account is erased."""

from typing import Any
from uuid import UUID

from auction.bidding.domain import RegistrationState
from auction.settlement import queries
from marketplace.api import accounts
from marketplace.core.db import Session

KEPT = "拍卖资料自委托拍卖合同终止之日起保管五年(拍卖法 第五十四条);化名之外不公开"
_UNFINISHED = frozenset({RegistrationState.REQUESTED, RegistrationState.REGISTERED, RegistrationState.SUSPENDED})
LIMIT = 10_000


def export(session: Session, party_id: UUID) -> dict[str, Any]:
    """Every registration of the party with its pseudonym and its own bids, maxima included."""
    found = queries.list_registrations_of(session, party_id=party_id, limit=LIMIT)
    bids = queries.list_bids_of(session, registration_ids=[one.id for one in found], limit=LIMIT)
    return {
        "registrations": [
            {
                "lot_id": str(one.lot_id),
                "pseudonym": one.pseudonym,
                "state": one.state.value,
                "deposit_minor": one.deposit_minor,
                "created_at": one.created_at.isoformat(),
            }
            for one in found
        ],
        "bids": [{"lot_id": str(one.lot_id), "seq": one.seq, "maximum_minor": one.maximum_minor, "hash": one.hash} for one in bids],
    }


def erase(session: Session, party_id: UUID) -> accounts.ErasureReport:
    """The log is append-only and kept; raises ``PrivacyHold`` while a registration is open or a lot is being sold."""
    found = queries.list_registrations_of(session, party_id=party_id, limit=LIMIT)
    if any(one.state in _UNFINISHED for one in found):
        raise accounts.PrivacyHold(reasons="有未结束的竞买登记 open auction registrations")
    if queries.count_unfinished_of(session, consignor_id=party_id):
        raise accounts.PrivacyHold(reasons="有未结束的委托标的 lots not finished")
    return accounts.ErasureReport(erased=0, kept=[KEPT] if found else [])
