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


def import_key(import_id: UUID) -> str:
    return f"import:{import_id}"
