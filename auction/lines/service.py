"""Lines: opened with a deposit, reserved by bids, freed by what happens afterwards, closed when nothing is reserved.

Locks: lots, registrations, lines, each by id; the same order as bids.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from auction.lines import queries
from auction.lines.domain import (
    DebtOutstanding,
    LineExists,
    LineInUse,
    LineKind,
    LineNotActive,
    LineState,
    LineTerms,
    LineUnknown,
    Reservation,
)
from auction.lines.events import LineActivated
from auction.lines.models import BidLine, BidReservation, PortfolioWish
from marketplace.api import accounts, orders, payments
from marketplace.core import audit, clock, outbox
from marketplace.core.db import Session
from marketplace.core.pagination import PageQuery
from marketplace.core.rules import load
from marketplace.core.security import Principal

PURPOSE = "line"
_TABLES = Path(__file__).parent / "tables"


def terms(at: datetime) -> LineTerms:
    return LineTerms.from_values(load(_TABLES / "lines.toml", on=clock.shanghai_day(at)).values)


def open_line(session: Session, *, principal: Principal, deposit_minor: int, gateway: str | None = None) -> BidLine:
    """A dealer's line: its limit is a multiple of the deposit. Raises ``DepositTooSmall``, ``LineExists``, ``PartySuspended``."""
    accounts.require_active(session, party_id=principal.party_id)
    if queries.find_line_of(session, party_id=principal.party_id) is not None:
        raise LineExists
    limit = terms(clock.now(session)).limit(deposit_minor)
    line = BidLine(
        party_id=principal.party_id,
        person_id=principal.id,
        kind=LineKind.LINE,
        deposit_minor=deposit_minor,
        limit_minor=limit,
        created_at=clock.now(session),
    )
    return ask_deposit(session, principal=principal, line=line, gateway=gateway)


def ask_deposit(session: Session, *, principal: Principal, line: BidLine, gateway: str | None) -> BidLine:
    """Keep a new line and freeze its deposit."""
    session.add(line)
    session.flush()
    hold = payments.hold(
        session,
        principal=principal,
        party_id=line.party_id,
        amount_minor=line.deposit_minor,
        purpose_kind=PURPOSE,
        purpose_id=line.id,
        gateway=gateway,
    )
    line.hold_id = hold.id
    session.add(line)
    session.flush()
    facts = {"kind": line.kind.value, "deposit_minor": line.deposit_minor, "limit_minor": line.limit_minor}
    audit.record(session, principal=principal, act="line.open", object_kind="line", object_id=line.id, facts=facts)
    return line


def require_active(session: Session, *, party_id: UUID) -> BidLine:
    """A dealer's own line. Raises ``LineUnknown``, ``LineNotActive``."""
    found = queries.find_line_of(session, party_id=party_id)
    if found is None:
        raise LineUnknown
    if found.state is not LineState.ACTIVE:
        raise LineNotActive(state=found.state.value)
    return found


def hear_hold(session: Session, *, hold_id: UUID, happened: str) -> BidLine | None:
    """The deposit was held, failed, lapsed or went back. Leads stay bound. Returns the line when it became active."""
    line = queries.lock_line_of_hold(session, hold_id=hold_id)
    if line is None:
        return None
    if happened == "held" and line.state is LineState.REQUESTED:
        line.state = LineState.ACTIVE
        outbox.append(session, LineActivated(line_id=line.id, party_id=line.party_id, kind=line.kind), key=f"line:{line.id}")
    elif happened == "failed" and line.state is LineState.REQUESTED:
        line.state, line.closed_at = LineState.CLOSED, clock.now(session)
    elif happened == "lapsed" and line.state in (LineState.ACTIVE, LineState.SUSPENDED):
        line.state = LineState.LAPSED
    session.add(line)
    session.flush()
    return line if line.state is LineState.ACTIVE else None


# --- what becomes of reservations ------------------------------------------------------------------------------------------


