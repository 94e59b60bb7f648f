"""Handing papers out: the public copy to anybody, the client's copy to client and institution, each time on record."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from marketplace.core import audit, clock
from marketplace.core.crypto import canonical_json
from marketplace.core.db import Session
from marketplace.core.errors import NotFound
from marketplace.core.files import FileStore
from marketplace.core.security import Principal
from marketplace.vehicles import api as vehicles
from valuation.appraisal import queries
from valuation.appraisal.domain import Audience, PaperKind, PaperNotReady
from valuation.appraisal.models import AppraisalPaper
from valuation.appraisal.service import papers
from valuation.appraisal.service.engagement import get_visible_appraisal


def list_papers(session: Session, *, report_hash: str) -> Sequence[AppraisalPaper]:
    """What has been printed and sealed of a report so far. Raises ``NotFound`` for a hash of no issued report."""
    if queries.find_issued(session, report_hash=report_hash) is None:
        raise NotFound
    return queries.list_papers(session, report_hash=report_hash)


def read_public_paper(session: Session, *, report_hash: str, kind: PaperKind, files: FileStore) -> bytes:
    """The masked PDF. Raises ``NotFound``, ``PaperNotReady``."""
    if queries.find_issued(session, report_hash=report_hash) is None:
        raise NotFound
    return files.get(_find(session, report_hash, kind, Audience.PUBLIC).file_key, now=clock.now(session))


def reveal_paper(session: Session, *, principal: Principal, appraisal_id: UUID, kind: PaperKind, reason: str, files: FileStore) -> bytes:
    """The client's copy with full VIN and plate, for client and institution; who took it and why stands in the trail.

    Raises ``NotFound``, ``PaperNotReady``.
    """
    appraisal = get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id)
    if appraisal.report_hash is None or queries.find_issued(session, report_hash=appraisal.report_hash) is None:
        raise NotFound
    paper = _find(session, appraisal.report_hash, kind, Audience.CLIENT)
    audit.record(
        session,
        principal=principal,
        act="appraisal.reveal_paper",
        object_kind="appraisal",
        object_id=appraisal.id,
        facts={"kind": kind.value, "sha256": paper.sha256},
        reason=reason,
    )
    return files.get(paper.file_key, now=clock.now(session))


def reveal_page(session: Session, *, principal: Principal, appraisal_id: UUID, kind: PaperKind, reason: str) -> dict[str, Any]:
    """The same as a page: its values with full numbers, for client and institution, on record. Raises ``NotFound``."""
    appraisal = get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id)
    issued = queries.find_issued(session, report_hash=appraisal.report_hash or "")
    if issued is None:
        raise NotFound
    vehicles.reveal_vin(session, principal=principal, vehicle_id=appraisal.vehicle_id, reason=reason)
    audit.record(
        session,
        principal=principal,
        act="appraisal.reveal_page",
        object_kind="appraisal",
        object_id=appraisal.id,
        facts={"kind": kind.value},
        reason=reason,
    )
    identity = papers.identity_of(session, appraisal)
    values = papers.compose(session, issued=issued, kind=kind, audience=Audience.CLIENT, identity=identity)
    keys = {one.sha256: str(one.id) for one in queries.list_photos(session, appraisal_id=appraisal_id)}
    values["photos"] = [
        {**one, "address": f"/valuation/v1/appraisals/{appraisal_id}/photos/{keys[one['sha256']]}"} for one in values["photos"]
    ]
    return values


def public_page(session: Session, *, report_hash: str, kind: PaperKind) -> dict[str, Any]:
    """What anybody sees of a report. Raises ``NotFound``."""
    issued = queries.find_issued(session, report_hash=report_hash)
    if issued is None:
        raise NotFound
    return papers.compose(session, issued=issued, kind=kind, audience=Audience.PUBLIC, identity=None)


def read_report_text(session: Session, *, principal: Principal, appraisal_id: UUID) -> bytes:
    """The canonical text itself, for client and institution: its SHA-256 is the report's hash. Raises ``NotFound``."""
    appraisal = get_visible_appraisal(session, principal=principal, appraisal_id=appraisal_id)
    issued = queries.find_issued(session, report_hash=appraisal.report_hash or "")
    if issued is None:
        raise NotFound
    return canonical_json(issued.report)


def _find(session: Session, report_hash: str, kind: PaperKind, audience: Audience) -> AppraisalPaper:
    paper = queries.find_paper(session, report_hash=report_hash, kind=kind, audience=audience)
    if paper is not None:
        return paper
    if kind is PaperKind.REPORT and queries.find_paper(session, report_hash=report_hash, kind=PaperKind.STATUS_TABLE, audience=audience):
        raise NotFound  # a report without a value has the table alone
    raise PaperNotReady(retry_after_s=5)
