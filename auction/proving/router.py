"""HTTP of proofs: keys, signed heads, receipts, openings, states, the proof file."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from auction.lots import service as lots
from auction.lots.domain import LotUnknown
from auction.proving.domain import LotStillRuns, NotAnAuditor, ReceiptUnknown, StateUnknown
from auction.proving.schemas import KeyBody, KeysBody, OpenBody, OpeningBody, SignedBody, StateBody
from auction.proving.service import heads, proofs
from marketplace.core.db import ReadSession, WriteSession, get_database
from marketplace.core.idempotency import Router
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, Viewer, require

router = Router(prefix="/auction/v1", tags=["proof"])

AfterSeq = Annotated[int, Query(ge=0, le=2**62, description="Those behind this entry.")]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Seq = Annotated[int, Path(ge=1, le=2**62, description="Number of a log entry.")]
_EXAMPLE = '{"entry":{"kind":"bid","price_minor":8800000,"seq":17},"hash":"5f2c…","kind":"entry","seq":17}\n'


class ProofFile(StreamingResponse):
    media_type = "application/jsonl"


@router.get("/keys", summary="市场的签名公钥 The market's public keys")
def list_signing_keys(session: ReadSession, _viewer: Viewer) -> KeysBody:
    """Note them down, or have them from somebody who did: with them `henanroad auction verify --key` trusts nobody else."""
    return KeysBody(
        keys=[KeyBody(id=key.id, public_key=key.public_key, first_used_at=key.first_used_at) for key in heads.list_keys(session)]
    )


@router.get("/lots/{lot_id}/heads", summary="已签名的日志头 Signed heads of a lot's log", responses=refusals(LotUnknown))
def list_heads(lot_id: UUID, session: ReadSession, viewer: Viewer, after_seq: AfterSeq = 0, limit: Limit = 100) -> list[SignedBody]:
    """Signed at opening, at close and every so often: whoever keeps one can prove a log that was rewritten since."""
    rows = heads.list_heads(session, viewer=viewer, lot_id=lot_id, after_seq=after_seq, limit=limit)
    return [SignedBody(**heads.signed_of(row).to_json()) for row in rows]


@router.get("/lots/{lot_id}/receipts", summary="我的出价回执 Signed receipts of my bids", responses=refusals(ReceiptUnknown))
def list_receipts(lot_id: UUID, session: ReadSession, principal: SignedIn, after_seq: AfterSeq = 0, limit: Limit = 100) -> list[SignedBody]:
    """One for each bid of yours on the lot, signed by the market: that it stands in the log there, with that maximum."""
    found = proofs.list_receipts(session, principal=principal, lot_id=lot_id, after_seq=after_seq, limit=limit)
    return [SignedBody(**signed.to_json()) for signed in found]


@router.get("/lots/{lot_id}/receipts/{seq}", summary="一次出价的回执 The signed receipt of a bid", responses=refusals(ReceiptUnknown))
def get_receipt(lot_id: UUID, seq: Seq, session: ReadSession, principal: SignedIn) -> SignedBody:
    """Asked for again it reads the same. Keep it: it proves your bid against us."""
    return SignedBody(**proofs.get_receipt(session, principal=principal, lot_id=lot_id, seq=seq).to_json())


@router.get("/lots/{lot_id}/openings", summary="公开我的承诺 What opens my own commitments", responses=refusals(LotUnknown, ReceiptUnknown))
def list_openings(
    lot_id: UUID, response: Response, session: ReadSession, principal: SignedIn, after_seq: AfterSeq = 0, limit: Limit = 100
) -> list[OpeningBody]:
    """A bidder's own maxima, a consignor's secret reserve; nobody else's."""
    response.headers["Cache-Control"] = "no-store"
    found = proofs.list_own_openings(session, principal=principal, lot_id=lot_id, after_seq=after_seq, limit=limit)
    return [OpeningBody(**asdict(opening)) for opening in found]


@router.post(
    "/lots/{lot_id}/openings",
    status_code=201,
    summary="审计公开 Open what a closed lot keeps closed, on record",
    responses=refusals(LotUnknown, LotStillRuns, NotAnAuditor),
)
def open_all(
    lot_id: UUID,
    body: OpenBody,
    response: Response,
    principal: Annotated[Principal, Depends(require(proofs.AUDITOR))],
    session: WriteSession,
    after_seq: AfterSeq = 0,
    limit: Limit = 100,
) -> list[OpeningBody]:
    """For an auditor, after the close. A stored answer would be a copy nobody logs: asked twice, logged twice."""
    response.headers["Cache-Control"] = "no-store"
    found = proofs.open_all(session, principal=principal, lot_id=lot_id, reason=body.reason, after_seq=after_seq, limit=limit)
    return [OpeningBody(**asdict(opening)) for opening in found]


@router.get(
    "/lots/{lot_id}/states/{seq}", summary="某一时刻的标的状态 A lot as it stood at any seq", responses=refusals(LotUnknown, StateUnknown)
)
def get_state(lot_id: UUID, seq: Seq, session: ReadSession, viewer: Viewer) -> StateBody:
    """From the published log alone, so it tells no secret that the log keeps."""
    found = proofs.get_state(session, viewer=viewer, lot_id=lot_id, seq=seq)
    return StateBody(lot_id=lot_id, hash=found.hash, **asdict(found.state))


@router.get(
    "/lots/{lot_id}/proof",
    summary="标的证明文件 A lot's proof file",
    response_class=ProofFile,
    responses={200: {"content": {"application/jsonl": {"example": _EXAMPLE}}}, **refusals(LotUnknown)},
)
def get_proof(lot_id: UUID, request: Request, session: ReadSession, viewer: Viewer) -> ProofFile:
    """Everything `henanroad auction verify` needs: log, signed heads, keys, and after the close the maxima that set the price."""
    lot, row = lots.get_visible_lot(session, viewer=viewer, lot_id=lot_id)
    lines = proofs.proof_lines(get_database(request), lot=lot, row=row, market=request.app.state.settings.market_name)
    return ProofFile(lines, headers={"Content-Disposition": f'attachment; filename="lot-{lot_id}.jsonl"', "Cache-Control": "no-store"})
