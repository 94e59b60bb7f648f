"""Every SELECT of lines, and the writing of what a batch of bids reserved."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from auction.lines.domain import Book, Line, LineKind, LineState, Reservation
from auction.lines.models import BidLine, BidReservation, PortfolioWish
from marketplace.core.db import Session, id_list
from marketplace.core.pagination import PageQuery

LINES: sa.Table = BidLine.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
RESERVATIONS: sa.Table = BidReservation.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
_BOOK_COLUMNS = ("id", "limit_minor", "reserved_minor", "leads", "leads_max", "state")
_HELD_COLUMNS = ("lot_id", "registration_id", "line_id", "amount_minor")


def book_of(lines: Sequence[Any], held: Sequence[Any]) -> Book:
    """Rows in the order of the columns above as a book. Most batches have none."""
    book = Book()
    for line_id, limit, reserved, leads, leads_max, state in lines:
        book.lines[line_id] = Line(line_id, limit, reserved, leads, leads_max, LineState(state))
    for lot_id, registration_id, line_id, amount in held:
        book.held.setdefault(lot_id, {})[registration_id] = Reservation(line_id, amount)
    return book


def lock_book(session: Session, *, lot_ids: Collection[UUID], line_ids: Collection[UUID] = ()) -> Book:
    """Behind the lots' locks: the named lines and those with a reservation on the lots, locked by id; then the reservations."""
    connection = session.connection()
    lots = id_list(list(lot_ids))
    on_lots = sa.select(RESERVATIONS.c.line_id).where(RESERVATIONS.c.lot_id.in_(lots))
    wanted = sa.or_(LINES.c.id.in_(id_list(list(line_ids))), LINES.c.id.in_(on_lots)) if line_ids else LINES.c.id.in_(on_lots)
    lines = connection.execute(
        sa.select(*[LINES.c[name] for name in _BOOK_COLUMNS]).where(wanted).order_by(LINES.c.id).with_for_update()
    ).all()
    held = connection.execute(sa.select(*[RESERVATIONS.c[name] for name in _HELD_COLUMNS]).where(RESERVATIONS.c.lot_id.in_(lots))).all()
    return book_of(lines, held)


def write_book(session: Session, book: Book, *, order_ids: dict[UUID, UUID] | None = None) -> None:
    """The reservations of the lots that changed, and their lines' sums. ``order_ids``: of a lot that was won."""
    if not book.touched:
        return
    connection = session.connection()
    connection.execute(sa.delete(RESERVATIONS).where(RESERVATIONS.c.lot_id.in_(id_list(list(book.touched)))))
    rows = [
        {
            "lot_id": lot_id,
            "registration_id": registration_id,
            "line_id": held.line_id,
            "amount_minor": held.amount_minor,
            "order_id": (order_ids or {}).get(lot_id),
        }
        for lot_id in book.touched
        for registration_id, held in book.held.get(lot_id, {}).items()
    ]
    if rows:
        connection.execute(sa.insert(RESERVATIONS), rows)
    sums = [{"b_id": line.id, "b_reserved": line.reserved_minor, "b_leads": line.leads} for line in book.lines.values()]
    connection.execute(
        sa.update(LINES)
        .where(LINES.c.id == sa.bindparam("b_id"))
        .values(reserved_minor=sa.bindparam("b_reserved"), leads=sa.bindparam("b_leads")),
        sums,
    )
    book.touched.clear()


def lock_line(session: Session, line_id: UUID) -> BidLine | None:
    return session.exec(select(BidLine).where(BidLine.id == line_id).with_for_update().execution_options(populate_existing=True)).first()


def lock_line_of_hold(session: Session, *, hold_id: UUID) -> BidLine | None:
    return session.exec(
        select(BidLine).where(BidLine.hold_id == hold_id).with_for_update().execution_options(populate_existing=True)
    ).first()


def find_line_of(session: Session, *, party_id: UUID) -> BidLine | None:
    """A dealer's one line that is not closed."""
    statement = select(BidLine).where(BidLine.party_id == party_id, BidLine.kind == LineKind.LINE, BidLine.state != LineState.CLOSED)
    return session.exec(statement).first()


def list_lines(session: Session, *, party_id: UUID, page: PageQuery) -> Sequence[BidLine]:
    """A party's lines and portfolios, newest first."""
    statement = select(BidLine).where(BidLine.party_id == party_id, page.where_after(BidLine.id, descending=True))
    return session.exec(statement.order_by(col(BidLine.id).desc()).limit(page.limit + 1)).all()


def list_reservations(session: Session, *, line_id: UUID) -> Sequence[BidReservation]:
    return session.exec(select(BidReservation).where(BidReservation.line_id == line_id).order_by(col(BidReservation.lot_id))).all()


def find_lot_of_order(session: Session, *, order_id: UUID) -> UUID | None:
    """The lot whose reservation became this order's debt."""
    return session.exec(select(BidReservation.lot_id).where(BidReservation.order_id == order_id)).first()


def list_wishes(session: Session, *, line_id: UUID) -> Sequence[PortfolioWish]:
    """In the bidder's order of preference."""
    return session.exec(select(PortfolioWish).where(PortfolioWish.line_id == line_id).order_by(col(PortfolioWish.rank))).all()


def list_portfolios_on(session: Session, *, lot_id: UUID) -> Sequence[UUID]:
    """Active portfolios that want a lot, or any lot when one of theirs was freed elsewhere."""
    statement = (
        select(PortfolioWish.line_id)
        .join(BidLine, col(BidLine.id) == col(PortfolioWish.line_id))
        .where(PortfolioWish.lot_id == lot_id, BidLine.state == LineState.ACTIVE)
    )
    return session.exec(statement.order_by(col(PortfolioWish.line_id))).all()
