"""HTTP of enterprise sources 企业车源: agreements, and cars brought in under them."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from marketplace.accounts.api import OrganizationUnverified, PartySuspended, Reentered, WrongPassphrase
from marketplace.core.db import ReadSession, WriteSession
from marketplace.core.errors import NotFound
from marketplace.core.idempotency import Idempotency, Router
from marketplace.core.pagination import Page, Paging
from marketplace.core.problem import refusals
from marketplace.core.security import Principal, SignedIn, require
from marketplace.sourcing.domain.agreements import (
    AgreementChanged,
    AgreementNotFound,
    AgreementNotInForce,
    AgreementSigned,
    AgreementStateRefused,
    AgreementTerms,
    AgreementTermsOutOfBounds,
    BatchNotFound,
    NotASource,
    SourceChannel,
    SourceOrigin,
)
from marketplace.sourcing.schemas import agreements as schemas
from marketplace.sourcing.schemas.acquisitions import ReasonRequest
from marketplace.sourcing.schemas.consignments import SignatureBody
from marketplace.sourcing.service import agreements, supplying
from marketplace.vehicles.api import VehicleFacts

router = Router(prefix="/marketplace/v1/supply-agreements", tags=["enterprise sources 企业车源"])
Manager = Annotated[Principal, Depends(require("agreements.manage"))]
Source = Annotated[Principal, Depends(require("agreements.supply"))]


def _body(found: agreements.AgreementView) -> schemas.AgreementBody:
    row = found.row
    return schemas.AgreementBody(
        id=row.id,
        number=row.number,
        source_id=row.source_id,
        source_name=found.source_name,
        state=row.state,
        origins=[SourceOrigin(one) for one in row.origins],
        channels=[SourceChannel(one) for one in row.channels],
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        commission_bps=row.commission_bps,
        car_fee_minor=row.car_fee_minor,
        content_hash=row.content_hash,
        signed_sides=list(found.signed_sides),
        signed_at=row.signed_at,
        ended_at=row.ended_at,
    )


@router.post(
    "",
    status_code=201,
    summary="拟定企业车源协议 Draw up a framework agreement",
    responses=refusals(NotFound, NotASource, PartySuspended, OrganizationUnverified, AgreementTermsOutOfBounds),
)
def offer_agreement(body: schemas.AgreementRequest, principal: Manager, session: WriteSession, _key: Idempotency) -> schemas.AgreementBody:
    """By the market's people; it stands once both sides have signed."""
    terms = AgreementTerms(
        origins=tuple(dict.fromkeys(body.origins)),
        channels=tuple(dict.fromkeys(body.channels)),
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        commission_bps=body.commission_bps,
        car_fee_minor=body.car_fee_minor,
    )
    return _body(agreements.offer(session, principal=principal, source_id=body.source_id, terms=terms))


@router.get("", summary="企业车源协议 Framework agreements")
def list_agreements(principal: SignedIn, session: ReadSession, page: Paging) -> Page[schemas.AgreementBody]:
    """An organization's own; the market's people see all."""
    return page.page(agreements.list_agreements(session, principal=principal, paging=page), lambda one: [one.row.id], _body)


