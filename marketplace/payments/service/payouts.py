"""Payouts: what a party is owed leaves for the account he has named, as soon as he has named one."""

from uuid import UUID

from marketplace.accounts import api as accounts
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.payments import queries
from marketplace.payments.domain import OperationKind, PayoutState, SplitKind
from marketplace.payments.models import Payout
from marketplace.payments.service.facts import Wish


def owe(
    session: Session,
    *,
    party_id: UUID,
    amount_minor: int,
    currency: str,
    gateway: str,
    kind: SplitKind,
    purpose_kind: str,
    purpose_id: UUID,
) -> list[Wish]:
    """A payout of money that stands in ``payouts_payable``; waits while the party has no payout account."""
    payout = Payout(
        party_id=party_id,
        amount_minor=amount_minor,
        currency=currency,
        gateway=gateway,
        kind=kind,
        purpose_kind=purpose_kind,
        purpose_id=purpose_id,
        position=len(queries.list_payouts_of(session, purpose_id=purpose_id)),
        requested_at=clock.now(session),
    )
    session.add(payout)
    session.flush()
    return send(session, payout=payout)


def send(session: Session, *, payout: Payout) -> list[Wish]:
    """Ask the gateway to pay, if the party can be paid."""
    if payout.state is not PayoutState.WAITING:
        return []
    try:
        account = accounts.payout_account(session, party_id=payout.party_id)
    except accounts.PayoutAccountMissing:
        return []
    payee = queries.find_payee(session, party_id=payout.party_id, gateway=payout.gateway)
    payout.payout_account_id = account.id
    payout.state = PayoutState.REQUESTED
    session.add(payout)
    return [
        {
            "kind": OperationKind.PAYOUT,
            "gateway": payout.gateway,
            "subject_id": payout.id,
            "amount_minor": payout.amount_minor,
            "currency": payout.currency,
            "party_id": payout.party_id,
            "payee_ref": payee.reference if payee else None,
            "reference": payout.purpose_id.hex,
        }
    ]
