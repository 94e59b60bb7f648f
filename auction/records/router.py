"""HTTP of records."""

from collections.abc import Iterator
from typing import IO, Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse

from auction.records import service
from auction.records.domain import RecordsNotThere
from auction.sessions.domain import SessionUnknown
from marketplace.core.db import ReadSession, get_database
from marketplace.core.files import Files
from marketplace.core.idempotency import Router
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, require

router = Router(prefix="/auction/v1", tags=["records"])
CHUNK = 65_536


class RecordsFile(StreamingResponse):
    media_type = "application/zip"


def _chunks(packed: IO[bytes]) -> Iterator[bytes]:
    with packed:
        while chunk := packed.read(CHUNK):
            yield chunk


@router.get(
    "/sessions/{session_id}/records",
    summary="拍卖资料导出 A session's records as ZIP",
    response_class=RecordsFile,
    responses={200: {"content": {"application/zip": {"example": "PK…"}}}, **refusals(SessionUnknown, RecordsNotThere)},
)
def export_records(
    session_id: UUID,
    request: Request,
    principal: Annotated[Principal, Depends(require("auctions.read"))],
    session: ReadSession,
    files: Files,
) -> RecordsFile:
    """Session, lots, mandates, bidders, logs, results, confirmations, minutes, orders and papers, for the house.

    ``manifest.json`` names each file with its SHA-256 and each lot's term: five years from the end of its mandate (拍卖法 54).
    The logs are what `henanroad auction verify` reads.
    """
    service.require_records(session, principal=principal, session_id=session_id)
    packed = service.export(get_database(request), files, session_id=session_id)
    return RecordsFile(_chunks(packed), headers={"Content-Disposition": f'attachment; filename="auction-records-{session_id}.zip"'})
