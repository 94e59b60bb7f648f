"""A paper was asked for. Key: ``paper:<subject>``."""

from typing import ClassVar
from uuid import UUID

from auction.papers.domain import PaperKind
from marketplace.core.outbox import Event


class PaperRequested(Event):
    """``subject_id`` is the session or, of a confirmation, the lot."""

    name: ClassVar[str] = "auction.paper_requested"

    kind: PaperKind
    subject_id: UUID
