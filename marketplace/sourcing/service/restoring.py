"""Going back to an earlier version of the stock: an import whose rows are what later imports changed, as it was before them.

What somebody changed by hand since, or sold, is left as it is and named. Kilometres are readings and never go back.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Session
from marketplace.core.security import Principal
from marketplace.core.settings import Settings
from marketplace.sourcing.domain import ImportMode, ImportRunning, ImportState, NotRestorable, RowOutcome, StockState, breaks_the_stock
from marketplace.sourcing.domain.findings import find
from marketplace.sourcing.models.stock import StockCar, StockImport, StockImportRow
from marketplace.sourcing.queries import stock as queries
from marketplace.sourcing.service import finishing
from marketplace.sourcing.service.deciding import Decided, Target, compare_stock, image_of, shown
from marketplace.sourcing.service.removing import removal
from marketplace.sourcing.service.running import Run, take_back
from marketplace.sourcing.service.settling import read_facts
from marketplace.vehicles import api as vehicles
from marketplace.vehicles.api import VehicleFacts

BREAKER = "stock_breaker"


def request(session: Session, *, principal: Principal, target: StockImport, confirm_removals: bool) -> StockImport:
    """An import that waits to bring ``target``'s stock back. Raises ``NotRestorable``, ``ImportRunning``."""
    if queries.find_running(session, target.dealer_id) is not None:
        raise ImportRunning(retry_after_s=2)
    present = queries.find_last_version(session, target.dealer_id)
    if target.state is not ImportState.APPLIED or target.version is None or target.version >= present:
        raise NotRestorable(version=present)
    return StockImport(
        dealer_id=target.dealer_id,
        uploaded_by=principal.id,
        mode=ImportMode.DELTA,
        confirm_removals=confirm_removals,
        state=ImportState.RECEIVED,
        content_hash=target.content_hash,
        restores_id=target.id,
        file_expires_at=target.file_expires_at,
        file_name=target.file_name,
        received_at=clock.now(session),
    )


def run_restore(run: Run, *, settings: Settings) -> None:
    """Stage, switch; or stop and ask when too much would leave."""
    dealer_id = run.staging.dealer_id
    with run.transaction() as session:
        assert run.restores_id is not None
        target = queries.find_import(session, run.restores_id)
        assert target is not None
        assert target.version is not None
        version = target.version
        standing = queries.count_standing(session, dealer_id)
    after: UUID | None = None
    pace = run.pace()
    while True:
        with pace.measured(pace.size), run.transaction() as session:
            ids = queries.list_changed_since(session, dealer_id=dealer_id, version=version, after=after, limit=pace.size)
            if not ids:
                break
            run.write(session, _decide(session, run, version=version, vehicle_ids=ids))
            run.counts.total += len(ids)
            run.hear(session, permille=500)
        after = ids[-1]
    removed = run.counts.outcomes[RowOutcome.REMOVED]
    refused = None
    if not run.confirmed and breaks_the_stock(
        standing=standing, removed=removed, share_percent=settings.stock_breaker_percent, free=settings.stock_breaker_free
    ):
        refused = (BREAKER, f"回退将下架{removed}辆(现有{standing}辆),请核对后确认")
        take_back(run)
    finishing.finish(run, None, folder="", table=None, header=None, errors=None, refused=refused)


def _decide(session: Session, run: Run, *, version: int, vehicle_ids: Sequence[UUID]) -> list[Decided]:
    dealer_id = run.staging.dealer_id
    history: dict[UUID, list[StockImportRow]] = {}
    for row in queries.list_rows_since(session, dealer_id=dealer_id, version=version, vehicle_ids=vehicle_ids):
        assert row.vehicle_id is not None
        history.setdefault(row.vehicle_id, []).append(row)
    stock = queries.lock_stock_of_vehicles(session, dealer_id=dealer_id, vehicle_ids=vehicle_ids)
    holders = vehicles.list_holders(session, vehicle_ids=vehicle_ids)
    facts = vehicles.list_facts(session, vehicle_ids=vehicle_ids)
    return [
        _decide_one(
            run.counts.total + number,
            stock[vehicle_id],
            history[vehicle_id],
            known=facts[vehicle_id],
            is_held=holders.get(vehicle_id) == dealer_id,
        )
        for number, vehicle_id in enumerate(vehicle_ids, start=1)
    ]


def _decide_one(n: int, standing: StockCar, history: Sequence[StockImportRow], *, known: VehicleFacts, is_held: bool) -> Decided:
    problem = None
    if not is_held or standing.state is StockState.SOLD:
        problem = "gone_since"
    elif standing.hand_changed_at is not None:
        problem = "changed_since"
    if problem is not None:
        told = (find("row", problem),)
        return Decided(n=n, outcome=RowOutcome.BAD, stock_no=standing.stock_no, vehicle_id=standing.vehicle_id, findings=told)
    image = history[0].before or {"state": StockState.REMOVED.value, "facts": {}}
    if image["state"] != StockState.IN_STOCK.value:
        if standing.state is StockState.IN_STOCK:
            return removal(n, standing)
        return Decided(n=n, outcome=RowOutcome.UNCHANGED, vehicle_id=standing.vehicle_id)
    return _bring_back(n, standing, image, _facts_before(history), known)


def _facts_before(history: Sequence[StockImportRow]) -> dict[str, Any]:
    """What each fact was before the first import that changed it."""
    found: dict[str, Any] = {}
    for row in history:
        for name, value in ((row.before or {}).get("facts") or {}).items():
            found.setdefault(name, value)
    return found


def _bring_back(n: int, standing: StockCar, image: Mapping[str, Any], facts: Mapping[str, Any], known: VehicleFacts) -> Decided:
    one = Decided(n=n, outcome=RowOutcome.ADDED, stock_no=image["stock_no"], vehicle_id=standing.vehicle_id, stock_id=standing.id)
    one.target = Target(
        stock_no=image["stock_no"],
        ask_minor=image["ask_minor"],
        cost_minor=image["cost_minor"],
        description=image["description"],
        row_hash=image["row_hash"],
    )
    one.known_hash = standing.row_hash
    for name, value in read_facts(facts).items():
        if getattr(known, name) != value:
            one.fact_changes[name] = value
            one.changes[name] = [shown(name, getattr(known, name)), shown(name, value)]
    compare_stock(one, standing)
    one.before = image_of(standing, {name: change[0] for name, change in one.changes.items() if name in one.fact_changes})
    if standing.state is StockState.IN_STOCK:
        one.outcome = RowOutcome.CHANGED if one.changes else RowOutcome.UNCHANGED
    else:
        one.changes["state"] = [standing.state.value, StockState.IN_STOCK.value]
    return one


__all__ = ["request", "run_restore"]
