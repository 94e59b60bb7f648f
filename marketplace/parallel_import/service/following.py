"""Cars follow their pilot, their listing and their sale, each in a short transaction of its own."""

from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.security import Principal, PrincipalKind
from marketplace.listings import api as listings
from marketplace.parallel_import import queries
from marketplace.parallel_import.domain import ImportState, check_publishable
from marketplace.parallel_import.domain.pilots import PilotState
from marketplace.parallel_import.service import cars, pace
from marketplace.parallel_import.service.tables import import_rules

BATCH = 3


def stop_cars(database: Database, *, pilot_id: UUID) -> int:
    """Take everything a stopped pilot has on sale out of the window, with the reason; returns how many. Run twice it changes nothing."""
    stopped = 0
    while True:
        with pace.writing(database) as session:
            pilot = queries.find_pilot(session, pilot_id)
            if pilot is None or pilot.state is PilotState.VERIFIED:
                return stopped
            found = queries.list_on_sale(session, pilot_id, limit=BATCH)
            for import_id in found:
                _stop(session, import_id, reason=pilot.state_reason, comes_back=pilot.state is PilotState.SUSPENDED)
            if pilot.state is PilotState.REMOVED:
                queries.forget_resumption(session, pilot_id)
        stopped += len(found)
        if len(found) < BATCH:
            return stopped


def _stop(session: Session, import_id: UUID, *, reason: str, comes_back: bool) -> None:
    row = queries.lock_car(session, import_id)
    if row.state is not ImportState.ON_SALE or row.listing_id is None:
        return
    listing = listings.get_listing(session, listing_id=row.listing_id)
    if listing.state in {listings.ListingState.LIVE, listings.ListingState.PAUSED}:
        note = f"试点主体被停止:{reason}"[:500]
        listings.withdraw(session, principal=None, listing_id=row.listing_id, reason=listings.EndReason.MODERATED, note=note)
    row.resume_ask_minor = listing.ask_minor if comes_back else None
    row.resume_description = listing.description if comes_back else ""
    cars.off_sale(session, principal=None, row=row, state=ImportState.CERTIFIED)


def resume_cars(database: Database, *, pilot_id: UUID) -> int:
    """Put back what a suspension took out, by the rules of today; what may not come back stays certified, with the reason on record."""
    resumed = 0
    while True:
        with pace.writing(database) as session:
            pilot = queries.find_pilot(session, pilot_id)
            if pilot is None or pilot.state is not PilotState.VERIFIED:
                return resumed
            found = queries.list_to_resume(session, pilot_id, limit=BATCH)
            principal = Principal(id=pilot.applied_by, kind=PrincipalKind.PERSON, party_id=pilot_id, organization_id=pilot_id)
            for import_id in found:
                resumed += _resume(session, principal, import_id)
        if len(found) < BATCH:
            return resumed


def _resume(session: Session, principal: Principal, import_id: UUID) -> bool:
    row = queries.lock_car(session, import_id)
    ask_minor, description = row.resume_ask_minor, row.resume_description
    row.resume_ask_minor, row.resume_description = None, ""
    session.add(row)
    session.flush()
    if ask_minor is None or row.state is not ImportState.CERTIFIED:
        return False
    try:
        with session.begin_nested():
            cars.publish(session, principal=principal, import_id=import_id, ask_minor=ask_minor, description=description)
    except Refusal as refusal:
        audit.record(
            session, principal=None, act="import.not_resumed", object_kind="import", object_id=import_id, facts={"code": refusal.code}
        )
        return False
    return True


def follow_vehicle(session: Session, *, vehicle_id: UUID) -> None:
    """The car's listing ended by itself (sold, or no longer eligible), or a fact without which it may not be shown went: the import
    follows. Run twice it changes nothing."""
    found = queries.find_of_vehicle(session, vehicle_id)
    if found is None:
        return
    row = queries.lock_car(session, found.id)
    if row.state is not ImportState.ON_SALE or row.listing_id is None:
        return
    listing = listings.get_listing(session, listing_id=row.listing_id)
    if listing.state is listings.ListingState.SOLD:
        cars.off_sale(session, principal=None, row=row, state=ImportState.SOLD)
    elif listing.state is listings.ListingState.WITHDRAWN:
        cars.off_sale(session, principal=None, row=row, state=ImportState.CERTIFIED)
    else:
        _check_still_publishable(session, row.id)


def _check_still_publishable(session: Session, import_id: UUID) -> None:
    row = queries.get_car(session, import_id)
    today = clock.shanghai_day(clock.now(session))
    try:
        check_publishable(cars.dossier(session, row), import_rules(today))
    except Refusal as refusal:
        assert row.listing_id is not None
        listings.withdraw(session, principal=None, listing_id=row.listing_id, reason=listings.EndReason.NOT_ELIGIBLE, codes=[refusal.code])
        cars.off_sale(session, principal=None, row=row, state=ImportState.CERTIFIED)


def close_sold(session: Session, *, vehicle_id: UUID) -> None:
    """A sale of the car is complete, whatever became of its listing meanwhile. Run twice it changes nothing."""
    found = queries.find_of_vehicle(session, vehicle_id)
    if found is None:
        return
    row = queries.lock_car(session, found.id)
    if row.state is not ImportState.SOLD:
        row.resume_ask_minor = None
        cars.off_sale(session, principal=None, row=row, state=ImportState.SOLD)
