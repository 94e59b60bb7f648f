"""One's own bids: where each stands, what is to be paid, and where the deposit is and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auction.bidding.models import LogEntry, Registration
from auction.lots.models import AuctionSession, Lot
from auction.settlement.models import AuctionResult
from auction.watching import queries
from auction.watching.domain import DepositReason, OwnPart, Show, Standing, decide_deposit, decide_standing
from marketplace.api import orders, payments
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.security import Principal

_UNPAID = frozenset({orders.OrderState.AWAITING_SIGNATURES, orders.OrderState.AWAITING_PAYMENT})


@dataclass(frozen=True, slots=True)
class Deposit:
    """Fen. ``state`` is the gateway's, None on a line."""

    amount_minor: int
    state: str | None
    reason: DepositReason
    lapses_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnBid:
    """A lot and the party's own part in it; fen. ``to_pay_minor`` is what is still to be sent, 0 when nothing is."""

    registration: Registration
    lot: Lot
    row: AuctionSession
    result: AuctionResult | None
    last: LogEntry | None
    standing: Standing
    deposit: Deposit
    order: orders.OrderView | None
    to_pay_minor: int


def list_own(session: Session, *, principal: Principal, show: Show, page: PageQuery) -> list[OwnBid]:
    """The party's lots, the newest registration first, one more than the page holds."""
    rows = queries.list_own(session, party_id=principal.party_id, show=show, page=page)
    last = queries.list_last_bids(session, registrations=[one[0].id for one in rows], lots=[one[1].id for one in rows])
    return [_own(session, principal.party_id, *one, last.get(one[0].id)) for one in rows]


def _own(
    session: Session,
    party_id: UUID,
    found: Registration,
    lot: Lot,
    row: AuctionSession,
    result: AuctionResult | None,
    last: LogEntry | None,
) -> OwnBid:
    hold = payments.get_hold(session, hold_id=found.hold_id) if found.hold_id is not None else None
    won = result is not None and result.winner_id == party_id
    known = result.order_id if result is not None and won else None
    over = result is not None and last is not None
    order = queries.find_order(session, lot_id=lot.id, party_id=party_id, known=known) if over else None
    part = OwnPart(
        registration=found.state,
        phase=lot.state,
        has_bid=last is not None,
        leads=lot.leader_id == found.id,
        is_sealed=row.format.is_sealed,
        on_line=found.line_id is not None,
        won=won,
        bought=order is not None and not won,
        defaulted=won and result is not None and result.defaulted_at is not None,
        hold=hold.state.value if hold is not None else None,
    )
    deposit = Deposit(found.deposit_minor, part.hold, decide_deposit(part), hold.lapses_at if hold is not None else None)
    due = orders.due_minor(session, order_id=order.id) if order is not None and order.state in _UNPAID else 0
    return OwnBid(found, lot, row, result, last, decide_standing(part), deposit, order, due)
