"""What a full file leaves out."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from marketplace.core.db import Session
from marketplace.sourcing.domain import RowOutcome, StockState
from marketplace.sourcing.domain.seen import Seen
from marketplace.sourcing.models.stock import StockCar
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service.deciding import Decided, image_of
from marketplace.sourcing.service.running import Run

_PAGE = 2_000


def count_unnamed(run: Run, named: Seen) -> int:
    """Standing cars no row named, not even a bad one whose VIN can be read."""
    return sum(len(page) for page in _unnamed(run, named))


def _unnamed(run: Run, named: Seen) -> Iterator[list[UUID]]:
    after: UUID | None = None
    while True:
        with run.transaction() as session:
            rows = queries.list_standing(session, dealer_id=run.staging.dealer_id, after=after, limit=_PAGE)
        if not rows:
            return
        after = rows[-1][0]
        yield [vehicle_id for _id, vehicle_id in rows if not named.has_number(vehicle_id.int)]


def stage_unnamed(run: Run, named: Seen, *, told_only: bool) -> None:
    """They leave with the switch; ``told_only``: they are only named in the answer."""
    n = run.counts.total
    pace = run.pace()
    for page in _unnamed(run, named):
        position = 0
        while position < len(page):
            piece = page[position : position + pace.size]
            with pace.measured(len(piece)), run.transaction() as session:
                stock = queries.lock_stock_of_vehicles(session, dealer_id=run.staging.dealer_id, vehicle_ids=piece)
                decided = [removal(n + number, stock[vehicle_id]) for number, vehicle_id in enumerate(piece, start=1)]
                _write(run, session, decided, told_only=told_only)
                run.hear(session, permille=1_000)
            n += len(piece)
            position += len(piece)


def _write(run: Run, session: Session, decided: Sequence[Decided], *, told_only: bool) -> None:
    was_dry, run.dry_run = run.dry_run, run.dry_run or told_only
    try:
        run.write(session, decided)
    finally:
        run.dry_run = was_dry


def removal(n: int, row: StockCar) -> Decided:
    """One car's leaving, with what it was."""
    return Decided(
        n=n,
        outcome=RowOutcome.REMOVED,
        stock_no=row.stock_no,
        vehicle_id=row.vehicle_id,
        stock_id=row.id,
        state=StockState.REMOVED,
        changes={"state": [row.state.value, StockState.REMOVED.value]},
        before=image_of(row, {}),
    )
