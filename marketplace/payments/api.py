"""What other features may ask of payments. Amounts are fen; every call works in the caller's transaction.

Nothing leaves before the commit: holds, captures, refunds and payouts are asked of the gateway afterwards, and events say how it
went. ``get_hold`` and ``get_payment`` show where things stand.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.accounts.api import ErasureReport, PersonalData
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.payments import queries
from marketplace.payments.domain import (
    AmountAboveGateway,
    Capabilities,
    ForfeitClaims,
    GatewayCannotHold,
    GatewayUnknown,
    HoldNotHeld,
    HoldState,
    Keeping,
    PaymentNotDue,
    PaymentState,
    PayoutState,
    SplitKind,
    SplitsDoNotMatch,
)
from marketplace.payments.gateway.registry import capabilities_of, installed
from marketplace.payments.models import Hold, Payment, Payout
from marketplace.payments.service import holds, keeping, ledger, payments, personal_data
from marketplace.payments.service.ledger import balances, ledger_sum
from marketplace.payments.service.payments import Split


@dataclass(frozen=True, slots=True)
class HoldView:
    """A deposit. ``lapses_at`` is when the gateway gives it back by itself; ``instructions`` what the payer still has to do."""

    id: UUID
    party_id: UUID
    amount_minor: int
    gateway: str
    purpose_kind: str
    purpose_id: UUID
    state: HoldState
    lapses_at: datetime | None
    order_id: UUID | None = None
    failure_code: str | None = None
    instructions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentView:
    """Money asked of a payer; ``instructions`` say where to send it, with ``reference``."""

    id: UUID
    payer_id: UUID
    amount_minor: int
    gateway: str
    state: PaymentState
    reference: str
    instructions: dict[str, Any]
    purpose_kind: str
    purpose_id: UUID
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class PayoutView:
    """Settled money on its way to a party."""

    id: UUID
    party_id: UUID
    amount_minor: int
    kind: SplitKind
    gateway: str
    state: PayoutState
    paid_at: datetime | None


def hold_view(found: Hold) -> HoldView:
    return HoldView(
        id=found.id,
        party_id=found.party_id,
        amount_minor=found.amount_minor,
        gateway=found.gateway,
        purpose_kind=found.purpose_kind,
        purpose_id=found.purpose_id,
        state=found.state,
        lapses_at=found.lapses_at,
        order_id=found.order_id,
        failure_code=found.failure_code,
        instructions=found.instructions,
    )


def payment_view(found: Payment) -> PaymentView:
    return PaymentView(
        id=found.id,
        payer_id=found.payer_id,
        amount_minor=found.amount_minor,
        gateway=found.gateway,
        state=found.state,
        reference=found.reference,
        instructions=found.instructions,
        purpose_kind=found.purpose_kind,
        purpose_id=found.purpose_id,
        paid_at=found.paid_at,
    )


def payout_view(found: Payout) -> PayoutView:
    return PayoutView(
        id=found.id,
        party_id=found.party_id,
        amount_minor=found.amount_minor,
        kind=found.kind,
        gateway=found.gateway,
        state=found.state,
        paid_at=found.paid_at,
    )


def gateway_capabilities() -> dict[str, Capabilities]:
    """The gateways of this deployment, by name."""
    return {name: one.capabilities for name, one in installed().items()}


def hold(
    session: Session,
    *,
    principal: Principal | None = None,
    party_id: UUID,
    amount_minor: int,
    purpose_kind: str,
    purpose_id: UUID,
    gateway: str | None = None,
    payment_method: str | None = None,
) -> HoldView:
    """Ask for a deposit. Raises ``GatewayUnknown``, ``GatewayCannotHold``, ``AmountAboveGateway``."""
    found = holds.hold(
        session,
        principal=principal,
        party_id=party_id,
        amount_minor=amount_minor,
        purpose_kind=purpose_kind,
        purpose_id=purpose_id,
        gateway=gateway,
        payment_method=payment_method,
    )
    return hold_view(found)


def get_hold(session: Session, *, hold_id: UUID) -> HoldView:
    return hold_view(queries.get_hold(session, hold_id))


def list_lapsing_holds(session: Session, *, purpose_kinds: Sequence[str], after: UUID | None = None, limit: int = 200) -> list[HoldView]:
    """Held deposits near their gateway's time limit, in the order of ids: ``keep_hold`` those that are needed longer."""
    before = clock.now(session) + max(keeping.terms().ahead, keeping.terms().warning)
    found = queries.list_lapsing_holds(session, purpose_kinds=purpose_kinds, before=before, after=after, limit=limit)
    return [hold_view(one) for one in found]


def card_marks(session: Session, *, party_ids: Collection[UUID], since: datetime) -> dict[UUID, frozenset[str]]:
    """By party: ``card:…``, an opaque keyed hash of each card a deposit was held on since then."""
    found: dict[UUID, set[str]] = {}
    for party_id, card in queries.list_card_hashes(session, party_ids=party_ids, since=since):
        if card is not None:
            found.setdefault(party_id, set()).add(f"card:{card[-24:]}")
    return {party_id: frozenset(marks) for party_id, marks in found.items()}


def keep_hold(session: Session, *, hold_id: UUID, needed_until: datetime) -> Keeping:
    """Renew or charge a deposit that lapses before ``needed_until``, as its gateway can; twice is once. ``hold_lapsing`` when it cannot."""
    return keeping.keep(session, hold_id=hold_id, needed_until=needed_until)


