"""What parallel import hears: its listings, its cars' facts, its own dossiers, its pilots; and its sweeps."""

from uuid import UUID

from marketplace.core import clock
from marketplace.core.db import Database, Session
from marketplace.core.files import file_store
from marketplace.core.outbox import Delivered, outside_subscriber, subscriber, sweep
from marketplace.core.settings import get_settings
from marketplace.parallel_import import queries
from marketplace.parallel_import.service import assessments, feed, following, pilots
from marketplace.parallel_import.service.inbound import applying, lanes, receiving, sources

BATCH = 20


@subscriber("parallel_import.refresh_feed")
def refresh_feed(session: Session, event: Delivered) -> None:
    """Something of a car changed: its listing is followed, its feed entry brought up to date."""
    vehicle_id = UUID(event.payload["vehicle_id"])
    following.follow_vehicle(session, vehicle_id=vehicle_id)
    feed.refresh(session, vehicle_id=vehicle_id, published_no=event.published_no)


@subscriber("parallel_import.close_sold")
def close_sold(session: Session, event: Delivered) -> None:
    """A sale of the car is complete."""
    following.close_sold(session, vehicle_id=UUID(event.payload["vehicle_id"]))


@outside_subscriber("parallel_import.stop_cars")
def stop_cars(database: Database, event: Delivered) -> None:
    """A pilot was suspended or removed: its cars leave the window, in short transactions."""
    following.stop_cars(database, pilot_id=UUID(event.payload["pilot_id"]))


@outside_subscriber("parallel_import.resume_cars")
def resume_cars(database: Database, event: Delivered) -> None:
    """A suspension is over: what it took out comes back."""
    following.resume_cars(database, pilot_id=UUID(event.payload["pilot_id"]))


@subscriber("parallel_import.hear_licence")
def hear_licence(session: Session, event: Delivered) -> None:
    """A pilot's approval was revoked: the pilot is suspended."""
    decided = event.payload
    if decided["kind"] == pilots.APPROVAL.value and decided["state"] == "revoked":
        pilots.suspend_unless_licensed(session, party_id=UUID(decided["party_id"]), reason="试点批复已被撤销")


@subscriber("parallel_import.hear_suspension")
def hear_suspension(session: Session, event: Delivered) -> None:
    """The organization itself was suspended in this market."""
    pilots.suspend_if_verified(session, party_id=UUID(event.payload["party_id"]), reason="主体已被市场暂停")


@outside_subscriber("parallel_import.pull_feed")
def pull_feed(database: Database, event: Delivered) -> None:
    """Ask a pilot's server for its feed, apart from everything else."""
    source_id, settings = UUID(event.payload["source_id"]), get_settings()

    def job() -> None:
        receiving.pull(database, file_store(), source_id=source_id, settings=settings)

    lanes.run(lanes.PULLING, job, settings=settings)


@outside_subscriber("parallel_import.read_feed")
def read_feed(database: Database, event: Delivered) -> None:
    """Read a feed that came, apart from everything else."""
    run_id, settings = UUID(event.payload["run_id"]), get_settings()

    def job() -> None:
        applying.run(database, file_store(), run_id=run_id, settings=settings)

    lanes.run(lanes.READING, job, settings=settings)


@sweep("parallel_import.sweep_sources")
def sweep_sources(database: Database) -> None:
    """Sources whose time has come are given out."""
    settings = get_settings()
    with database.reading() as session:
        is_due = queries.has_due_source(session, at=clock.now(session))
    if is_due:
        with database.writing() as session:
            sources.claim_due(session, limit=BATCH, settings=settings)


@sweep("parallel_import.sweep_runs")
def sweep_runs(database: Database) -> None:
    """Runs whose reader died are read again."""
    with database.writing() as session:
        applying.wake_stuck(session, limit=BATCH)


@sweep("parallel_import.sweep_pilots")
def sweep_pilots(database: Database) -> None:
    """Open assessments that come due, mark those not handed in, suspend pilots whose approval lapsed."""
    for work in (assessments.open_due, assessments.mark_overdue):
        while True:
            with database.writing() as session:
                if work(session, limit=BATCH) < BATCH:
                    break
    after: UUID | None = None
    while True:
        with database.writing() as session:
            after = pilots.suspend_unlicensed(session, after=after, limit=BATCH)
        if after is None:
            return
