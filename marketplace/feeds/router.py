"""HTTP of outbound feeds, and of the sellers' consent to full VINs."""

import base64
import os
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from marketplace.accounts.api import PartySuspended
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import TooManyRequests
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.limits import RateLimit
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, Viewer, require
from marketplace.feeds import queries, schemas
from marketplace.feeds.domain import ConsentEnded, ConsentNotFound, ConsentStands, FeedForm, FeedName, PartnerKeyOnly, PartnerUnfit
from marketplace.feeds.service import consents, rendering

router = Router(prefix="/marketplace/v1", tags=["feeds 数据推送"])

Seller = Annotated[Principal, Depends(require("orders.sell"))]
Partner = Annotated[Principal, Depends(require("feeds.full_vin"))]
Limited = Annotated[None, Depends(RateLimit("feeds", setting="limit_feeds"))]

_FEED_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`Feed-Digest` is SHA-256 of the body before content coding, `Feed-Signature` Ed25519 over the text "
        "`<Feed-Cursor> <Feed-Digest>`; `Feed-Cursor` goes into the next `since`.",
        "content": {
            "application/json": {"example": {"feed": "parallel-import", "version": 1, "cursor": 4711, "has_more": False, "cars": []}},
            "text/csv": {"example": "id,state,feed_no,title\r\n"},
            "application/xml": {"example": '<feed name="parallel-import" cursor="4711"/>'},
            "application/ld+json": {"example": {"@context": "https://schema.org", "@type": "ItemList"}},
        },
    },
    304: {"description": "Unchanged since the entity tag given."},
}


@router.get("/feeds/keys", summary="数据推送验签公钥 Key that verifies the feeds")
def get_feed_key(_viewer: Viewer) -> schemas.FeedKeyBody:
    key = base64.b64encode(rendering.public_key()).decode()
    return schemas.FeedKeyBody(key_id=rendering.key_id(), algorithm="Ed25519", public_key=key)


@router.get(
    "/feeds/{feed}.{form}",
    summary="在售车源与平行进口车源推送 Outbound feeds: the stock on sale, the parallel imports on sale",
    response_class=Response,
    responses={**_FEED_ANSWER, **refusals(TooManyRequests)},
)
def get_feed(
    request: Request,
    feed: Annotated[FeedName, Path(description="`stock` or `parallel-import`.")],
    form: Annotated[FeedForm, Path(description="json, csv, xml or jsonld.")],
    _viewer: Viewer,
    _limit: Limited,
    session: ReadSession,
    since: Annotated[int | None, Query(ge=0, le=2**62, description="Cursor of the call before; left out: the whole feed.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="Most cars of one answer.")] = 5_000,
) -> Response:
    settings = request.app.state.settings
    rendering.one_snapshot(session)
    asked = rendering.ask(session, feed=feed, form=form, since=since, limit=limit, settings=settings)
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "public, max-age=0, must-revalidate"}
    if _matches(request.headers.get("if-none-match", ""), asked.tag):
        return Response(status_code=304, headers={**headers, "ETag": f'"{asked.tag}"'})
    wants_packed = "gzip" in request.headers.get("accept-encoding", "")
    rendered, source, packed = rendering.render(session, asked=asked, settings=settings, packed=wants_packed)
    headers |= {
        "ETag": f'"{rendered.tag}{"-gz" if packed else ""}"',
        "Content-Length": str(os.fstat(source.fileno()).st_size),
        "Feed-Cursor": str(rendered.cursor),
        "Feed-Digest": rendered.digest,
        "Feed-Signature": rendered.signature,
        "Feed-Key-Id": rendered.key_id,
        **({"Content-Encoding": "gzip"} if packed else {}),
    }
    return StreamingResponse(rendering.chunks(source), media_type=rendered.media_type, headers=headers)


def _matches(header: str, tag: str) -> bool:
    """Whether If-None-Match names this content in any coding."""
    known = {part.strip().removeprefix("W/").strip('"').removesuffix("-gz") for part in header.split(",")}
    return tag in known or header.strip() == "*"


# --- full VINs


@router.post(
    "/vin-consents",
    status_code=201,
    summary="授权合作机构获取完整车架号 Consent that a partner receives full VINs",
    responses=refusals(ConsentStands, PartnerUnfit, PartySuspended),
)
def grant_vin_consent(body: schemas.ConsentIn, principal: Seller, _key: Idempotency, session: WriteSession) -> schemas.ConsentBody:
    row = consents.grant(session, principal=principal, partner_id=body.partner_id, purpose=body.purpose, ends_at=body.ends_at)
    return schemas.ConsentBody.model_validate(row)


@router.get("/vin-consents", summary="我的车架号授权 Consents I gave")
def list_vin_consents(principal: Seller, session: ReadSession, paging: Paging) -> Page[schemas.ConsentBody]:
    rows = queries.list_consents(session, seller_id=principal.party_id, paging=paging)
    return paging.page(rows, lambda row: [row.id], schemas.ConsentBody.model_validate)


@router.post(
    "/vin-consents/{consent_id}/revocation",
    summary="撤回车架号授权 Withdraw a consent",
    responses=refusals(ConsentNotFound, ConsentEnded),
)
def revoke_vin_consent(
    consent_id: Annotated[UUID, Path(description="授权编号 Id of the consent.")],
    principal: Seller,
    _key: Idempotency,
    session: WriteSession,
) -> schemas.ConsentBody:
    return schemas.ConsentBody.model_validate(consents.revoke(session, principal=principal, consent_id=consent_id))


@router.post(
    "/feed-vins",
    status_code=201,
    summary="按授权获取完整车架号(留痕)Full VINs of a feed's cars, on record",
    responses=refusals(PartnerKeyOnly, PartySuspended),
)
def reveal_feed_vins(body: schemas.VinsIn, principal: Partner, response: Response, session: WriteSession) -> schemas.VinsBody:
    """Each VIN stands in its car's audit trail with the reason. A stored answer would be a copy nobody logs, so it takes no idempotency
    key: asked twice, logged twice."""
    found = consents.reveal(session, principal=principal, **body.model_dump())
    response.headers["Cache-Control"] = "no-store"
    return schemas.VinsBody.model_validate(found, from_attributes=True)