def release_hold(session: Session, *, hold_id: UUID, reason: str, principal: Principal | None = None) -> HoldView:
    """Give a deposit back; twice is once. Raises ``HoldNotHeld`` when it was or is being taken."""
    return hold_view(holds.release(session, hold_id=hold_id, reason=reason, principal=principal))


def capture_hold(
    session: Session, *, hold_id: UUID, order_id: UUID, amount_minor: int | None = None, principal: Principal | None = None
) -> HoldView:
    """Count a deposit to an order's price: into its escrow, ``hold_captured`` follows. Raises ``HoldNotHeld``."""
    return hold_view(holds.capture(session, hold_id=hold_id, order_id=order_id, amount_minor=amount_minor, principal=principal))


def forfeit_hold(
    session: Session,
    *,
    hold_id: UUID,
    reason: str,
    to_party_id: UUID | None,
    claims: ForfeitClaims | None = None,
    costs_to: UUID | None = None,
    principal: Principal | None = None,
) -> HoldView:
    """Keep a defaulter's deposit: costs to ``costs_to``, the rest to the injured party (None: the market). Raises ``HoldNotHeld``."""
    return hold_view(
        holds.forfeit(
            session, hold_id=hold_id, reason=reason, to_party_id=to_party_id, claims=claims, costs_to=costs_to, principal=principal
        )
    )


def request_payment(
    session: Session,
    *,
    payer_id: UUID,
    amount_minor: int,
    purpose_kind: str,
    purpose_id: UUID,
    gateway: str | None = None,
    payment_method: str | None = None,
    principal: Principal | None = None,
) -> PaymentView:
    """Ask a payer for money into the purpose's escrow. Raises ``PaymentNotDue`` when another amount is due already."""
    found = payments.request_payment(
        session,
        payer_id=payer_id,
        amount_minor=amount_minor,
        purpose_kind=purpose_kind,
        purpose_id=purpose_id,
        gateway=gateway,
        payment_method=payment_method,
        principal=principal,
    )
    return payment_view(found)


def get_payment(session: Session, *, payment_id: UUID) -> PaymentView:
    return payment_view(queries.get_payment(session, payment_id))


def list_payments_for(session: Session, *, purpose_kind: str, purpose_id: UUID) -> list[PaymentView]:
    """Every payment asked for one purpose, oldest first."""
    return [payment_view(found) for found in queries.list_payments_for(session, purpose_kind=purpose_kind, purpose_id=purpose_id)]


def cancel_payment(session: Session, *, payment_id: UUID, principal: Principal | None = None) -> PaymentView:
    """Nobody waits for it any more; what still arrives goes back."""
    return payment_view(payments.cancel(session, payment_id=payment_id, principal=principal))


def refund(session: Session, *, payment_id: UUID, reason: str, principal: Principal | None = None) -> PaymentView:
    """Give a received payment back. Raises ``PaymentNotDue`` unless it was paid."""
    return payment_view(payments.refund(session, payment_id=payment_id, reason=reason, principal=principal))


def return_escrow(session: Session, *, order_id: UUID, party_id: UUID) -> None:
    """Pay what is left in an order's escrow (captured deposits) back to its buyer."""
    payments.refund_deposits(session, order_id=order_id, party_id=party_id)


def settle(
    session: Session, *, order_id: UUID, splits: Sequence[Split], principal: Principal | None = None, purpose_kind: str = "order"
) -> list[PayoutView]:
    """Share out the escrow of an order, or of what ``purpose_kind`` names, once. Raises ``SplitsDoNotMatch`` unless it is exactly that."""
    shared = payments.settle(session, order_id=order_id, splits=splits, principal=principal, purpose_kind=purpose_kind)
    return [payout_view(found) for found in shared]


def list_payouts_of(session: Session, *, purpose_id: UUID) -> list[PayoutView]:
    return [payout_view(found) for found in queries.list_payouts_of(session, purpose_id=purpose_id)]


def escrow_balance(session: Session, *, order_id: UUID) -> int:
    """What stands in escrow for an order, in fen."""
    return sum(ledger.escrow_pools(session, purpose_id=order_id).values())


PERSONAL_DATA = PersonalData(feature="payments", export=personal_data.export, erase=personal_data.erase)

__all__ = [
    "PERSONAL_DATA",
    "AmountAboveGateway",
    "Capabilities",
    "ErasureReport",
    "ForfeitClaims",
    "GatewayCannotHold",
    "GatewayUnknown",
    "HoldNotHeld",
    "HoldState",
    "HoldView",
    "Keeping",
    "PaymentNotDue",
    "PaymentState",
    "PaymentView",
    "PayoutState",
    "PayoutView",
    "Split",
    "SplitKind",
    "SplitsDoNotMatch",
    "balances",
    "cancel_payment",
    "capabilities_of",
    "capture_hold",
    "card_marks",
    "escrow_balance",
    "forfeit_hold",
    "gateway_capabilities",
    "get_hold",
    "get_payment",
    "hold",
    "keep_hold",
    "ledger_sum",
    "list_lapsing_holds",
    "list_payments_for",
    "list_payouts_of",
    "refund",
    "release_hold",
    "request_payment",
    "return_escrow",
    "settle",
]
