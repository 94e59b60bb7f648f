"""Printing and sealing of issued reports: a job, since it takes seconds and no transaction may wait for it."""

import logging
from datetime import datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image

from marketplace.accounts import api as accounts
from marketplace.accounts.api import SealedDocument
from marketplace.core import audit
from marketplace.core.clock import SHANGHAI
from marketplace.core.db import Database, Session
from marketplace.core.files import FileStore, file_store
from marketplace.core.outbox import Delivered, outside_subscriber
from marketplace.core.printing import print_pdf, qr_svg
from marketplace.vehicles import api as vehicles
from valuation.appraisal import queries
from valuation.appraisal.domain import Audience, PaperKind
from valuation.appraisal.models import AppraisalPaper, IssuedReport
from valuation.appraisal.service import papers

logger = logging.getLogger(__name__)
TEMPLATES = Path(__file__).parent / "templates"
PRINTED_SIDE_PX = 900


@outside_subscriber("valuation.print_report")
def print_report(database: Database, event: Delivered) -> None:
    """Print and seal every paper of a report that is not there yet; what another run made meanwhile stays."""
    report_hash = str(event.payload["report_hash"])
    files = file_store()
    with database.reading() as session:
        issued = queries.find_issued(session, report_hash=report_hash)
        made = {(one.kind, one.audience) for one in queries.list_papers(session, report_hash=report_hash)}
    if issued is None:  # an event without its report was never ours
        logger.error("no issued report for an event", extra={"event_id": str(event.id)})
        return
    for audience in Audience:
        for kind in papers.kinds_of(issued):
            if (kind, audience) not in made:
                _make(database, files, issued, kind, audience)


def _make(database: Database, files: FileStore, issued: IssuedReport, kind: PaperKind, audience: Audience) -> None:
    values = _values(database, issued, kind, audience)
    pictures = _pictures(database, files, issued, values)
    pdf = print_pdf(TEMPLATES / f"{kind.value}.typ", values, created_at=papers.printed_at(issued), pictures=pictures)
    title = papers.PAPER_TITLES[kind][0]
    institution_id = UUID(issued.report["institution_id"])
    sealed = accounts.seal_paper(database, principal=None, organization_id=institution_id, pdf=pdf, reason=f"{title} {issued.number}")
    with database.writing() as session:
        _keep(session, files, issued, kind, audience, sealed)


def _values(database: Database, issued: IssuedReport, kind: PaperKind, audience: Audience) -> dict[str, Any]:
    """The paper's values. Full numbers are read with a mark in the trail of car and appraisal."""
    if audience is Audience.PUBLIC:
        with database.reading() as session:
            return papers.compose(session, issued=issued, kind=kind, audience=audience, identity=None)
    with database.writing() as session:
        appraisal = queries.get_appraisal(session, appraisal_id=issued.appraisal_id)
        reason = f"打印委托方文本 {issued.number}"
        vehicles.reveal_vin(session, principal=None, vehicle_id=appraisal.vehicle_id, reason=reason)
        audit.record(
            session,
            principal=None,
            act="appraisal.print_paper",
            object_kind="appraisal",
            object_id=appraisal.id,
            facts={"kind": kind.value, "audience": audience.value},
            reason=reason,
        )
        identity = papers.identity_of(session, appraisal)
        return papers.compose(session, issued=issued, kind=kind, audience=audience, identity=identity)


def _pictures(database: Database, files: FileStore, issued: IssuedReport, values: dict[str, Any]) -> dict[str, bytes]:
    found = {
        "qr.svg": qr_svg(values["address"]).encode(),
        "body.svg": values["body_svg"].encode(),
        "frame.svg": values["frame_svg"].encode(),
    }
    with database.reading() as session:
        keys = {one.sha256: one.file_key for one in queries.list_photos(session, appraisal_id=issued.appraisal_id)}
    for photo in values["photos"]:
        found[photo["file"]] = _small(files.get(keys[photo["sha256"]]))
    return found


def _small(content: bytes) -> bytes:
    out = BytesIO()
    with Image.open(BytesIO(content), formats=["JPEG"]) as picture:
        picture.thumbnail((PRINTED_SIDE_PX, PRINTED_SIDE_PX))
        picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def _keep(session: Session, files: FileStore, issued: IssuedReport, kind: PaperKind, audience: Audience, sealed: SealedDocument) -> None:
    """Store it encrypted; the file opens until the report's term ends."""
    if queries.find_paper(session, report_hash=issued.report_hash, kind=kind, audience=audience) is not None:
        return
    ends_at = datetime.combine(issued.keep_until, time(), tzinfo=SHANGHAI)
    stored = files.put_sealed("appraisals", sealed.pdf, expires_at=ends_at)
    session.add(
        AppraisalPaper(
            report_hash=issued.report_hash,
            kind=kind,
            audience=audience,
            file_key=stored.key,
            sha256=stored.sha256,
            size_bytes=stored.size,
            seal_id=sealed.seal_id,
            printed_at=sealed.at,
        )
    )
    session.flush()