def settle_lot(session: Session, *, lot_id: UUID, keep: UUID | None, owed_minor: int | None = None, order_id: UUID | None = None) -> None:
    """A lot is over, under its lock: everybody's reservation goes but the winner's, which becomes what he owes.

    ``keep`` without ``owed_minor``: his bid stands on as it is (if-bid).
    """
    book = queries.lock_book(session, lot_ids=[lot_id])
    if not book.lines:
        return
    book.release_others(lot_id=lot_id, registration_id=keep)
    held: Reservation | None = book.held.get(lot_id, {}).get(keep) if keep is not None else None
    if keep is not None and held is not None and owed_minor is not None:
        book.reserve(lot_id=lot_id, registration_id=keep, line_id=held.line_id, amount_minor=min(owed_minor, held.amount_minor))
    queries.write_book(session, book, order_ids={lot_id: order_id} if order_id is not None else None)


def hear_order(session: Session, *, order_id: UUID, happened: str) -> None:
    """A won car was paid, or its order ended. A portfolio's money is spent; a line is free again. A default suspends the line."""
    lot_id = queries.find_lot_of_order(session, order_id=order_id)
    if lot_id is None:
        return
    book = queries.lock_book(session, lot_ids=[lot_id])
    for registration_id, held in [*book.held.get(lot_id, {}).items()]:
        line = queries.lock_line(session, held.line_id)
        if line is None or (happened == "paid" and line.kind is LineKind.PORTFOLIO):
            continue
        book.release(lot_id=lot_id, registration_id=registration_id)
        if happened == "defaulted" and line.state is not LineState.CLOSED:
            line.state = LineState.SUSPENDED
            session.add(line)
    session.flush()
    queries.write_book(session, book)


# --- closing ---------------------------------------------------------------------------------------------------------------


def close_line(session: Session, *, principal: Principal, line_id: UUID, owes: bool) -> BidLine:
    """No new bids; the deposit goes back when nothing is reserved. ``owes``: a broken sale's debt is open.

    Raises ``LineUnknown``, ``LineInUse``, ``DebtOutstanding``. Twice is once.
    """
    line = queries.lock_line(session, line_id)
    if line is None or line.party_id != principal.party_id:
        raise LineUnknown
    if line.state is LineState.CLOSED:
        return line
    if owes:
        raise DebtOutstanding
    if any(_is_bound(session, one) for one in queries.list_reservations(session, line_id=line_id)):
        raise LineInUse(reserved_minor=line.reserved_minor)
    if line.state is not LineState.LAPSED and line.hold_id is not None:
        payments.release_hold(session, hold_id=line.hold_id, reason="line_closed", principal=principal)
    line.state, line.closed_at = LineState.CLOSED, clock.now(session)
    session.add(line)
    session.flush()
    audit.record(session, principal=principal, act="line.close", object_kind="line", object_id=line.id, facts={"kind": line.kind.value})
    return line


def _is_bound(session: Session, held: BidReservation) -> bool:
    """A lead, or a car won and not paid for. What a portfolio has paid stays spent, but binds nobody."""
    return held.order_id is None or orders.get_order(session, order_id=held.order_id).paid_at is None


# --- reading ---------------------------------------------------------------------------------------------------------------


def list_own(session: Session, *, principal: Principal, page: PageQuery) -> Sequence[BidLine]:
    return queries.list_lines(session, party_id=principal.party_id, page=page)


def get_own(session: Session, *, principal: Principal, line_id: UUID) -> BidLine:
    """Raises ``LineUnknown``."""
    found = session.get(BidLine, line_id)
    if found is None or found.party_id != principal.party_id:
        raise LineUnknown
    return found


def list_reservations(session: Session, *, line_id: UUID) -> Sequence[BidReservation]:
    return queries.list_reservations(session, line_id=line_id)


def list_wishes(session: Session, *, line_id: UUID) -> Sequence[PortfolioWish]:
    return queries.list_wishes(session, line_id=line_id)
