"""What parallel import announces. Key: ``import:<id>``."""

from typing import ClassVar
from uuid import UUID

from marketplace.core.outbox import Event
from marketplace.parallel_import.domain import ImportState


class ImportMoved(Event):
    """A car of a pilot took a step."""

    name: ClassVar[str] = "parallel_import.import_moved"
    import_id: UUID
    vehicle_id: UUID
    state: ImportState


class DossierChanged(Event):
    """A paper came in or what is shown of the car changed."""

    name: ClassVar[str] = "parallel_import.dossier_changed"
    import_id: UUID
    vehicle_id: UUID
    fields: list[str]


class PilotVerified(Event):
    """A pilot may act: verified, or reinstated."""

    name: ClassVar[str] = "parallel_import.pilot_verified"
    pilot_id: UUID
    kind: str


class PilotStopped(Event):
    """A pilot may act no more: suspended or removed. Its cars leave the window; those of a suspended one may come back."""

    name: ClassVar[str] = "parallel_import.pilot_stopped"
    pilot_id: UUID
    state: str


class AssessmentMoved(Event):
    """A yearly assessment was opened, handed in, decided, or not handed in in time."""

    name: ClassVar[str] = "parallel_import.assessment_moved"
    assessment_id: UUID
    pilot_id: UUID
    state: str


class FeedReceived(Event):
    """A feed waits to be read."""

    name: ClassVar[str] = "parallel_import.feed_received"
    run_id: UUID
    source_id: UUID


class FeedPullDue(Event):
    """A source is to be asked now."""

    name: ClassVar[str] = "parallel_import.feed_pull_due"
    source_id: UUID


class FeedFinished(Event):
    """A run ended; ``state`` says how. ``failures`` in a row are the source's."""

    name: ClassVar[str] = "parallel_import.feed_finished"
    run_id: UUID
    source_id: UUID
    pilot_id: UUID
    state: str
    failures: int


def pilot_key(pilot_id: UUID) -> str:
    return f"import_pilot:{pilot_id}"


def source_key(source_id: UUID) -> str:
    return f"import_source:{source_id}"


def import_key(import_id: UUID) -> str:
    return f"import:{import_id}"
