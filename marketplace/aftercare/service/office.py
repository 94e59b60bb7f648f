"""To the registration office, with no transaction held; and what its sandbox has on record."""

from uuid import UUID

from marketplace.aftercare import queries
from marketplace.aftercare.domain import CaseState, PaperState
from marketplace.aftercare.gateway import NAME, RegistrationOffice, SandboxOffice, Submission
from marketplace.aftercare.models import SandboxOfficeMark
from marketplace.core import audit, clock
from marketplace.core.db import Database, Session
from marketplace.core.errors import Refusal
from marketplace.core.security import Principal
from marketplace.core.settings import get_settings
from marketplace.vehicles import api as vehicles


class DemoOnly(Refusal):
    status = 403
    zh = "仅演示市场可用"
    en = "Only in a demo market."


def open_office(database: Database) -> RegistrationOffice:
    """The office this deployment talks to: so far only the sandbox."""
    return SandboxOffice(database)


def find_submission(session: Session, *, case_id: UUID, attempt: int) -> Submission | None:
    """The application to hand in, None when the case no longer waits with this attempt."""
    case = queries.get_case(session, case_id)
    if case.state is not CaseState.SUBMITTED or case.attempt != attempt:
        return None
    papers = queries.list_papers(session, case_id)
    return Submission(
        transfer_id=case.id,
        attempt=attempt,
        vehicle_id=case.vehicle_id,
        papers=frozenset(row.kind for row in papers if row.state is PaperState.CHECKED),
        required=frozenset(row.kind for row in papers),
        wants_quota=case.wants_quota,
    )


def find_certificate_no(session: Session, *, case_id: UUID, attempt: int) -> str | None:
    """The new certificate's number, fetched from the office."""
    found = queries.find_application(session, transfer_id=case_id, attempt=attempt)
    return found.certificate_no if found else None


def set_mark(session: Session, *, principal: Principal, vehicle_id: UUID, kind: str, present: bool) -> frozenset[str]:
    """Drill: have the sandbox office know of a lien or seal that the market does not. Raises ``DemoOnly``, ``VehicleNotFound``."""
    if not get_settings().demo:
        raise DemoOnly
    vehicles.get_vehicle(session, vehicle_id=vehicle_id)
    row = session.get(SandboxOfficeMark, (vehicle_id, kind))
    if present and row is None:
        session.add(SandboxOfficeMark(vehicle_id=vehicle_id, kind=kind, at=clock.now(session)))
    elif not present and row is not None:
        session.delete(row)
    session.flush()
    audit.record(
        session,
        principal=principal,
        act="sandbox_office.mark",
        object_kind="vehicle",
        object_id=vehicle_id,
        facts={"office": NAME, "kind": kind, "present": present},
    )
    return queries.list_marks(session, vehicle_id)
