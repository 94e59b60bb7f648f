"""Printing of papers: a job, since it takes seconds and no transaction may wait for it."""

from uuid import UUID

from auction.papers.domain import PaperKind
from auction.papers.service import printing
from marketplace.core.db import Database
from marketplace.core.files import file_store
from marketplace.core.outbox import Delivered, outside_subscriber


@outside_subscriber("auction.print_paper")
def print_paper(database: Database, event: Delivered) -> None:
    """A paper was asked for; what another run made meanwhile stays."""
    kind, subject_id = PaperKind(event.payload["kind"]), UUID(event.payload["subject_id"])
    printing.print_paper(database, file_store(), kind=kind, subject_id=subject_id)
