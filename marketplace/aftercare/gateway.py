"""The registration office (车辆管理所) as the market sees it, and a sandbox that plays it.

A real office answers hours or days later by its own message; so does the sandbox, through the inbox. It keeps its own books, gives
the same application the same answer, and refuses what the office refuses. Every answer is labelled sandbox.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from marketplace.aftercare import queries
from marketplace.aftercare.domain import Application, PaperKind, decide_application
from marketplace.aftercare.events import OfficeAnswered
from marketplace.aftercare.models import SandboxOfficeApplication
from marketplace.core import clock, outbox
from marketplace.core.db import Database

NAME = "sandbox_office"
OFFICE = "沙盒车辆管理所 sandbox registration office"


@dataclass(frozen=True, slots=True)
class Submission:
    """One application for transfer; ``(transfer_id, attempt)`` is its key."""

    transfer_id: UUID
    attempt: int
    vehicle_id: UUID
    papers: frozenset[PaperKind]
    required: frozenset[PaperKind]
    wants_quota: bool


class RegistrationOffice(Protocol):
    """Whoever registers motor vehicles."""

    name: str

    def submit(self, submission: Submission) -> None:
        """Hand an application in; the same one again changes nothing. The answer comes by message."""
        ...


class SandboxOffice:
    """The sandbox: decides at once, answers by message."""

    name = NAME

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, submission: Submission) -> None:
        with self._database.writing() as session:
            if queries.find_application(session, transfer_id=submission.transfer_id, attempt=submission.attempt) is not None:
                return
            marks = queries.list_marks(session, submission.vehicle_id)
            reasons = decide_application(Application(submission.papers, submission.required, submission.wants_quota, marks))
            row = SandboxOfficeApplication(
                transfer_id=submission.transfer_id,
                attempt=submission.attempt,
                vehicle_id=submission.vehicle_id,
                application={"papers": sorted(submission.papers), "wants_quota": submission.wants_quota},
                reasons=reasons,
                certificate_no=None if reasons else f"12{submission.transfer_id.int % 10**10:010d}",
                at=clock.now(session),
            )
            session.add(row)
            session.flush()
            answer = OfficeAnswered(
                message_id=row.id,
                transfer_id=row.transfer_id,
                attempt=row.attempt,
                reasons=reasons,
            )
            outbox.append(session, answer, key=f"office:{row.transfer_id}")