@router.get("/{agreement_id}", summary="一份协议 One agreement", responses=refusals(AgreementNotFound))
def get_agreement(agreement_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.AgreementBody:
    return _body(agreements.view(session, agreements.get_own(session, principal=principal, agreement_id=agreement_id)))


@router.get("/{agreement_id}/document", summary="协议文本及签名 The text and its signatures", responses=refusals(AgreementNotFound))
def get_agreement_document(agreement_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.AgreementTextBody:
    shown = agreements.get_text(session, principal=principal, agreement_id=agreement_id)
    return schemas.AgreementTextBody(
        content_hash=shown.content_hash,
        document=shown.document,
        is_intact=shown.is_intact,
        signatures=[
            SignatureBody(party_id=one.party_id, public_key=one.public_key, signature=one.signature, at=one.at, is_valid=is_valid)
            for one, is_valid in shown.signatures
        ],
    )


@router.post(
    "/{agreement_id}/signatures",
    summary="签署协议 Sign for my side",
    responses=refusals(AgreementNotFound, AgreementStateRefused, AgreementSigned, AgreementChanged, WrongPassphrase, NotFound),
)
def sign_agreement(
    agreement_id: UUID, body: schemas.AgreementSignRequest, principal: SignedIn, _proof: Reentered, session: WriteSession, _key: Idempotency
) -> schemas.AgreementBody:
    return _body(
        agreements.sign(session, principal=principal, agreement_id=agreement_id, passphrase=body.passphrase, content_hash=body.content_hash)
    )


@router.post(
    "/{agreement_id}/termination",
    summary="终止协议 End an agreement",
    responses=refusals(AgreementNotFound, AgreementStateRefused),
)
def end_agreement(
    agreement_id: UUID, body: ReasonRequest, principal: SignedIn, session: WriteSession, _key: Idempotency
) -> schemas.AgreementBody:
    """No more cars come in; those in a channel go on by its terms."""
    return _body(agreements.end(session, principal=principal, agreement_id=agreement_id, reason=body.reason))


# --- batches -----------------------------------------------------------------------------------------------------------


@router.post(
    "/{agreement_id}/batches",
    status_code=201,
    summary="批量送车 Bring cars in",
    responses=refusals(AgreementNotFound, AgreementStateRefused, AgreementNotInForce, AgreementTermsOutOfBounds, PartySuspended),
)
def bring_in_cars(
    agreement_id: UUID, body: schemas.BatchRequest, principal: Source, session: WriteSession, _key: Idempotency
) -> schemas.BatchBody:
    """Stored at once; each car is taken in behind the answer, with its own result."""
    batch = supplying.bring_in(session, principal=principal, agreement_id=agreement_id, cars=[_car(one) for one in body.cars])
    return _batch(supplying.BatchView(batch, []))


def _car(body: schemas.SuppliedCarRequest) -> supplying.SuppliedCar:
    return supplying.SuppliedCar(
        facts=VehicleFacts(**body.facts.model_dump()),
        origin=body.origin,
        channel=body.channel,
        proofs={one.kind: one.number for one in body.proofs},
        documents=list(dict.fromkeys(body.documents)),
        reference=body.reference,
        floor_minor=body.floor_minor,
        ask_minor=body.ask_minor,
        expected_minor=body.expected_minor,
        term_days=body.term_days,
        description=body.description,
    )


@router.get("/{agreement_id}/batches", summary="送车批次 Batches of an agreement", responses=refusals(AgreementNotFound))
def list_supply_batches(agreement_id: UUID, principal: SignedIn, session: ReadSession, page: Paging) -> Page[schemas.BatchBody]:
    found = supplying.list_batches(session, principal=principal, agreement_id=agreement_id, paging=page)
    return page.page(found, lambda one: [one.row.id], _batch)


@router.get(
    "/{agreement_id}/batches/{batch_id}", summary="批次结果 A batch, car by car", responses=refusals(AgreementNotFound, BatchNotFound)
)
def get_supply_batch(agreement_id: UUID, batch_id: UUID, principal: SignedIn, session: ReadSession) -> schemas.BatchBody:
    return _batch(supplying.get_batch(session, principal=principal, agreement_id=agreement_id, batch_id=batch_id))


def _batch(found: supplying.BatchView) -> schemas.BatchBody:
    row = found.row
    return schemas.BatchBody(
        id=row.id,
        agreement_id=row.agreement_id,
        number=row.number,
        state=row.state,
        received_at=row.received_at,
        finished_at=row.finished_at,
        cars=[schemas.SuppliedCarBody.model_validate(one) for one in found.cars],
    )
