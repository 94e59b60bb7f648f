"""The pricing API for partners' machines and for people."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Query, Response

from marketplace.accounts.api import PartySuspended
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import Malformed, NotFound, Refusal, Unauthenticated
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusal_body, refusals
from marketplace.core.security import CapabilityMissing, SignedIn, Viewer
from valuation.partners import queries, service
from valuation.partners.domain import QuotaUsedUp
from valuation.partners.models import Estimate
from valuation.partners.schemas import (
    BatchAnswer,
    BatchBody,
    BatchRequest,
    EstimateBody,
    EstimateRequest,
    ModelBody,
    UsageBody,
    estimate_body,
    usage_body,
)
from valuation.partners.service import Question
from valuation.pricing import api as pricing
from valuation.pricing.api import FactsIncomplete, OutsideModel

router = Router(prefix="/valuation/v1", tags=["估价 estimates"])
_CALLER = (Unauthenticated, CapabilityMissing, PartySuspended, QuotaUsedUp, Malformed)


@router.post(
    "/estimates",
    status_code=201,
    summary="估价 Estimate a price",
    responses=refusals(*_CALLER, NotFound, FactsIncomplete, OutsideModel),
)
def request_estimate(
    body: EstimateRequest, principal: SignedIn, session: WriteSession, response: Response, _key: Idempotency
) -> EstimateBody:
    """By an API key with the scope `prices.quote`, or a person. Refused with a reason where the car lies outside the data."""
    estimate = service.request_estimate(session, principal=principal, question=_question(body))
    response.headers["Location"] = f"/valuation/v1/estimates/{estimate.id}"
    return estimate_body(estimate)


@router.post("/estimates/batch", summary="批量估价 Estimate many", responses=refusals(*_CALLER))
def request_estimates(body: BatchRequest, principal: SignedIn, session: WriteSession, _key: Idempotency) -> BatchBody:
    """Up to 100 cars; each line is answered or refused by itself."""
    questions = [_question(one) for one in body.estimates]
    return BatchBody(answers=[_line(one) for one in service.request_estimates(session, principal=principal, questions=questions)])


def _question(body: EstimateRequest) -> Question:
    return Question(purpose=body.purpose, vehicle_id=body.vehicle_id, facts=body.facts.facts() if body.facts else None)


def _line(found: Estimate | Refusal) -> BatchAnswer:
    if isinstance(found, Refusal):
        return BatchAnswer(problem=orjson.loads(refusal_body(found)))
    return BatchAnswer(estimate=estimate_body(found))


@router.get("/estimates", summary="估价记录 One's estimates", responses=refusals(Unauthenticated, Malformed))
def list_estimates(principal: SignedIn, session: ReadSession, paging: Paging) -> Page[EstimateBody]:
    rows = queries.list_estimates(session, party_id=principal.party_id, page=paging)
    return paging.page(rows, lambda row: [row.id], estimate_body)


@router.get("/estimates/{estimate_id}", summary="一次估价 One estimate", responses=refusals(Unauthenticated, NotFound, Malformed))
def get_estimate(estimate_id: UUID, principal: SignedIn, session: ReadSession) -> EstimateBody:
    return estimate_body(service.get_own_estimate(session, principal=principal, estimate_id=estimate_id))


@router.get("/usage", summary="用量 Calls by day", responses=refusals(Unauthenticated, Malformed))
def list_usage(principal: SignedIn, session: ReadSession, days: Annotated[int, Query(ge=1, le=366)] = 31) -> list[UsageBody]:
    return [usage_body(usage) for usage in service.list_usage(session, principal=principal, days=days)]


@router.get("/model", summary="模型卡 The model card", responses=refusals(Malformed))
def get_model(_viewer: Viewer) -> ModelBody:
    """What the model was trained on, and how good it is on cars it has not seen."""
    card = pricing.get_model_card()
    return ModelBody(**{name: card[name] for name in ModelBody.model_fields})
