"""A portfolio is a line with a bound on its wins and a list of wishes; the market bids for it, up to each wish's maximum.

The budget is kept by the line, in every bid's own transaction. What stands here only chooses where to bid next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auction.bidding.domain import BidCommand
from auction.bidding.models import Registration
from auction.bidding.queries import frozen_rules
from auction.bidding.service import Decided, place_bids
from auction.closing.service import state_of
from auction.lines import queries
from auction.lines import service as lines
from auction.lines.domain import BudgetTooSmall, LineKind, LineState, Wish, WishesTooFew, choose, need
from auction.lines.models import BidLine, PortfolioWish
from auction.lots import queries as lots
from auction.lots.domain import LotPhase
from auction.lots.models import Lot
from auction.settlement import queries as settlement
from auction.settlement.service import registrations
from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal

TURNS_MAX = 16
"""Bids of one portfolio in one transaction; what is left comes with the next event."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bidder asks for. ``wishes``: (lot, maximum) in the order of preference."""

    wins_max: int
    budget_minor: int
    wishes: Sequence[tuple[UUID, int]]


def open_portfolio(session: Session, *, principal: Principal, wanted: Wanted, gateway: str | None = None) -> BidLine:
    """One deposit for all lots; bidding begins when it is held. Raises ``WishesTooFew``, ``BudgetTooSmall`` and what registering raises."""
    if len({lot_id for lot_id, _ in wanted.wishes}) < wanted.wins_max:
        raise WishesTooFew
    at = clock.now(session)
    line = BidLine(
        party_id=principal.party_id,
        person_id=principal.id,
        kind=LineKind.PORTFOLIO,
        deposit_minor=lines.terms(at).deposit_for(wanted.budget_minor),
        limit_minor=wanted.budget_minor,
        leads_max=wanted.wins_max,
        created_at=at,
    )
    session.add(line)
    session.flush()
    least: list[int] = []
    for lot_id, rank, maximum in sorted((lot_id, rank, maximum) for rank, (lot_id, maximum) in enumerate(wanted.wishes)):  # locks by id
        found = registrations.enter_portfolio(session, principal=principal, lot_id=lot_id, line_id=line.id)
        least.append(need(maximum, found.fee_bps))
        session.add(PortfolioWish(line_id=line.id, lot_id=lot_id, rank=rank, maximum_minor=maximum))
    if min(least) > wanted.budget_minor:
        raise BudgetTooSmall
    return lines.ask_deposit(session, principal=principal, line=line, gateway=gateway)


def run(session: Session, *, line_id: UUID) -> Decided | None:
    """Bid where the portfolio may and should; None when there is nothing to do. The line's own lock is the bids' affair."""
    line = session.get(BidLine, line_id, populate_existing=True)
    if line is None or line.state is not LineState.ACTIVE or line.leads_max is None:
        return None
    free = line.limit_minor - line.reserved_minor
    chosen = choose(_wishes(session, line), leads=line.leads, leads_max=line.leads_max, free_minor=free)
    if not chosen:
        return None
    commands = [
        BidCommand(wish.lot_id, line.person_id, line.party_id, wish.maximum_minor, None, confirmed=True) for wish in chosen[:TURNS_MAX]
    ]
    return place_bids(session, commands)


def _wishes(session: Session, line: BidLine) -> list[Wish]:
    wishes = queries.list_wishes(session, line_id=line.id)
    held = {one.lot_id for one in queries.list_reservations(session, line_id=line.id)}
    found = []
    for wish in wishes:
        lot = lots.get_lot(session, wish.lot_id)
        registration = settlement.find_registration(session, lot_id=lot.id, party_id=line.party_id)
        if registration is not None:
            found.append(_wish(session, wish, lot, registration, holds=lot.id in held))
    return found


def _wish(session: Session, wish: PortfolioWish, lot: Lot, registration: Registration, *, holds: bool) -> Wish:
    is_open = lot.state is LotPhase.OPEN and clock.now(session) < lot.ends_at
    least = 0
    if is_open:
        least = state_of(lot, frozen_rules(session, [lot.session_id])[lot.session_id]).next_minimum_minor
    return Wish(lot.id, wish.maximum_minor, registration.fee_bps, least, is_open, holds)


def list_on(session: Session, *, lot_id: UUID) -> Sequence[UUID]:
    """Portfolios that may want to bid now that something happened to a lot."""
    return queries.list_portfolios_on(session, lot_id=lot_id)
